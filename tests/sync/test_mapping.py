"""Every event type and what it becomes on the server. A line of this table never changes."""

from pathlib import Path
from typing import get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.clock import Stamp
from gateway.events import (
    Administered,
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
    ClockRepaired,
    CustomerNamed,
    DailyTestConfirmed,
    Deed,
    FactoryResetRequested,
    FaultCleared,
    FaultRaised,
    Gap,
    GrantIssued,
    GrantKeyRotated,
    GrantRedeemed,
    GrantRedeemUndone,
    GrantVoided,
    OwnerPinReset,
    Paged,
    PersonalForgotten,
    Pressed,
    Record,
    Salvaged,
    SecurityCalled,
    SettingsChanged,
    ShiftKept,
    Started,
    TokensSpent,
    Total,
)
from gateway.model import (
    AlertCause,
    AlertState,
    ButtonKind,
    OfferKind,
    Outcome,
    PressFlag,
    ReceiptState,
)
from gateway.simulator.gamification import read
from gateway.sync import mapping
from gateway.sync.mapping import CANARY, REQUIRED, Action, UnknownMapping, actions_of

AT = Stamp("boot", 1, 2, synced=True)
SHIPPED = Path(__file__).parents[2] / "docs" / "achivx" / "gamification.json"
KEY = "box-1.EPOCH.7"


def record(event: AnyEvent, version: int = 1) -> Record:
    return Record(
        device="box-1", epoch="EPOCH", seq=7, at=AT, mapping=version, account="shop", event=event
    )


def pressed(kind: ButtonKind, flag: PressFlag | None = None) -> Pressed:
    return Pressed(button="b", kind=kind, zone="z", flag=flag)


def taken(account: str | None, after_s: float | None, *, final: bool = True) -> AlertAcknowledged:
    return AlertAcknowledged(
        alert="a", by="Anna", via="page", account=account, after_s=after_s, final=final
    )


def stood(state: AlertState, account: str | None, after_s: float | None) -> AnswerStood:
    return AnswerStood(alert="a", by="Anna", state=state, account=account, after_s=after_s)


def resolved(outcome: Outcome, account: str | None = "anna") -> AlertResolved:
    return AlertResolved(alert="a", by="Anna", outcome=outcome, account=account)


def redeemed(kind: OfferKind, account: str | None, tokens: float = 0.0) -> GrantRedeemed:
    return GrantRedeemed(code="C", by="Anna", kind=kind, account=account, tokens=tokens)


