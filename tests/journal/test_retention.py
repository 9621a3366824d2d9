"""The journal keeps its bound, and loses nothing that counts: presses, promises, the sequence."""

import contextlib
from pathlib import Path

import pytest

from gateway.clock import Stamp
from gateway.config import Retention
from gateway.events import AlertMissed, AlertRaised, Gap, Pressed, TokensSpent
from gateway.journal import retention, rewards, schema, views
from gateway.model import AlertCause, GrantState
from tests.journal.bounded import BOTH, FILL, PRESS, Box, at, issued, redeemed, spans


class TestWhatIsOnTheServer:
    def test_goes_when_it_is_old(self, box: Box) -> None:
        box.append(*[PRESS] * 600)
        box.append(*[PRESS] * 10, stamp=at(401))
        box.move_cursor(box.last)
        room = box.tidy()
        assert [each.seq for each in box.records] == list(range(601, 611))
        assert not room.is_full
        assert views.counters(box.db) == box.pressed

    def test_goes_a_part_at_a_time_where_there_is_much_of_it(
        self, box: Box, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Whoever presses meanwhile waits for no more than that."""
        monkeypatch.setattr(retention, "PIECES", 3)
        box.append(*[PRESS] * 5 * retention.PIECE)
        box.append(PRESS, stamp=at(401))
        box.move_cursor(box.last)
        left = []
        for _ in range(3):
            box.tidy()
            left.append(len(box.records))
        assert left == [2 * retention.PIECE + 1, 1, 1]
        assert views.counters(box.db) == box.pressed

    def test_stays_while_nobody_knows_its_age(self, box: Box) -> None:
        box.append(*[PRESS] * 10, stamp=Stamp("another boot", 1, 2, synced=False))
        box.append(PRESS, stamp=at(4000))
        box.move_cursor(box.last)
        box.tidy()
        assert len(box.records) == 11

    def test_goes_when_there_is_no_room(self, box: Box) -> None:
        box.append(*[FILL] * 2000)
        box.move_cursor(box.last - 100)
        room = box.tidy()
        assert room.used_bytes <= room.limit_bytes == box.keep.max_bytes
        assert not room.reached
        kept = [each.seq for each in box.records]
        assert kept == list(range(kept[0], box.last + 1))
        assert kept[0] > 64

    def test_but_never_the_latest_record(self, box: Box) -> None:
        box.append(*[FILL] * 3000)
        box.move_cursor(box.last)
        box.keep = Retention(max_bytes=1, max_days=1, min_free_bytes=0)
        for _ in range(9):
            box.tidy()
        assert [each.seq for each in box.records] == [3000]
        box.restart()
        box.append(PRESS)
        assert box.last == 3001

    def test_its_room_goes_back_to_the_disk(self, tmp_path: Path) -> None:
        box = Box(tmp_path / "journal.db", max_bytes=8 << 20)
        with contextlib.closing(box.db):
            box.append(*[FILL] * 8000)
            box.move_cursor(box.last)
            (before,) = box.db.execute("PRAGMA page_count").fetchone()
            box.keep = Retention(max_bytes=1 << 20)
            for _ in range(12):
                box.tidy()
            (after,) = box.db.execute("PRAGMA page_count").fetchone()
        assert after < before / 2


class TestWhatIsNot:
    def test_stays_up_to_the_bound_whatever_its_age(self, box: Box) -> None:
        box.append(*[PRESS] * 1000)
        box.append(PRESS, stamp=at(9000))
        box.tidy()
        assert [each.seq for each in box.records] == list(range(1, 1002))

    def test_makes_room_and_leaves_a_gap(self, box: Box) -> None:
        box.append(*BOTH * 1000)
        room = box.tidy()
        assert room.reached
        assert room.used_bytes <= room.limit_bytes
        (gap, *rest) = box.records
        assert isinstance(gap.event, Gap)
        assert (gap.event.first, gap.event.last) == (1, gap.seq)
        assert [each.seq for each in rest] == list(range(gap.seq + 1, 2001))
        (total,) = gap.event.counters
        assert (total.button, total.flag, total.presses) == ("exit", "", gap.seq // 2)
        # The first press after it goes on counting where the gap ends.
        after = next(each.event for each in rest if isinstance(each.event, Pressed))
        assert after.total == total.presses + 1
        box.append(*BOTH * 500)
        box.tidy()
        assert [isinstance(each.event, Gap) for each in box.records].count(True) == 1
        assert spans(box.records)[0] == (1, box.records[0].seq)

    def test_an_acknowledged_gap_is_not_made_longer(self, box: Box) -> None:
        box.append(*[FILL] * 2000)
        box.tidy()
        first = box.records[0].seq
        box.move_cursor(first)
        box.append(*[FILL] * 1000)
        box.tidy()
        assert spans(box.unsent())[0][0] == first + 1

    def test_money_and_what_is_open_outlive_it(self, box: Box) -> None:
        raised = AlertRaised(alert="a", cause=AlertCause.RED, zone="z")
        closed = AlertRaised(alert="b", cause=AlertCause.RED, zone="z")
        box.append(PRESS, issued("live"), PRESS, issued("paid"), redeemed("paid"), PRESS, raised)
        box.append(closed, AlertMissed(alert="b"), PRESS, *[FILL] * 3000)
        box.tidy()
        kept = [each.event for each in box.records]
        assert issued("live") in kept
        assert redeemed("paid") in kept
        assert raised in kept
        assert issued("paid") not in kept
        assert closed not in kept
        assert spans(box.records)[:6] == [(1, 1), (2, 2), (3, 4), (5, 5), (6, 6), (7, 7)]
        schema.set_meta(box.db, "views", "of another version")
        box.restart()
        assert [each.id for each in views.live_alerts(box.db)] == ["a"]
        assert [each.code for each in views.list_grants(box.db, GrantState.ISSUED, 9)] == ["live"]
        assert views.counters(box.db) == box.pressed

    def test_tokens_that_were_spent_stay_until_the_server_has_them(self, box: Box) -> None:
        spent = TokensSpent(request="r", account="zoe", tokens=2.5, by="Anna", balance=9.0)
        box.append(PRESS, spent, *[FILL] * 3000)
        box.tidy()
        assert spent in [each.event for each in box.records]
        assert rewards.unconfirmed(box.db) == 2.5
        box.move_cursor(box.last - 1)
        box.append(*[FILL] * 3000)
        box.tidy()
        assert spent not in [each.event for each in box.records]
        assert rewards.unconfirmed(box.db) == 0
        assert rewards.find_spent(box.db, "r") is None

    def test_what_stayed_goes_once_it_is_over_and_on_the_server(self, box: Box) -> None:
        box.append(issued("C"), *[FILL] * 2000)
        box.tidy()
        assert spans(box.records)[0] == (1, 1)
        box.append(redeemed("C"))
        box.tidy()
        assert spans(box.records)[0] == (1, 1)
        box.move_cursor(box.last - 1)
        box.tidy()
        assert 1 not in [each.seq for each in box.records]
        box.move_cursor(box.last)
        assert box.records[-1].event == redeemed("C")
