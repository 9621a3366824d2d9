"""The gateway's words as sentences for people: the one place that turns codes into language."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from webui.client import (
    AlertCause,
    ButtonKind,
    Outcome,
    PressFlag,
    ReceiptState,
    Refused,
    Role,
)
from webui.translate import gettext, lazy_gettext, spell_date

REFUSALS: Final = {
    "already_redeemed": lazy_gettext("This code has already been redeemed."),
    "already_taken": lazy_gettext("Someone else has taken this alert."),
    "bad_pin": lazy_gettext("Wrong PIN. Try again."),
    "bad_request": lazy_gettext("The gateway did not understand this."),
    "bad_severity": lazy_gettext("Severity goes from 1 to 5."),
    "busy": lazy_gettext("The gateway has too much to do just now. Try again."),
    "expired": lazy_gettext("This code has expired."),
    "foreign_shop": lazy_gettext("This code is from another shop. Only that shop can redeem it."),
    "forged": lazy_gettext("This code was never issued."),
    "forbidden": lazy_gettext("You may not do this. Ask a manager."),
    "locked_out": lazy_gettext("Too many wrong PINs. Wait a little, then try again."),
    "mistyped": lazy_gettext("This is no code. Compare it letter by letter."),
    "no_account": lazy_gettext("Tokens need the customer's ACHIVX account."),
    "not_kept": lazy_gettext("The box could not keep this, so it was not done. Try again."),
    "not_open": lazy_gettext("This alert has already ended."),
    "not_signed_in": lazy_gettext("Please sign in."),
    "request_reused": lazy_gettext("This form was used already. Open the page again."),
    "unavailable": lazy_gettext("This part of the box does not work just now. See Status."),
    "unknown_alert": lazy_gettext("This alert is no longer on the board."),
    "unknown_code": lazy_gettext("No grant has this code. Check the letters and try again."),
    "unknown_offer": lazy_gettext("This offer is no longer in the playbook."),
    "unknown_staff": lazy_gettext("Nobody of this name works here."),
    "void": lazy_gettext("This code has been taken back."),
}

CAUSES: Final = {
    AlertCause.RED: lazy_gettext("Unhappy customer"),
    AlertCause.CALL: lazy_gettext("A customer calls for staff"),
    AlertCause.REASON: lazy_gettext("A customer gave a reason"),
    AlertCause.PATTERN: lazy_gettext("Many unhappy customers"),
    AlertCause.FAULT: lazy_gettext("Equipment fault"),
}

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

ROLES: Final = {
    Role.STAFF: lazy_gettext("staff"),
    Role.MANAGER: lazy_gettext("manager"),
    Role.OWNER: lazy_gettext("owner"),
}

STATES: Final = {
    "ok": lazy_gettext("works"),
    "starting": lazy_gettext("starting"),
    "none": lazy_gettext("not set up: everything is kept on the box"),
}
"""The plain states of equipment; any other is the gateway's own words for a fault."""


def refusal(refused: Refused) -> str:
    """Why not, in the reader's language; the gateway's own sentence where we have none."""
    seconds = re.search(r"\d+", str(refused))
    if refused.code == "locked_out" and seconds:
        return gettext(
            "Too many wrong PINs. Try again in %(time)s.", time=duration(int(seconds[0]))
        )
    return str(REFUSALS.get(refused.code, refused))


def word(table: Mapping[Any, object], key: str) -> str:
    """The words for `key`, or `key` itself: a newer gateway may know more than this page."""
    return str(table.get(key, key))


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


def day(wall_ns: int) -> str:
    """A date of the box's wall clock, local to the box."""
    return spell_date(datetime.fromtimestamp(wall_ns / 1e9, UTC).astimezone().date())