ISSUED = GrantIssued(
    code="C", request="r", offer="o", kind=OfferKind.TOKENS, by="Anna", expires=AT, account="zoe"
)
Named = list[tuple[str, str, float | None]]
NOTHING: Named = []
SPENT = TokensSpent(request="r", account="zoe", tokens=2.5, by="Anna", balance=9.0)
KEPT = ShiftKept(by="Anna", account="anna", begins_ns=1, ends_ns=2)
WENT, MET = AlertState.ACKNOWLEDGED, AlertState.CONTACTED
STOOD = (
    stood(WENT, None, 1.0),
    stood(WENT, "anna", None),
    stood(WENT, "anna", 40.1),
    stood(WENT, "anna", 40.0),
    stood(MET, None, 1.0),
    stood(MET, "anna", 1.0),
)
TABLE: list[tuple[AnyEvent, Named]] = [
    (pressed(ButtonKind.VERY_HAPPY), [("shop", "PressVeryHappy", None)]),
    (pressed(ButtonKind.HAPPY), [("shop", "PressHappy", None)]),
    (pressed(ButtonKind.NEUTRAL), [("shop", "PressNeutral", None)]),
    (pressed(ButtonKind.UNHAPPY), [("shop", "PressUnhappy", None)]),
    (pressed(ButtonKind.VERY_UNHAPPY), [("shop", "PressVeryUnhappy", None)]),
    (pressed(ButtonKind.CALL), [("shop", "PressCall", None)]),
    (pressed(ButtonKind.REASON), [("shop", "PressReason", None)]),
    (pressed(ButtonKind.ACKNOWLEDGE), NOTHING),
    (pressed(ButtonKind.SETUP), NOTHING),
    *((pressed(ButtonKind.UNHAPPY, flag), NOTHING) for flag in PressFlag),
    (AlertRaised(alert="a", cause=AlertCause.RED, zone="z"), NOTHING),
    (AlertJoined(alert="a", button="b"), NOTHING),
    (AlertClimbed(alert="a", level=1), NOTHING),
    (Paged(page="p", pager="x", text="t", state=ReceiptState.ACCEPTED, alert="a"), NOTHING),
    (AlertReturned(alert="a"), NOTHING),
    (AlertMissed(alert="a"), [("shop", "AlertMissed", None)]),
    (taken(None, 1.0), NOTHING),  # by the button on the wall, or by somebody without an account
    (taken("anna", None), [("anna", "AlertAnswered", None)]),
    (taken("anna", 40.1), [("anna", "AlertAnswered", None)]),
    (
        taken("anna", 40.0),
        [("anna", "AlertAnswered", None), ("anna", "AlertAnsweredInTime", None)],
    ),
    (AlertContacted(alert="a", by="Anna"), NOTHING),
    (
        AlertContacted(alert="a", by="Anna", account="anna", after_s=1.0),
        [("anna", "CustomerContacted", None)],
    ),
    *((event, NOTHING) for event in STOOD),
    (AnswerWithdrawn(alert="a", by="Anna", state=AlertState.OPEN), NOTHING),
    (resolved(Outcome.RECOVERED), [("anna", "CustomerRecovered", None)]),
    (resolved(Outcome.RECOVERED, None), NOTHING),
    *((resolved(outcome), NOTHING) for outcome in Outcome if outcome is not Outcome.RECOVERED),
    (ISSUED, NOTHING),
    (redeemed(OfferKind.TOKENS, "zoe", 5.25), [("zoe", "RecoveryTokens", 5.25)]),
    (redeemed(OfferKind.COUPON, "zoe"), [("zoe", "GrantRedeemed", None)]),
    (redeemed(OfferKind.COUPON, None), [("shop", "GrantRedeemed", None)]),
    (GrantRedeemed(code="C", by="Anna", kind=OfferKind.COUPON, account="zoe", again=True), NOTHING),
    (GrantRedeemUndone(code="C", by="Anna"), NOTHING),
    (GrantVoided(code="C", by="Boris", reason="a slip"), NOTHING),
    (SPENT, NOTHING),
    (KEPT, NOTHING),
    (Started(version="1"), NOTHING),
    (CaseDescribed(alert="a", by="Anna", severity=3, cause="delay", note="K"), NOTHING),
    (CustomerNamed(alert="a", by="Anna", customer="K"), NOTHING),
    (SecurityCalled(alert="a", by="Anna", pages=("p",)), NOTHING),
    (GrantKeyRotated(by="Anna", old=1), NOTHING),
    (PersonalForgotten(by="Anna", entries=2), NOTHING),
    (DailyTestConfirmed(pagers=("x",), by="Anna", via="page"), NOTHING),
    (OwnerPinReset(button="b"), NOTHING),
    (FactoryResetRequested(button="b"), NOTHING),
    (SettingsChanged(by="Anna", sha256="0"), NOTHING),
    (Administered(by="Anna", via="page", deed=Deed.PIN_SET, about="Zoe"), NOTHING),
    (Gap(first=1, last=9, counters=(Total("b", "", 4),)), NOTHING),
    (Salvaged(epoch="E", last=9, unsent=2), NOTHING),
    (ClockRepaired(off_ns=1), NOTHING),
    (FaultRaised(part="p", words="w"), NOTHING),
    (FaultCleared(part="p"), NOTHING),
]


NEW_IN_2: list[tuple[AnyEvent, Named]] = [
    (SPENT, [("zoe", "TokensSpent", -2.5)]),
    (KEPT, [("anna", "ShiftWithoutMiss", None)]),
]
TABLE_2 = [row for row in TABLE if row[0] not in (SPENT, KEPT)] + NEW_IN_2

