"""What the press filter says: the only words that leave it."""

from enum import StrEnum

import msgspec

from gateway.inputs.health import FaultKind
from gateway.model import Press


class SetupStage(StrEnum):
    """How far a hold of the set-up button has come."""

    PASSWORD_RESET = "password_reset"  # 10 s  # noqa: S105 - a stage, no password
    FACTORY_RESET = "factory_reset"  # 30 s


class Pressed(msgspec.Struct, frozen=True):
    """A press, or spikes that were none.

    Attributes:
        press: The button, and why the press does not count, if it does not.
        at_ns: CLOCK_MONOTONIC of the leading edge; for spikes, of the first of them.
        count: Above 1 only for spikes (flag `glitch`), which are told in sums.
    """

    press: Press
    at_ns: int
    count: int = 1


class Released(msgspec.Struct, frozen=True):
    """An acknowledge or set-up button was let go.

    Attributes:
        button: The button's configured name.
        at_ns: CLOCK_MONOTONIC of the moment from which the contact stayed open.
        held_ns: From the leading edge until then.
        long: Whether that was a long press.
        stage: The last stage a set-up button had reached, None for a shorter hold and for an
            acknowledge button.
    """

    button: str
    at_ns: int
    held_ns: int
    long: bool
    stage: SetupStage | None = None


class SetupHeld(msgspec.Struct, frozen=True):
    """A set-up button has been held this long, and still is.

    Holding on towards the factory reset passes the password reset on the way: act on
    `Released.stage`, and use this for what the person sees meanwhile.
    """

    button: str
    at_ns: int
    stage: SetupStage


class LineFault(msgspec.Struct, frozen=True):
    """A button's line cannot be a person's doing. Its first press stands."""

    button: str
    at_ns: int
    kind: FaultKind


class LineHealed(msgspec.Struct, frozen=True):
    """The line that had a fault is at rest again, since `at_ns`."""

    button: str
    at_ns: int


Verdict = Pressed | Released | SetupHeld | LineFault | LineHealed
