"""Whatever happens to a journal under a bound, it loses nothing that counts."""

from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.events import AlertMissed, AlertRaised, Gap
from gateway.journal import reading, schema, views
from gateway.journal.transaction import Transaction
from gateway.model import AlertCause, GrantState
from gateway.sync import uplink
from gateway.sync.totals import audit
from tests.journal.bounded import FILL, IDENTITY, PRESS, Box, issued, redeemed, spans

codes = st.sampled_from(["C1", "C2", "C3"])
alerts = st.sampled_from(["a1", "a2"])
steps = st.lists(
    st.one_of(
        st.tuples(st.just("press"), st.integers(1, 400)),
        st.tuples(st.just("fill"), st.integers(100, 900)),
        st.tuples(st.just("issue"), codes),
        st.tuples(st.just("redeem"), codes),
        st.tuples(st.just("raise"), alerts),
        st.tuples(st.just("miss"), alerts),
        st.tuples(st.just("send"), st.integers(1, 6)),
        st.tuples(st.just("tidy"), st.just(0)),
        st.tuples(st.just("restart"), st.booleans()),
    ),
    max_size=30,
)


@settings(max_examples=40, deadline=None)
@given(steps)
def test_whatever_happens_nothing_that_counts_is_lost(given_steps: list[tuple[str, int]]) -> None:
    with TemporaryDirectory() as folder:
        box = Box(Path(folder) / "journal.db", max_bytes=400_000)
        server: dict[int, tuple[int, int]] = {}
        state: dict[str, str] = {}
        for what, value in given_steps:
            take(box, server, state, what, value)
        box.tidy()
        send(box, server, 10_000)
        box.db.close()
    # Every sequence ever given out is on the server: itself, or inside exactly one gap.
    check_contiguous(sorted(server.values()), 0)
    assert max((last for _, last in server.values()), default=0) == box.last


def take(
    box: Box, server: dict[int, tuple[int, int]], state: dict[str, str], what: str, value: object
) -> None:
    match what, value:
        case "press", int(count):
            box.append(*[PRESS] * count)
        case "fill", int(count):
            box.append(*[FILL] * count)
        case "issue", str(code) if code not in state:
            state[code] = "live"
            box.append(issued(code))
        case "redeem", str(code) if state.get(code) == "live":
            state[code] = "redeemed"
            box.append(redeemed(code))
        case "raise", str(alert) if alert not in state:
            state[alert] = "live"
            box.append(AlertRaised(alert=alert, cause=AlertCause.RED, zone="z"))
        case "miss", str(alert) if state.get(alert) == "live":
            state[alert] = "missed"
            box.append(AlertMissed(alert=alert))
        case "send", int(batches):
            send(box, server, batches)
        case "restart", bool(anew):
            if anew:
                schema.set_meta(box.db, "views", "of another version")
            box.restart()
        case "tidy", _:
            last = reading.last_seq(box.db)
            unsent = [each.seq for each in box.unsent()]
            room = box.tidy()
            if not room.reached:
                assert [each.seq for each in box.unsent()] == unsent
            assert reading.last_seq(box.db) == last
    assert views.counters(box.db) == box.pressed
    live = {name for name, each in state.items() if each == "live"}
    assert {each.code for each in views.list_grants(box.db, GrantState.ISSUED, 9)} == {
        name for name in live if name.startswith("C")
    }
    assert {each.id for each in views.live_alerts(box.db)} == {
        name for name in live if name.startswith("a")
    }
    check_contiguous(spans(box.unsent()), box.cursor)


def check_contiguous(found: list[tuple[int, int]], after: int) -> None:
    """Every sequence is a record or inside exactly one gap."""
    for first, last in found:
        assert first == after + 1
        after = last


def send(box: Box, server: dict[int, tuple[int, int]], batches: int) -> None:
    """As the uplink does, without a network."""
    for _ in range(batches):
        found = uplink._look(box.db, most=64)
        if not found.records:
            return
        batch = uplink._batch(found)
        assert batch.before is not None
        assert audit(batch.before, batch.records).doubts == ()
        for record in batch.records:
            event = record.event
            server[record.seq] = (
                (event.first, event.last) if isinstance(event, Gap) else (record.seq, record.seq)
            )
        answer = uplink.Acknowledged(
            device=batch.device, epoch="E", first=batch.first, last=batch.last
        )
        assert uplink._keep(Transaction(box.db, IDENTITY, "E", box.last), batch, answer)