NEW_IN_3: list[tuple[AnyEvent, Named]] = [
    (taken("anna", 1.0, final=False), NOTHING),
    (AlertContacted(alert="a", by="Anna", account="anna", after_s=1.0, final=False), NOTHING),
    (stood(WENT, None, 1.0), NOTHING),
    (stood(WENT, "anna", None), [("anna", "AlertAnswered", None)]),
    (stood(WENT, "anna", 40.1), [("anna", "AlertAnswered", None)]),
    (
        stood(WENT, "anna", 40.0),
        [("anna", "AlertAnswered", None), ("anna", "AlertAnsweredInTime", None)],
    ),
    (stood(MET, None, 1.0), NOTHING),
    (stood(MET, "anna", 1.0), [("anna", "CustomerContacted", None)]),
]
TABLE_3 = [row for row in TABLE_2 if row[0] not in STOOD] + NEW_IN_3


def made(expected: Named) -> tuple[Action, ...]:
    return tuple(
        Action(account=account, action=action, key=KEY, reward=reward)
        for account, action, reward in expected
    )


@pytest.mark.parametrize(("event", "expected"), TABLE)
def test_version_1(event: AnyEvent, expected: Named) -> None:
    assert actions_of(record(event)) == made(expected)


@pytest.mark.parametrize(("event", "expected"), TABLE_2)
def test_version_2(event: AnyEvent, expected: Named) -> None:
    assert actions_of(record(event, 2)) == made(expected)


@pytest.mark.parametrize(("event", "expected"), TABLE_3)
def test_version_3(event: AnyEvent, expected: Named) -> None:
    assert actions_of(record(event, 3)) == made(expected)


def test_the_table_has_every_event_type() -> None:
    assert {type(event) for event, _ in TABLE} == set(get_args(AnyEvent))


def test_what_is_required_is_what_is_sent() -> None:
    sent = {action for _, expected in TABLE + TABLE_2 + TABLE_3 for _, action, _ in expected}
    assert sent | {CANARY} == REQUIRED


def test_the_shipped_configuration_has_all_of_it_and_fit_for_keys() -> None:
    actions = read(SHIPPED.read_bytes()).actions
    assert {name for name in REQUIRED if not actions[name].repeatable} == set()
    assert all(actions[name].xp >= 0 for name in REQUIRED)
    # What an event is worth beyond a redemption's tokens is the server's affair.
    assert actions["RecoveryTokens"].reward == 0
    assert actions["TokensSpent"].reward == 0


def test_achievements_and_leader_boards_are_of_actions_that_are_there() -> None:
    shipped = msgspec.json.decode(SHIPPED.read_bytes())
    games = [*shipped["achievements"].values(), *shipped["leaderBoards"].values()]
    named = {action for game in games for action in game.get("actions", ())}
    assert named <= set(shipped["actions"])
    assert {"AlertAnsweredInTime", "CustomerRecovered", "ShiftWithoutMiss"} <= named


@pytest.mark.parametrize("version", [0, 4, 99])
def test_an_unknown_version_is_never_guessed(version: int) -> None:
    with pytest.raises(UnknownMapping, match=rf"{KEY} .* mapping {version}.*update it"):
        actions_of(record(Started(version="1"), version))


def test_old_versions_stay() -> None:
    assert set(mapping._VERSIONS) == set(range(1, mapping.CURRENT + 1))


@given(
    st.sampled_from([event for event, _ in TABLE + NEW_IN_3]),
    st.sampled_from([1, 2, 3]),
    st.text(min_size=1),
    st.integers(1, 2**53),
)
def test_an_event_is_of_one_account_and_its_key_is_its_id(
    event: AnyEvent, version: int, shop: str, seq: int
) -> None:
    one = msgspec.structs.replace(record(event, version), account=shop, seq=seq)
    actions = actions_of(one)
    assert actions == actions_of(one)
    assert {each.key for each in actions} <= {f"box-1.EPOCH.{seq}"}
    assert len({each.account for each in actions}) <= 1
    assert len({each.action for each in actions}) == len(actions)
