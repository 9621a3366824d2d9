"""Whatever the wizard does with the buttons that a box comes with, its set-up button stays."""

from pathlib import Path

import pytest

from gateway.config import Config, check
from gateway.config.edit import edited
from gateway.errors import Refused
from gateway.model import ButtonKind
from gateway.setup import steps
from gateway.setup.messages import PlaceButton

EXAMPLE = (Path(__file__).parents[2] / "docs/gateway.example.toml").read_text()
PIN = 17


def config_of(text: str) -> Config:
    config, problems, _ = check.check(text)
    assert config is not None, problems
    return config


def test_a_box_whose_buttons_are_all_made_anew_keeps_it() -> None:
    unhappy = PlaceButton(pin=22, kind=ButtonKind.UNHAPPY)
    text = edited(EXAMPLE, steps.place(config_of(EXAMPLE), unhappy))
    for button in config_of(EXAMPLE).buttons:
        if button.kind is not ButtonKind.SETUP:
            text = edited(text, steps.remove_button(config_of(text), button.name))
    assert [(each.pin, each.kind) for each in config_of(text).buttons] == [
        (PIN, ButtonKind.SETUP),
        (22, ButtonKind.UNHAPPY),
    ]


def test_it_is_neither_removed_nor_made_another() -> None:
    config = config_of(EXAMPLE)
    with pytest.raises(Refused, match="set-up is the set-up button"):
        steps.remove_button(config, "set-up")
    with pytest.raises(Refused, match="set-up is the set-up button"):
        steps.place(config, PlaceButton(pin=PIN, kind=ButtonKind.HAPPY))
