"""One alert from press to end, as a frozen structure and the fold that its events make.

The desk in memory and the journal's view fold the same events through the same function, so they
cannot disagree.
"""

from typing import Final

import msgspec

from gateway.clock import Stamp
from gateway.events import (
    AlertAcknowledged,
    AlertClimbed,
    AlertContacted,
    AlertJoined,
    AlertMissed,
    AlertRaised,
    AlertResolved,
    AlertReturned,
    AnswerStood,
    AnswerWithdrawn,
    AnyEvent,
    CaseDescribed,
    CustomerNamed,
    Paged,
    SecurityCalled,
)
from gateway.model import AlertCause, AlertState, Label, Outcome, ReceiptState

PAGES_SHOWN: Final = 12
"""The latest receipts an alert carries along; the journal has them all."""
DURABLE: Final = (ReceiptState.ACCEPTED, ReceiptState.TRANSMITTED)
"""Receipts which prove that a page went out."""


class Act(msgspec.Struct, frozen=True):
    """Who did something, and when."""

    by: str
    at: Stamp


class Answer(msgspec.Struct, frozen=True):
    """What was said last, while it can still be taken back; `Alert.taken` has who and when.

    Attributes:
        was: What the alert was before.
        account: As in the answer's event, and `after_s` too.
    """

    was: AlertState
    account: str | None
    after_s: float | None


class PageNote(msgspec.Struct, frozen=True):
    """One page of the alert and what became of it."""

    page: str
    pager: str
    level: int
    state: ReceiptState
    detail: str
    text: str
    at: Stamp


class Alert(msgspec.Struct, frozen=True, kw_only=True):
    """What staff must answer; a case once it is taken.

    Attributes:
        level: The last ladder level taken, -1 before the first.
        climbing: When the ladder began to count: the press, or the return of a taken alert.
        quiet: It is shown and not paged: raised, or come back, outside opening hours.
        presses: Presses of the burst.
        last_press: The latest of them.
        receipts: What became of each page of the level now, by the page's id. A page that went
            out stays so, whatever is heard of it later.
        words: What a rule has found, in place of a button's label.
        to: Who is paged in place of whoever the ladder's steps say; none: those.
        acknowledged: Who went. It is forgotten when the alert comes back, as is `contacted`.
        answer: The latest of the two, while whoever said it can take it back.
        mishap: What went wrong, a name of `[[causes]]`; `cause` is what raised the alert.
        reason: A free word of old journals.
        note: The key of the latest free note in the personal store, `customer` that of whose case
            it is.
        described: Who said last what was found out with the customer.
        security: Who called security, the latest time.
    """

    id: str
    cause: AlertCause
    zone: str
    button: str | None
    raised: Stamp
    climbing: Stamp
    last_press: Stamp
    quiet: bool = False
    state: AlertState = AlertState.OPEN
    level: int = -1
    presses: int = 1
    returns: int = 0
    receipts: dict[str, ReceiptState] = {}
    pages: tuple[PageNote, ...] = ()
    acknowledged: Act | None = None
    contacted: Act | None = None
    answer: Answer | None = None
    closed: Act | None = None
    outcome: Outcome | None = None
    severity: int | None = None
    reason: str | None = None
    words: Label | None = None
    to: tuple[str, ...] = ()
    mishap: str | None = None
    note: str | None = None
    customer: str | None = None
    described: Act | None = None
    security: Act | None = None

    @property
    def is_live(self) -> bool:
        """Whether someone must still do something about it."""
        return self.state in (AlertState.OPEN, AlertState.ACKNOWLEDGED, AlertState.CONTACTED)

    @property
    def taken(self) -> Act | None:
        """The latest word of whoever answers for it now, None while it is open."""
        return self.contacted or self.acknowledged

    def went_out(self, page: str) -> bool:
        """Whether a receipt proves that this page of the level now went out."""
        return self.receipts.get(page) in DURABLE


def alert_of(event: AnyEvent) -> str | None:
    """The id of the alert an event belongs to, or None."""
    alert: str | None = getattr(event, "alert", None)
    return alert


