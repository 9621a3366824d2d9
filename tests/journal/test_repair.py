"""Times that were recorded before the clock was right are told later; no order depends on them."""

import json
from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from gateway.clock import NS_PER_S, Stamp
from gateway.events import ClockRepaired, Started
from gateway.grants.grant import Grant
from gateway.journal import reading
from gateway.journal.export import export_lines
from gateway.journal.repair import repair
from gateway.journal.store import Journal
from gateway.model import OfferKind

WAIT_S = 10
RIGHT_NS = 1_900_000_000 * NS_PER_S
Open = Callable[..., Journal]


def before(mono_ns: int, boot: str = "boot-1") -> Stamp:
    """As a box without a battery clock believes it: soon after 1970."""
    return Stamp(boot, mono_ns, mono_ns + 7, synced=False)


def after(mono_ns: int, boot: str = "boot-1") -> Stamp:
    return Stamp(boot, mono_ns, RIGHT_NS + mono_ns, synced=True)


def try_repair(journal: Journal, now: Stamp) -> bool:
    return journal.transact(lambda work: repair(work, now)).result(WAIT_S) is not None


def test_both_times_can_be_told(journal: Journal) -> None:
    for stamp in (before(5, "boot-0"), before(10), before(20)):
        journal.append(Started(version="1"), stamp).result(WAIT_S)
    assert not try_repair(journal, before(25))
    assert try_repair(journal, after(30))
    journal.append(Started(version="1"), after(40)).result(WAIT_S)
    records = journal.read(lambda db: reading.records_after(db, 0, 9)).result(WAIT_S)
    assert [each.seq for each in records] == [1, 2, 3, 4, 5]
    assert [each.at for each in records[:3]] == [before(5, "boot-0"), before(10), before(20)]
    assert records[3].event == ClockRepaired(off_ns=RIGHT_NS - 7)
    assert records[3].at == after(30)
    lines = [json.loads(line) for line in export_lines(journal.path)]
    assert [each.get("repaired_wall_ns") for each in lines] == [
        None,
        RIGHT_NS + 10,
        RIGHT_NS + 20,
        None,
        None,
    ]


def test_it_is_done_once_a_boot_and_outlives_the_daemon(open_journal: Open) -> None:
    journal = open_journal()
    journal.append(Started(version="1"), before(10)).result(WAIT_S)
    journal.close()
    again = open_journal()
    assert try_repair(again, after(30))
    assert not try_repair(again, after(40))
    again.append(Started(version="1"), before(50, "boot-2")).result(WAIT_S)
    assert try_repair(again, after(60, "boot-2"))


def test_there_is_nothing_to_repair_where_the_clock_was_right(journal: Journal) -> None:
    journal.append(Started(version="1"), after(10)).result(WAIT_S)
    assert not try_repair(journal, after(20))
    assert journal.last_seq == 1


@given(
    st.integers(-(10**18), 10**18),
    st.integers(0, 10**15),
    st.booleans(),
    st.sampled_from(["boot-1", "boot-2"]),
)
def test_a_jump_of_the_clock_takes_no_grant_away(
    jump_ns: int,
    later_ns: int,
    was_synced: bool,
    boot: str,
) -> None:
    """The clock says that it is not to be believed: then it decides nothing across boots."""
    expires = Stamp("boot-1", 10**16, RIGHT_NS + 10**16, was_synced)
    grant = Grant(
        code="C",
        request="r",
        offer="o",
        kind=OfferKind.COUPON,
        issued_by="Anna",
        issued=after(0),
        expires=expires,
    )
    now = Stamp(boot, later_ns, RIGHT_NS + later_ns + jump_ns, synced=False)
    assert not grant.is_over(now)
