"""The gateway's words as sentences for people: the one place that turns codes into language."""

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from webui.client import (
    AlertCause,
    AuditKind,
    ButtonKind,
    GrantState,
    LeaderLine,
    Outcome,
    PressFlag,
    ReceiptState,
    Role,
    SetupStep,
)
from webui.translate import (
    gettext,
    lazy_gettext,
    spell_amount,
    spell_date,
    spell_moment,
)

CAUSES: Final = {
    AlertCause.RED: lazy_gettext("Unhappy customer"),
    AlertCause.CALL: lazy_gettext("A customer calls for staff"),
    AlertCause.REASON: lazy_gettext("A customer gave a reason"),
    AlertCause.PATTERN: lazy_gettext("Many unhappy customers"),
    AlertCause.FAULT: lazy_gettext("Equipment fault"),
}

LESSONS: Final = {
    "test": lazy_gettext("Test page, and all that has no line here"),
    **{cause.value: name for cause, name in CAUSES.items()},
    "security": lazy_gettext("Security is called"),
}
"""What a watch is taught, by kind of page."""

OUTCOMES: Final = {
    Outcome.RECOVERED: lazy_gettext("Recovered"),
    Outcome.NOT_RECOVERED: lazy_gettext("Not recovered"),
    Outcome.LEFT: lazy_gettext("The customer left"),
    Outcome.FALSE_ALARM: lazy_gettext("False alarm"),
    Outcome.MISUSE: lazy_gettext("Misuse"),
}

SEVERITIES: Final = {
    1: lazy_gettext("Inattention"),
    2: lazy_gettext("Delay or small error"),
    3: lazy_gettext("Failed service or product"),
    4: lazy_gettext("Money lost"),
    5: lazy_gettext("Safety"),
}

RECEIPTS: Final = {
    ReceiptState.ACCEPTED: lazy_gettext("The transmitter took the page"),
    ReceiptState.TRANSMITTED: lazy_gettext("The page was on the air"),
    ReceiptState.UNKNOWN: lazy_gettext("No answer from the transmitter: the page may be out"),
    ReceiptState.FAILED: lazy_gettext("The page did not go out"),
}

FLAGS: Final = {
    PressFlag.GLITCH: lazy_gettext("a spike on the wire"),
    PressFlag.REPEAT: lazy_gettext("the same button again too soon"),
    PressFlag.MASHING: lazy_gettext("many presses in a short time"),
    PressFlag.SIMULTANEOUS: lazy_gettext("several buttons at once"),
    PressFlag.COMPENSATING: lazy_gettext("a run of happy presses right after an unhappy one"),
    PressFlag.STUCK: lazy_gettext("the button is stuck"),
}

KINDS: Final = {
    ButtonKind.VERY_HAPPY: lazy_gettext("Very happy"),
    ButtonKind.HAPPY: lazy_gettext("Happy"),
    ButtonKind.NEUTRAL: lazy_gettext("Neutral"),
    ButtonKind.UNHAPPY: lazy_gettext("Unhappy"),
    ButtonKind.VERY_UNHAPPY: lazy_gettext("Very unhappy"),
    ButtonKind.CALL: lazy_gettext("Call for staff"),
    ButtonKind.REASON: lazy_gettext("Reason"),
    ButtonKind.ACKNOWLEDGE: lazy_gettext("I am going"),
    ButtonKind.SETUP: lazy_gettext("Set-up"),
}

AUDIT_KINDS: Final = {
    AuditKind.SETTINGS: lazy_gettext("Settings"),
    AuditKind.BOX: lazy_gettext("PINs and the box itself"),
    AuditKind.GRANTS: lazy_gettext("Promises and codes"),
    AuditKind.CUSTOMERS: lazy_gettext("What is kept of customers"),
}

AUDIT_DEEDS: Final = {
    "settings_changed": lazy_gettext("Settings changed"),
    "pin_set": lazy_gettext("New PIN"),
    "sessions_ended": lazy_gettext("Signed out"),
    "backup_made": lazy_gettext("Backup made"),
    "bundle_made": lazy_gettext("Support bundle made"),
    "restored": lazy_gettext("Restored from a backup"),
    "restore_undone": lazy_gettext("Back to before a restore"),
    "token_set": lazy_gettext("New token for the server"),
    "clock_set": lazy_gettext("Clock set"),
    "box_named": lazy_gettext("The box was named"),
    "wifi_set": lazy_gettext("Wi-Fi changed"),
    "access_point_opened": lazy_gettext("The box's own Wi-Fi opened"),
    "access_point_closed": lazy_gettext("The box's own Wi-Fi closed"),
    "update_begun": lazy_gettext("Update begun"),
    "box_restarted": lazy_gettext("The box restarted"),
    "reset_requested": lazy_gettext("Factory reset asked for at the page"),
    "owner_pin_reset": lazy_gettext("Owner's PIN forgotten at the set-up button"),
    "factory_reset_requested": lazy_gettext("Factory reset asked for at the set-up button"),
    "grant_overridden": lazy_gettext("Granted although something spoke for misuse"),
    "grant_voided": lazy_gettext("Promise taken back"),
    "grant_key_rotated": lazy_gettext("New key for codes"),
    "personal_forgotten": lazy_gettext("A customer was forgotten"),
}

