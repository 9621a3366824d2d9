"""The vocabulary: what a press, an alert, a page, an offer and a grant are."""

from enum import IntEnum, StrEnum

import msgspec


class Language(StrEnum):
    """The languages a shop's people read."""

    RU = "ru"
    EN = "en"


class Label(msgspec.Struct, frozen=True):
    """One short text in both languages."""

    ru: str
    en: str

    def text(self, language: Language) -> str:
        """The text in one language."""
        return self.ru if language is Language.RU else self.en


class ButtonKind(StrEnum):
    """What a wired button stands for."""

    VERY_HAPPY = "very_happy"
    HAPPY = "happy"
    NEUTRAL = "neutral"
    UNHAPPY = "unhappy"
    VERY_UNHAPPY = "very_unhappy"
    CALL = "call"
    REASON = "reason"
    ACKNOWLEDGE = "acknowledge"
    SETUP = "setup"

    @property
    def is_red(self) -> bool:
        """Red means unhappy or very unhappy: the presses that must reach a wrist."""
        return self in (ButtonKind.UNHAPPY, ButtonKind.VERY_UNHAPPY)

    @property
    def is_smiley(self) -> bool:
        """Whether it belongs to the scale from happy to unhappy, and so to the happy index."""
        return self in _SMILEYS


_SMILEYS = frozenset(
    {
        ButtonKind.VERY_HAPPY,
        ButtonKind.HAPPY,
        ButtonKind.NEUTRAL,
        ButtonKind.UNHAPPY,
        ButtonKind.VERY_UNHAPPY,
    }
)


class PressFlag(StrEnum):
    """Why a press does not count. It is kept all the same, with this reason."""

    GLITCH = "glitch"  # shorter than the glitch time: a spike on a long wire
    REPEAT = "repeat"  # the same button again inside the response interval
    MASHING = "mashing"  # many presses in a short time on one panel
    SIMULTANEOUS = "simultaneous"  # several buttons of one panel at once
    COMPENSATING = "compensating"  # a run of greens right after a red
    STUCK = "stuck"  # held beyond any person's patience: a line fault


class Press(msgspec.Struct, frozen=True):
    """One press of one button as the filter judged it.

    Attributes:
        button: The button's configured name.
        kind: What the button stood for when it was pressed.
        zone: Where it hangs.
        flag: Why it does not count, or None when it does.
    """

    button: str
    kind: ButtonKind
    zone: str
    flag: PressFlag | None = None


class AlertState(StrEnum):
    """Where an alert is between the press and its end."""

    OPEN = "open"  # nobody has taken it yet
    ACKNOWLEDGED = "acknowledged"  # someone is on the way
    CONTACTED = "contacted"  # someone is with the customer
    RESOLVED = "resolved"
    MISSED = "missed"  # nobody took it while it was fresh


class AlertCause(StrEnum):
    """What made the box raise an alert."""

    RED = "red"
    CALL = "call"
    REASON = "reason"
    PATTERN = "pattern"
    FAULT = "fault"


class Outcome(StrEnum):
    """How an alert ended."""

    RECOVERED = "recovered"
    NOT_RECOVERED = "not_recovered"
    LEFT = "left"
    FALSE_ALARM = "false_alarm"
    MISUSE = "misuse"


class Priority(IntEnum):
    """Which page goes first; lower is sooner."""

    ALARM = 1
    HIGH = 2
    NORMAL = 3


class Page(msgspec.Struct, frozen=True):
    """One text for one pager.

    Attributes:
        id: Unique for ever; the receipt names it.
        pager: The configured pager's name.
        text: What it should say, before it is fitted to the pager.
        priority: Its place in the queue.
        alert: The alert it belongs to, or None for a test page.
        level: The ladder level that sent it, from 0.
        kind: The alert's cause, or `test`: for receivers that know only numbers or codes.
        charset: Another code table than the pager's own, for a test that shows which one it has.
    """

    id: str
    pager: str
    text: str
    priority: Priority = Priority.NORMAL
    alert: str | None = None
    level: int = 0
    kind: str = "test"
    charset: str | None = None


class ReceiptState(StrEnum):
    """What the transmitter's answer proves. None of them means "seen by staff"."""

    ACCEPTED = "accepted"  # the equipment took it
    TRANSMITTED = "transmitted"  # the equipment says it was on the air
    UNKNOWN = "unknown"  # the answer was lost: it may have gone out
    FAILED = "failed"  # it certainly did not go out


class Receipt(msgspec.Struct, frozen=True):
    """What became of a page.

    Attributes:
        state: What the answer proves.
        detail: The equipment's own words, e.g. `511 unknown pager id`.
        transmitter: The transmitter that was tried last.
        first_byte_ns: CLOCK_MONOTONIC when the page's first byte was written, None if none was.
        line_down: True when it failed because of the line or equipment, not of this page:
            another transmitter may do better.
    """

    state: ReceiptState
    detail: str = ""
    transmitter: str = ""
    first_byte_ns: int | None = None
    line_down: bool = False

    @property
    def is_durable(self) -> bool:
        """Whether the page went out as far as anybody can tell."""
        return self.state in (ReceiptState.ACCEPTED, ReceiptState.TRANSMITTED)


class Role(StrEnum):
    """What a person may do; each role may do all that the ones before it may."""

    STAFF = "staff"
    MANAGER = "manager"
    OWNER = "owner"

    @property
    def rank(self) -> int:
        """0 for staff, rising."""
        return list(Role).index(self)


class OfferKind(StrEnum):
    """What a remedy is."""

    APOLOGY = "apology"
    SOUVENIR = "souvenir"
    COUPON = "coupon"
    REDO = "redo"
    EXCHANGE = "exchange"
    REFUND = "refund"
    TOKENS = "tokens"


class GrantState(StrEnum):
    """Where a grant is."""

    ISSUED = "issued"
    REDEEMED = "redeemed"
    VOID = "void"
    EXPIRED = "expired"
