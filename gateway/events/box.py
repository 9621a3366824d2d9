"""The box itself: its starts, its faults, and what is done to it."""

from enum import StrEnum

from gateway.events.base import Event


class Started(Event, frozen=True, tag="started"):
    """The daemon came up."""

    version: str


class FaultRaised(Event, frozen=True, tag="fault_raised"):
    """Something of the box does not work: `part` is e.g. `transmitter/main` or `button/exit`."""

    part: str
    words: str


class FaultCleared(Event, frozen=True, tag="fault_cleared"):
    """It works again."""

    part: str


class DailyTestConfirmed(Event, frozen=True, tag="test_confirmed"):
    """Somebody says that the daily test page buzzed on these pagers. `via` as in acknowledging."""

    pagers: tuple[str, ...]
    by: str
    via: str


class OwnerPinReset(Event, frozen=True, tag="owner_pin_reset"):
    """The set-up button was held: the owners' PINs are gone and set-up is open again."""

    button: str


class FactoryResetRequested(Event, frozen=True, tag="factory_reset_requested"):
    """The box is to be as new: a set-up button was held longer, or, with none, the page asked."""

    button: str


class SettingsChanged(Event, frozen=True, tag="settings_changed"):
    """The gateway wrote its settings anew."""

    by: str
    sha256: str
    keys: tuple[str, ...] = ()


class Deed(StrEnum):
    """What an owner has done to the box, beside its settings."""

    PIN_SET = "pin_set"
    SESSIONS_ENDED = "sessions_ended"
    BACKUP_MADE = "backup_made"
    BUNDLE_MADE = "bundle_made"
    RESTORED = "restored"
    RESTORE_UNDONE = "restore_undone"
    TOKEN_SET = "token_set"  # noqa: S105 - a word, no secret
    CLOCK_SET = "clock_set"
    BOX_NAMED = "box_named"
    WIFI_SET = "wifi_set"
    ACCESS_POINT_OPENED = "access_point_opened"
    ACCESS_POINT_CLOSED = "access_point_closed"
    UPDATE_BEGUN = "update_begun"
    BOX_RESTARTED = "box_restarted"
    RESET_REQUESTED = "reset_requested"


class Administered(Event, frozen=True, tag="administered"):
    """Somebody did something to the box itself, for the audit log. No secret is in it.

    Attributes:
        via: As in acknowledging.
        about: Whose PIN or sessions, where it is about a person; else what it was done to.
    """

    by: str
    via: str
    deed: Deed
    about: str | None = None


class PersonalForgotten(Event, frozen=True, tag="personal_forgotten"):
    """What was kept of one customer was deleted, and `entries` of it; whose it was is not told."""

    by: str
    entries: int