GRANTS: Final = {
    GrantState.ISSUED: lazy_gettext("not redeemed yet"),
    GrantState.REDEEMED: lazy_gettext("redeemed"),
    GrantState.VOID: lazy_gettext("taken back"),
    GrantState.EXPIRED: lazy_gettext("expired"),
}

LEADER_BOARDS: Final = {
    "StaffExperience": lazy_gettext("Experience"),
    "Recoveries": lazy_gettext("Customers won back"),
    "QuickAnswers": lazy_gettext("Quick answers"),
    "CleanShifts": lazy_gettext("Shifts without a miss"),
    "HappyShops": lazy_gettext("Happy shops"),
}
"""The boards that the server is shipped with; a shop's own go by their names."""

ROLES: Final = {
    Role.STAFF: lazy_gettext("staff"),
    Role.MANAGER: lazy_gettext("manager"),
    Role.OWNER: lazy_gettext("owner"),
}

STEPS: Final = {
    SetupStep.SHOP: lazy_gettext("Your shop"),
    SetupStep.TRANSMITTER: lazy_gettext("Transmitter and pager"),
    SetupStep.BUTTONS: lazy_gettext("Buttons"),
    SetupStep.STAFF: lazy_gettext("Staff and pagers"),
    SetupStep.SERVER: lazy_gettext("Central server"),
    SetupStep.REHEARSAL: lazy_gettext("Rehearsal"),
}

DRIVERS: Final = {
    "tap": lazy_gettext("Paging terminal (TAP)"),
    "espa": lazy_gettext("Paging system with ESPA 4.4.4"),
    "template:jtech": "JTECH",
    "template:lrs": "LRS",
    "template:scope": "Scope",
    "template:waveware": "WaveWare",
    "template:comp2": "COMP2",
    "mmdvm": lazy_gettext("Modem hat (MMDVM_HS)"),
    "ev1527:rfxtrx433": "RFXtrx433",
    "ev1527:sonoff-efm8": lazy_gettext("Sonoff RF bridge"),
    "template:rflink": "RFLink",
    "template:tasmota": "Tasmota",
}

STATES: Final = {
    "ok": lazy_gettext("works"),
    "starting": lazy_gettext("starting"),
    "none": lazy_gettext("not set up: everything is kept on the box"),
}
"""The plain states of equipment; any other is the gateway's own words for a fault."""


_SIGNS: Final = 4
"""Of an account that nobody here knows: enough to tell one from another."""


def word(table: Mapping[Any, object], key: str) -> str:
    """The words for `key`, or `key` itself: a newer gateway may know more than this page."""
    return str(table.get(key, key))


def leader(line: LeaderLine) -> str:
    """Who stands on a line of a leader board; of whoever is not known here, the last signs."""
    if line.name:
        return line.name
    end = line.account[-_SIGNS:]
    if line.shop:
        return gettext("another shop, …%(end)s", end=end)
    return gettext("a colleague elsewhere, …%(end)s", end=end)


def state(words: str) -> str:
    """A part's state: our word where it is a plain one, else the gateway's own."""
    return str(STATES.get(words, words))


def duration(seconds: float) -> str:
    """A length of time in the two largest units that matter, e.g. `1 min 20 s`."""
    whole = max(0, int(seconds))
    if whole < 60:
        return gettext("%(s)d s", s=whole)
    if whole < 3600:
        return gettext("%(min)d min %(s)d s", min=whole // 60, s=whole % 60)
    return gettext("%(h)d h %(min)d min", h=whole // 3600, min=whole % 3600 // 60)


def size(octets: int) -> str:
    """How much room, in the largest whole unit."""
    if octets < 10**6:
        return gettext("%(n)d kB", n=-(-octets // 1000))
    if octets < 10**9:
        return gettext("%(n)d MB", n=octets // 10**6)
    return gettext("%(n)d GB", n=octets // 10**9)


def amount(number: float | str) -> str:
    """A number of the gateway, as people write it."""
    return spell_amount(float(number))


def since(wall_ns: int) -> str:
    """How long ago a moment of the box's wall clock was."""
    return duration(time.time() - wall_ns / 1e9)


def moment(wall_s: float) -> str:
    """A moment of the box's wall clock, local to the box."""
    return spell_moment(datetime.fromtimestamp(wall_s, UTC).astimezone())


def instant(iso: str) -> str:
    """A moment that the gateway tells in ISO 8601, local to the box."""
    return spell_moment(datetime.fromisoformat(iso).astimezone())


def day(wall_ns: int) -> str:
    """A date of the box's wall clock, local to the box."""
    return spell_date(datetime.fromtimestamp(wall_ns / 1e9, UTC).astimezone().date())
