"""Blink codes and signals as pure functions of the time since they began."""

from collections.abc import Iterable
from typing import Final

import msgspec

from gateway.inputs.contact import NS_PER_MS


class Pattern(msgspec.Struct, frozen=True):
    """A light over time: on and off in turns.

    Attributes:
        spans_ms: How long each span is; the first one is on.
        repeats: Whether it begins again after the last span.
        then: The level after the last span of one that does not repeat.
    """

    spans_ms: tuple[int, ...]
    repeats: bool = False
    then: bool = False


def level_at(pattern: Pattern, elapsed_ns: int) -> bool:
    """Whether the light is on `elapsed_ns` after the pattern began."""
    return _at(pattern, elapsed_ns)[0]


def next_change_ns(pattern: Pattern, elapsed_ns: int) -> int | None:
    """How long after its beginning the pattern's next span begins; None when none is left."""
    return _at(pattern, elapsed_ns)[1]


def _at(pattern: Pattern, elapsed_ns: int) -> tuple[bool, int | None]:
    length_ns = sum(pattern.spans_ms) * NS_PER_MS
    if elapsed_ns >= length_ns and not pattern.repeats:
        return pattern.then, None
    end_ns = elapsed_ns // length_ns * length_ns
    on = False
    for span_ms in pattern.spans_ms:
        end_ns += span_ms * NS_PER_MS
        on = not on
        if elapsed_ns < end_ns:
            break
    return on, end_ns


def _code(flashes: int) -> Pattern:
    """That many flashes, then a pause in which a person can count them."""
    return Pattern((*(200, 250) * (flashes - 1), 200, 1400), repeats=True)


def _joined(parts: Iterable[tuple[int, ...]]) -> tuple[int, ...]:
    return tuple(span for part in parts for span in part)


# The fault LED. It is never dark for long: dark means that the box has no power.
BOOTING: Final = Pattern((100, 100), repeats=True)
UNCLAIMED: Final = Pattern((1000, 1000), repeats=True)
FINE: Final = Pattern((50, 2950), repeats=True)
NO_SERVER: Final = _code(2)
TRANSMITTER_FAULT: Final = _code(3)
BUTTON_FAULT: Final = _code(4)

# A press has registered: the same for every button, so that a red one is discreet.
REGISTERED: Final = Pattern((250,))
CHIRP: Final = Pattern((40,))

# Somebody looks whether an LED or the buzzer works: long enough to walk up to it.
TRIAL: Final = Pattern((300, 200) * 10)
TRIAL_SOUND: Final = Pattern((200, 200) * 3)

# A set-up button is held: a flash a second up to 10 s (password reset), two a second up to 30 s,
# then on for good (factory reset).
COUNTING: Final = Pattern(_joined([(100, 900)] * 10 + [(100, 150, 100, 650)] * 20), then=True)
