"""The drawing of the header shows what the settings of a new box use, and nothing else."""

import re
import tomllib
from pathlib import Path

from tests.config.test_config_docs import WHOLE

DRAWING = Path(__file__).parents[2] / "docs/hardware/header.svg"
UART = {14, 15}


def test_every_pin_of_the_example_is_in_the_drawing_and_no_other() -> None:
    settings = tomllib.loads(WHOLE)
    used = {settings["inputs"]["fault_led_pin"], settings["inputs"]["buzzer_pin"]}
    for button in settings["buttons"]:
        used |= {button["pin"], button.get("led_pin", button["pin"])}
    drawn = re.findall(r'<tspan class="b">GPIO(\d+)</tspan>', DRAWING.read_text("utf-8"))
    assert {int(pin) for pin in drawn} - UART == used
