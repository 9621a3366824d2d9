"""Whether every press has come, told from a batch alone."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.clock import Stamp
from gateway.events import AnyEvent, Gap, Pressed, Record, Salvaged, Started, Total
from gateway.model import ButtonKind, PressFlag
from gateway.sync.totals import Doubt, after, audit, of_buttons_in

AT = Stamp("boot", 1, 2, synced=True)


def press(total: int, *, button: str = "a", count: int = 1, flag: bool = False) -> Pressed:
    kind = PressFlag.REPEAT if flag else None
    return Pressed(
        button=button, kind=ButtonKind.HAPPY, zone="z", count=count, flag=kind, total=total
    )


def records(*events: AnyEvent, first: int = 1) -> list[Record]:
    return [
        Record(device="d", epoch="E", seq=seq, at=AT, mapping=1, account="shop", event=event)
        for seq, event in enumerate(events, first)
    ]


def test_what_follows_on_is_whole() -> None:
    found = audit(
        [Total("a", "", 4)],
        records(press(5), press(1, flag=True), Started(version="1"), press(9, count=4)),
    )
    assert (found.presses, found.gone, found.doubts) == (6, 0, ())


def test_a_press_that_never_came_is_missed_at_the_next() -> None:
    found = audit([Total("a", "", 4)], records(press(6), press(7), press(10)))
    assert found.doubts == (Doubt(1, "a", "", 1), Doubt(3, "a", "", 2))
    assert found.doubts[1].words() == "presses of a up to event 3: 2 missing"


def test_a_button_that_was_never_acknowledged_begins_at_nothing() -> None:
    assert audit([], records(press(1))).doubts == ()
    assert audit([], records(press(3, flag=True))).doubts == (Doubt(1, "a", "repeat", 2),)


def test_a_press_that_is_counted_twice_is_one_too_many() -> None:
    (doubt,) = audit([Total("a", "repeat", 4)], records(press(4, flag=True))).doubts
    assert doubt.words() == "presses of a (repeat) up to event 1: 1 too many"


def test_a_gap_says_what_went_with_it() -> None:
    gap = Gap(first=1, last=9, counters=(Total("a", "", 7), Total("b", "", 2)))
    found = audit([Total("a", "", 4)], records(gap, press(8), press(4, button="b"), first=9))
    assert (found.presses, found.gone) == (2, 5)
    assert found.doubts == (Doubt(11, "b", "", 1),)


def test_a_journal_after_a_damaged_one_begins_where_it_says() -> None:
    begin = Salvaged(epoch="D", last=9, unsent=0, counters=(Total("a", "", 50),))
    assert audit([], records(begin, press(51))).doubts == ()
    assert audit([], records(begin, press(53))).doubts == (Doubt(2, "a", "", 2),)


def test_where_nobody_knows_the_beginning_the_batch_itself_is_proven() -> None:
    gap = Gap(first=1, last=1, counters=(Total("a", "", 30),))
    found = audit(None, records(press(20), press(22), gap, press(31)))
    assert (found.presses, found.gone) == (3, 0)
    assert found.doubts == (Doubt(2, "a", "", 1),)


@given(
    st.lists(st.tuples(st.sampled_from("ab"), st.integers(1, 3)), min_size=1, max_size=30),
    st.data(),
)
def test_wherever_it_is_cut_whatever_is_lost_is_found(
    presses: list[tuple[str, int]], data: st.DataObject
) -> None:
    """Batches cut anywhere prove the whole; a record that the box has lost, some batch tells."""
    totals = {"a": 0, "b": 0}
    events: list[AnyEvent] = []
    for button, count in presses:
        totals[button] += count
        events.append(press(totals[button], button=button, count=count))
    ends = tuple(Total(button, "", total) for button, total in totals.items() if total)
    events.append(Gap(first=len(events) + 1, last=len(events) + 1, counters=ends))
    events += [press(total + 1, button=button) for button, total in totals.items()]
    whole = records(*events)
    cut = data.draw(st.integers(0, len(whole)))
    lost = data.draw(st.none() | st.integers(0, len(presses) - 1))
    known: dict[tuple[str, str], int] = {}
    missing = came = gone = 0
    for part in (whole[:cut], whole[cut:]):
        kept = [each for each in part if lost is None or each.seq != lost + 1]
        found = audit(of_buttons_in(kept, known), kept)
        missing += sum(doubt.off for doubt in found.doubts)
        came += found.presses
        gone += found.gone
        known = after(known, kept)
    assert came + gone + missing == sum(totals.values()) + len(totals)
    assert (lost is None) == (missing + gone == 0)