def fold(alert: Alert | None, event: AnyEvent, at: Stamp) -> Alert | None:
    """The alert after the event; `alert` is None before its `AlertRaised`.

    Events of an alert that is not known (trimmed from the journal) fold to None.
    """
    if isinstance(event, AlertRaised):
        return Alert(
            id=event.alert,
            cause=event.cause,
            zone=event.zone,
            button=event.button,
            level=event.level,
            quiet=event.quiet,
            words=event.words,
            to=event.to,
            raised=at,
            climbing=at,
            last_press=at,
        )
    if alert is None:
        return None
    changes = _changes(alert, event, at)
    return msgspec.structs.replace(alert, **changes) if changes else alert


def _changes(alert: Alert, event: AnyEvent, at: Stamp) -> dict[str, object]:
    match event:
        case AlertJoined():
            return {"presses": alert.presses + 1, "last_press": at}
        case AlertClimbed(level=level):
            return {"level": level, "receipts": {}}
        case Paged():
            return _paged(alert, event, at)
        case AlertAcknowledged() | AlertContacted() | AnswerStood() | AnswerWithdrawn():
            return _answered(alert, event, at)
        case AlertResolved():
            return {
                "state": AlertState.RESOLVED,
                "closed": Act(event.by, at),
                "outcome": event.outcome,
                "reason": event.reason,
                **_found(alert, event),
            }
        case CaseDescribed() | CustomerNamed() | SecurityCalled():
            return _told(alert, event, at)
        case AlertMissed():
            return {"state": AlertState.MISSED}
        case AlertReturned(level=level):
            return {
                "state": AlertState.OPEN,
                "climbing": at,
                "level": level,
                "quiet": level < 0,  # what comes back takes a step at once or none at all
                "receipts": {},
                "returns": alert.returns + 1,
                "acknowledged": None,
                "contacted": None,
                "answer": None,
            }
        case _:
            return {}


def _answered(
    alert: Alert,
    event: AlertAcknowledged | AlertContacted | AnswerStood | AnswerWithdrawn,
    at: Stamp,
) -> dict[str, object]:
    match event:
        case AnswerStood():
            return {"answer": None}
        case AnswerWithdrawn(state=state):
            went = None if state is AlertState.OPEN else alert.acknowledged
            return {"state": state, "acknowledged": went, "contacted": None, "answer": None}
    act = Act(event.by, at)
    answer = None if event.final else Answer(alert.state, event.account, event.after_s)
    if isinstance(event, AlertAcknowledged):
        return {"state": AlertState.ACKNOWLEDGED, "acknowledged": act, "answer": answer}
    went = alert.acknowledged or act
    state = AlertState.CONTACTED
    return {"state": state, "acknowledged": went, "contacted": act, "answer": answer}


def _told(
    alert: Alert, event: CaseDescribed | CustomerNamed | SecurityCalled, at: Stamp
) -> dict[str, object]:
    match event:
        case CaseDescribed(by=by):
            return {"described": Act(by, at), **_found(alert, event)}
        case CustomerNamed(customer=customer):
            return {"customer": customer}
        case SecurityCalled(by=by):
            return {"security": Act(by, at)}


def _found(alert: Alert, event: AlertResolved | CaseDescribed) -> dict[str, object]:
    """What was found out: what the event does not say stands as it was."""
    return {
        "severity": alert.severity if event.severity is None else event.severity,
        "mishap": event.cause or alert.mishap,
        "note": event.note or alert.note,
    }


def _paged(alert: Alert, event: Paged, at: Stamp) -> dict[str, object]:
    note = PageNote(event.page, event.pager, event.level, event.state, event.detail, event.text, at)
    changes: dict[str, object] = {"pages": (*alert.pages, note)[-PAGES_SHOWN:]}
    if event.level == alert.level and not alert.went_out(event.page):
        changes["receipts"] = {**alert.receipts, event.page: event.state}
    return changes
