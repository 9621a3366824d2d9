"""`kill -9` of the daemon under load: nothing is lost or doubled, on disk and on the server."""

import os
import random

import msgspec
import pytest

from gateway.clock import Stamp
from gateway.events import AlertRaised, AnyEvent, GrantIssued, Pressed, Record
from gateway.messages import IssueGrant
from gateway.model import AlertCause, AlertState, ButtonKind, OfferKind
from tests.crash import kills, oracle
from tests.crash.load import Press, Told

RUNS = 50 if os.environ.get("CI") else 10


async def test_killed_under_load_it_loses_nothing_and_does_nothing_twice() -> None:
    seed = random.SystemRandom().randrange(10**6)
    try:
        await kills.kill_again_and_again(RUNS, seed)
    except AssertionError as error:
        raise AssertionError(f"scripts/crash --runs {RUNS} --seed {seed}: {error}") from error


# --- the oracle sees what it is there to see -------------------------------------------------


AT = Stamp("boot", 7, 8, synced=True)
GRANT = GrantIssued(code="C", request="r", offer="o", kind=OfferKind.APOLOGY, by="anna", expires=AT)
PRESSED = Pressed(button="b", kind=ButtonKind.HAPPY, zone="z")
RAISED = AlertRaised(alert="a", cause=AlertCause.CALL, zone="z")


def found(*events: AnyEvent) -> oracle.Found:
    records = [
        Record(device="box", epoch="E", seq=seq, at=AT, mapping=1, account="shop", event=event)
        for seq, event in enumerate(events, 1)
    ]
    alerts, grants, counters = oracle.fold(records)
    return oracle.Found(
        records=records,
        alerts={name: (alert.is_live, alert) for name, alert in alerts.items()},
        grants=grants,
        counters=counters,
        cursor=0,
        epoch="E",
    )


def test_a_sound_journal_passes() -> None:
    sound = found(GRANT, PRESSED, RAISED)
    told = Told(granted={"r": "C"}, presses=[Press(7, 8)], presses_asked=1, committed_ns=9)
    told.requests["r"] = IssueGrant(request="r", offer="o")
    oracle.check(sound)
    kills.check_told(sound, told)


def test_a_hole_is_seen() -> None:
    sound = found(GRANT, PRESSED, RAISED)
    holed = msgspec.structs.replace(sound, records=[sound.records[0], sound.records[2]])
    with pytest.raises(AssertionError, match="holes"):
        oracle.check(holed)


@pytest.mark.parametrize("view", ["alerts", "grants", "counters"])
def test_a_view_that_lacks_a_row_is_seen(view: str) -> None:
    sound = found(GRANT, PRESSED, RAISED)
    with pytest.raises(AssertionError, match="view"):
        oracle.check(msgspec.structs.replace(sound, **{view: {}}))


def test_a_cursor_beyond_the_end_is_seen() -> None:
    with pytest.raises(AssertionError, match="cursor"):
        oracle.check(msgspec.structs.replace(found(PRESSED), cursor=2))


@pytest.mark.parametrize(
    ("told", "words"),
    [
        (Told(granted={"other": "D"}), "grants are lost"),
        (Told(redeemed={"C"}), "redemptions are lost"),
        (Told(alerts=[("a", AlertState.ACKNOWLEDGED)]), "answers to alerts are lost"),
        (Told(presses=[Press(1, 2)], presses_asked=1, committed_ns=3), "presses are lost"),
    ],
)
def test_a_loss_is_seen(told: Told, words: str) -> None:
    with pytest.raises(AssertionError, match=words):
        kills.check_told(found(), told)


def test_a_press_recorded_twice_is_seen() -> None:
    with pytest.raises(AssertionError, match="press was recorded twice"):
        kills.check_told(found(PRESSED, PRESSED), Told(presses_asked=2))


def test_a_grant_issued_twice_is_seen() -> None:
    with pytest.raises(AssertionError, match="granted twice"):
        kills.check_told(found(GRANT, GRANT), Told(granted={"r": "C"}))
