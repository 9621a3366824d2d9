"""What is said on the control socket about the parts of the box."""

from typing import Annotated, ClassVar

import msgspec
from msgspec import Meta

from gateway.model import ReceiptState, Role
from gateway.request import Done, Request


class Moment(msgspec.Struct, frozen=True, kw_only=True):
    """Something of the box's past: when, Unix time as the box believed it, and what."""

    at_s: float
    part: str
    words: str | None  # None: it worked again


class FaultsView(msgspec.Struct, frozen=True, kw_only=True):
    """A page of the log of faults.

    Attributes:
        moments: Faults that came and went, the latest first; a page may be empty, and others not.
        older: What to ask for `before` to see older ones; None at the end of the log.
        newer: What to ask for `after` to see newer ones; None on the latest page.
    """

    moments: tuple[Moment, ...]
    older: int | None = None
    newer: int | None = None


class PagerMoment(msgspec.Struct, frozen=True, kw_only=True):
    """When a pager was paged last, Unix time as the box believed it, and what came of it."""

    at_s: float
    state: ReceiptState


class DevicesView(msgspec.Struct, frozen=True, kw_only=True):
    """What the parts have done lately.

    Attributes:
        pressed: The latest press of each button, Unix time; none for one that nobody pressed.
        faults: The latest faults that came and went, the latest first; `GetFaults` has them all.
        pagers: The names of the pagers that a test page can go to.
        paged: The latest receipt of each pager; none for one that was never paged.
        lights: The buttons that have an LED to try.
        has_buzzer: Whether the box has a buzzer to try.
    """

    pressed: dict[str, float]
    faults: tuple[Moment, ...]
    pagers: tuple[str, ...]
    paged: dict[str, PagerMoment] = {}
    lights: tuple[str, ...] = ()
    has_buzzer: bool = False


class GetDevices(Request[DevicesView], frozen=True, tag="devices"):
    """What the parts have done lately."""


class GetFaults(Request[FaultsView], frozen=True, tag="faults"):
    """The latest page of the log of faults, or the page before or after a record."""

    before: Annotated[int, Meta(ge=0, lt=1 << 62)] | None = None
    after: Annotated[int, Meta(ge=0, lt=1 << 62)] | None = None


class TrySignal(Request[Done], frozen=True, tag="try_signal"):
    """Flash the LED of a button, or sound the buzzer where none is named."""

    needs: ClassVar[Role | None] = Role.MANAGER
    button: str | None = None
