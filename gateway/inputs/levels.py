"""What a pin's level and time stamp mean: pure."""

from typing import Final

from gateway.clock import NS_PER_S
from gateway.config import Button

# An edge waits for its reader for milliseconds; one that seems older is of another clock.
_OLDEST_NS: Final = 60 * NS_PER_S


def pressed_is_high(button: Button) -> bool:
    """Whether the pin is high while the button is pressed.

    An open loop leaves the pin to its resistor, a closed one pulls it the other way. With
    `pull = "none"` the resistor is outside and taken to go to 3.3 V; where it goes to ground, turn
    `normally_closed` round.
    """
    open_is_high = button.pull != "down"
    pressed_opens = button.normally_closed
    return open_is_high == pressed_opens


def edge_ns(stamp_s: float, now_ns: int) -> int:
    """The time of an edge on CLOCK_MONOTONIC.

    Kernels from 5.10 on, which lgpio 0.2 needs, stamp edges with CLOCK_MONOTONIC
    (struct gpio_v2_line_event, `timestamp_ns`). A stamp that cannot be of that clock is not
    believed.

    Args:
        stamp_s: The kernel's stamp, in seconds as gpiozero hands it on.
        now_ns: CLOCK_MONOTONIC now, when the edge has just been handed over.
    """
    stamp_ns = round(stamp_s * NS_PER_S)
    return stamp_ns if now_ns - _OLDEST_NS < stamp_ns <= now_ns else now_ns
