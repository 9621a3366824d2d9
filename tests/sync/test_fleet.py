"""A small fleet through everything that the big one goes through, and the audit of its books."""

import json
import sys
from pathlib import Path

import msgspec
import pytest

from gateway.clock import Stamp
from gateway.events import AnyEvent, Pressed, Record, Started
from gateway.simulator.messages import LedgerEntry

sys.path.insert(0, str(Path(__file__).parents[2]))  # the benchmarks are no part of the package

from bench import fleet, fleet_audit
from bench.fleet_audit import Kept, audit
from bench.fleet_box import events_of

AT = Stamp("boot", 1, 2, synced=True)
DEVICES = 30
EVENTS = 24


def test_a_small_fleet_loses_and_doubles_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    """Real boxes, mosquitto and two bridges; the network, a bridge and answers are lost."""
    words = ["--json", "--devices", str(DEVICES), "--events", str(EVENTS), "--resend-s", "1"]
    assert fleet.main([*words, "--late-s", "60"]) == 0
    told = capsys.readouterr()
    report = json.loads(told.out.splitlines()[-1])
    assert report["exact"]
    assert report["events"] == DEVICES * EVENTS
    assert report["actions"] == report["actions_due"] > report["events"] // 2
    assert report["repeats_refused"] > 0  # so there was something to double
    assert report["mishaps"] == 5
    assert report["quarantined"] == 0
    assert "a bridge is killed" in told.err


def test_a_fleet_that_does_not_come_to_its_end_says_what_it_waits_for(
    capsys: pytest.CaptureFixture[str],
) -> None:
    words = ["--devices", "1", "--events", "10", "--calm"]
    assert fleet.main([*words, "--late-s", "0.1"]) == 1  # before it can have told of anything
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith("not done after 0.1 s:")
    assert "0 of 10 events acknowledged" in last


@pytest.fixture
def box() -> Kept:
    happened = events_of("box-1", 40)
    return kept(happened)


def kept(happened: list[AnyEvent]) -> Kept:
    records = [
        Record(
            device="box-1", epoch="E", seq=seq, at=AT, mapping=1, account="shop-box-1", event=event
        )
        for seq, event in enumerate(happened, 1)
    ]
    pressed = [event.button for event in happened if isinstance(event, Pressed)]
    counters = {button: pressed.count(button) for button in pressed}
    return Kept(device="box-1", happened=happened, records=records, counters=counters)


def ledger_of(box: Kept) -> list[LedgerEntry]:
    return [
        LedgerEntry(account=account, action=action, key=key, created_at="", experience=1, reward=0)
        for account, action, key in fleet_audit.due([box])
    ]


def test_the_days_are_those_of_a_shop(box: Kept) -> None:
    actions = {entry.action for entry in ledger_of(box)}
    assert {"PressHappy", "PressVeryUnhappy", "AlertAnswered", "CustomerContacted"} <= actions
    assert {"CustomerRecovered", "RecoveryTokens"} <= actions
    assert events_of("box-1", 40) == events_of("box-1", 40) != events_of("box-2", 40)


def test_right_books_are_right(box: Kept) -> None:
    assert audit([box], ledger_of(box)) == []


def test_a_lost_action_is_found_with_its_button(box: Kept) -> None:
    ledger = ledger_of(box)
    assert ledger[0].action.startswith("Press")
    found = audit([box], ledger[1:])
    assert found[0] == f"lost: {ledger[0].action} box-1.E.1 on shop-box-1"
    assert "was pressed" in found[1]


def test_a_doubled_action_is_found(box: Kept) -> None:
    ledger = ledger_of(box)
    twice = next(entry for entry in ledger if entry.action == "CustomerRecovered")
    words = f"recorded more often than it happened: {twice.action} {twice.key} on {twice.account}"
    assert words in audit([box], [*ledger, twice])


def test_an_action_of_nobody_is_found(box: Kept) -> None:
    stranger = msgspec.structs.replace(ledger_of(box)[0], key="box-9.E.1")
    assert audit([box], [*ledger_of(box), stranger])[0].endswith("box-9.E.1 on shop-box-1")


def test_what_the_journal_lost_is_found(box: Kept) -> None:
    short = msgspec.structs.replace(box, records=box.records[:-1])
    assert "box-1: 39 records of 40 events" in audit([short], ledger_of(short))


def test_what_the_journal_changed_is_found(box: Kept) -> None:
    other = msgspec.structs.replace(box.records[0], event=Started(version="1"))
    changed = msgspec.structs.replace(box, records=[other, *box.records[1:]])
    found = audit([changed], ledger_of(changed))
    assert "box-1: its journal has other events than happened" in found


def test_a_wrong_counter_is_found(box: Kept) -> None:
    wrong = msgspec.structs.replace(box, counters={**box.counters, "exit-red": 7})
    assert audit([wrong], ledger_of(wrong)) == [
        "box-1: exit-red was pressed 2 times, its counter says 7, the server 2"
    ]


def test_what_came_too_early_is_found(box: Kept) -> None:
    first, second, *rest = ledger_of(box)
    found = audit([box], [second, first, *rest])
    assert found == [
        f"recorded before an earlier one: {first.action} {first.key} on {first.account}"
    ]


def test_only_the_first_of_many_are_told(box: Kept) -> None:
    lost = [line for line in audit([box], []) if line.startswith("lost")]
    assert len(lost) == fleet_audit.SHOWN + 1
    assert lost[-1].endswith(" more")


def test_books_that_are_not_exact_end_it_with_an_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    booked = fleet.Fleet.booked
    monkeypatch.setattr(fleet.Fleet, "booked", lambda self: booked(self)[1:])
    assert fleet.main(["--devices", "1", "--events", "4", "--calm"]) == 1
    err = capsys.readouterr().err
    assert "the ledger is not exact:\nlost: Press" in err
