"""Rules over presses and faults, each held against a slow and obvious oracle."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.alerts import hours, score
from gateway.alerts.desk import Desk
from gateway.alerts.found import alert_of
from gateway.alerts.rules import Found, Patterns
from gateway.clock import NS_PER_S, Stamp
from gateway.config import (
    Button,
    Config,
    Device,
    Hours,
    LowIndex,
    Pager,
    Pattern,
    RedsInARow,
    Shop,
    Silence,
    Staff,
    StandingFault,
    UnhappyShare,
)
from gateway.events import AlertRaised, AnyEvent, FaultCleared, FaultRaised, Pressed, Record
from gateway.model import AlertCause, ButtonKind, Label, Language, Press, PressFlag, Role

KINDS = {
    "a": ButtonKind.VERY_HAPPY,
    "b": ButtonKind.HAPPY,
    "c": ButtonKind.UNHAPPY,
    "d": ButtonKind.VERY_UNHAPPY,
}
BUTTONS = (
    *(
        Button(name=f"{zone}-{key}", pin=1, kind=kind, label=Label("", ""), zone=zone, panel=zone)
        for zone in ("hall", "till")
        for key, kind in KINDS.items()
    ),
    Button(
        name="till-n",
        pin=1,
        kind=ButtonKind.NEUTRAL,
        label=Label("", ""),
        zone="till",
        panel="till",
    ),
    Button(
        name="hall-call", pin=1, kind=ButtonKind.CALL, label=Label("", ""), zone="hall", panel="bar"
    ),
)
OPEN = (Hours(days=("mon", "tue", "wed", "thu", "fri", "sat", "sun"), open="09:00", close="21:00"),)
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def box(*rules: Pattern, hours: tuple[Hours, ...] = (), timezone: str = "UTC") -> Config:
    return Config(
        device=Device(id="box"),
        shop=Shop(name="Shop", account="1", hours=hours, timezone=timezone),
        buttons=BUTTONS,
        pagers=(Pager(name="one", address="1"), Pager(name="two", address="2")),
        staff=(
            Staff(name="Anna", pager="one"),
            Staff(name="Dee", pager="two", role=Role.MANAGER, zones=("office",)),
        ),
        rules=rules,
    )


def stamp(
    second: float, *, began: datetime = NOON, boot: str = "boot", synced: bool = True
) -> Stamp:
    wall_ns = round((began.timestamp() + second) * NS_PER_S)
    return Stamp(boot, round((1000 + second) * NS_PER_S), wall_ns, synced)


def press(button: str, flag: PressFlag | None = None) -> Press:
    found = next(each for each in BUTTONS if each.name == button)
    return Press(button, found.kind, found.zone, flag)


def recorded(event: AnyEvent, at: Stamp, seq: int = 1) -> Record:
    return Record(device="box", epoch="e", seq=seq, at=at, mapping=1, account="1", event=event)


def pressed(button: str, at: Stamp) -> Record:
    done = press(button)
    return recorded(Pressed(button=button, kind=done.kind, zone=done.zone), at)


def told(found: Iterable[Found]) -> list[str]:
    return [f"{each.zone}: {each.words.en}" for each in found]


def play(rule: Pattern, presses: str, *, zone: str = "hall", every_s: float = 10) -> list[str]:
    """What is told of presses by the last letters of their names, one after another."""
    patterns = Patterns(box(rule), stamp(0))
    found: list[Found] = []
    for number, key in enumerate(presses, 1):
        found += patterns.press(press(f"{zone}-{key}"), stamp(number * every_s))
    return told(found)


# --- smileys -----------------------------------------------------------------------------------


def test_the_index_is_that_of_the_published_examples() -> None:
    kinds = [ButtonKind(kind) for kind in ("very_happy", "happy", "unhappy", "very_unhappy")]
    four = [
        score.tenths(kind, of_five=False)
        for kind, count in zip(kinds, (126, 60, 16, 17), strict=True)
        for _ in range(count)
    ]
    assert round(score.happy_index(four)) == 78
    kinds.insert(2, ButtonKind.NEUTRAL)
    five = [
        score.tenths(kind, of_five=True)
        for kind, count in zip(kinds, (51, 23, 12, 2, 4), strict=True)
        for _ in range(count)
    ]
    assert round(score.happy_index(five)) == 81


@pytest.mark.parametrize(
    ("rule", "presses", "said"),
    [
        (UnhappyShare(name="r"), "ddd", []),
        (UnhappyShare(name="r"), "dddd", ["hall: 4 of 4 unhappy"]),
        (UnhappyShare(name="r"), "aacd", ["hall: 2 of 4 unhappy"]),
        (UnhappyShare(name="r"), "aaacd", []),
        (UnhappyShare(name="r", share=1), "adddd", []),
        (RedsInARow(name="r"), "cdadc", []),
        (RedsInARow(name="r"), "acdc", ["hall: 3 unhappy in a row"]),
        (LowIndex(name="r", least=4), "bbcc", []),  # (66.7 + 33.3) / 2 is not below 50
        (LowIndex(name="r", least=4), "bbcd", ["hall: index 42 of 4"]),
        (LowIndex(name="r", least=5), "bbcd", []),
    ],
)
def test_what_is_found(rule: Pattern, presses: str, said: list[str]) -> None:
    assert play(rule, presses) == said


def test_a_panel_with_a_neutral_button_has_the_scale_of_five() -> None:
    assert play(LowIndex(name="r", least=2, below=38), "bd", zone="till") == ["till: index 38 of 2"]
    assert play(LowIndex(name="r", least=2, below=34), "bd", zone="hall") == ["hall: index 33 of 2"]


def test_presses_leave_the_window() -> None:
    rule = RedsInARow(name="r", window_s=30)
    assert play(rule, "ddd", every_s=14) == ["hall: 3 unhappy in a row"]
    assert play(rule, "ddddd", every_s=15) == []


def test_one_pattern_alerts_once_and_again_when_it_has_cooled_down() -> None:
    rule = RedsInARow(name="r", cooldown_s=60)
    assert len(play(rule, "ddd" + "ddd")) == 1
    assert len(play(rule, "ddd" + "dddddd")) == 2  # the 9th comes 60 s after the 3rd
    # What was told of is not told of again, even if all of it is still in the window.
    assert len(play(rule, "ddd" + "aaaaaa" + "dd")) == 1


def test_each_zone_and_each_rule_for_itself() -> None:
    config = box(
        RedsInARow(name="both", count=2),
        RedsInARow(name="till", count=2, zones=("till",)),
        RedsInARow(name="none", count=2, zones=("till",), panels=("hall",)),
    )
    patterns = Patterns(config, stamp(0))
    found = []
    for second, name in enumerate(("hall-c", "till-c", "hall-d", "till-d")):
        found += patterns.press(press(name), stamp(second))
    assert [(each.rule.name, each.zone) for each in found] == [
        ("both", "hall"),
        ("both", "till"),
        ("till", "till"),
    ]


def test_what_does_not_count_does_not_count() -> None:
    patterns = Patterns(box(RedsInARow(name="r", count=2)), stamp(0))
    assert patterns.press(press("hall-d"), stamp(1)) == []
    assert patterns.press(press("hall-d", PressFlag.REPEAT), stamp(2)) == []
    assert patterns.press(press("hall-a", PressFlag.COMPENSATING), stamp(3)) == []
    assert patterns.press(press("hall-call"), stamp(4)) == []
    assert told(patterns.press(press("hall-d"), stamp(5))) == ["hall: 2 unhappy in a row"]


def test_a_button_that_is_not_configured_any_more_says_nothing() -> None:
    patterns = Patterns(box(RedsInARow(name="r", count=2)), stamp(0))
    gone = Press("gone", ButtonKind.VERY_UNHAPPY, "hall")
    assert patterns.press(gone, stamp(1)) + patterns.press(gone, stamp(2)) == []


def test_a_press_that_is_told_late_counts() -> None:
    patterns = Patterns(box(RedsInARow(name="r", count=2, window_s=10)), stamp(0))
    patterns.press(press("hall-d"), stamp(9))
    (found,) = patterns.press(press("hall-d"), stamp(8))
    assert found.at == stamp(8)


Moves = list[tuple[int, str, bool]]
MOVES = st.lists(
    st.tuples(
        st.integers(0, 30),
        # Mostly the hall, so that a run of presses there has many to find something in.
        st.sampled_from([*(f"hall-{key}" for key in "abccdd"), "till-d", "till-n", "hall-call"]),
        st.sampled_from([True, True, True, False]),
    ),
    min_size=10,
    max_size=60,
)
PRESS_RULES: st.SearchStrategy[Any] = st.one_of(
    st.builds(
        UnhappyShare,
        name=st.just("r"),
        share=st.sampled_from([0.25, 0.5, 0.75, 1.0]),
        window_s=st.sampled_from([30.0, 120.0]),
        least=st.integers(1, 5),
        cooldown_s=st.sampled_from([60.0, 300.0]),
    ),
    st.builds(
        RedsInARow,
        name=st.just("r"),
        count=st.integers(2, 4),
        window_s=st.sampled_from([30.0, 120.0]),
        cooldown_s=st.sampled_from([60.0, 300.0]),
    ),
    st.builds(
        LowIndex,
        name=st.just("r"),
        below=st.sampled_from([30.0, 50.0, 70.0]),
        window_s=st.sampled_from([30.0, 120.0]),
        least=st.integers(1, 5),
        cooldown_s=st.sampled_from([60.0, 300.0]),
    ),
)


def holds(rule: Any, kinds: list[ButtonKind], *, of_five: bool) -> bool:
    """A rule's meaning, said once more in other words."""
    reds = [kind in (ButtonKind.UNHAPPY, ButtonKind.VERY_UNHAPPY) for kind in kinds]
    if isinstance(rule, UnhappyShare):
        return len(kinds) >= rule.least and bool(reds.count(True) / len(kinds) >= rule.share)
    if isinstance(rule, RedsInARow):
        return len(reds) >= rule.count and all(reds[-rule.count :])
    scale = (100, 75, 50, 25, 0) if of_five else (100, 66.7, -1, 33.3, 0)
    points = [scale[list(ButtonKind).index(kind)] for kind in kinds]
    return len(kinds) >= rule.least and bool(round(sum(points) / len(points), 6) < rule.below)


def oracle(rule: Any, moves: Moves) -> list[tuple[int, str]]:
    """(second, zone) of everything that is found, by looking at all presses again each time."""
    found: list[tuple[int, str]] = []
    for zone in ("hall", "till"):
        seen: list[tuple[int, ButtonKind]] = []
        still_until = 0.0
        second = 0
        for wait, name, counts in moves:
            second += wait
            kind = press(name).kind
            if not counts or not name.startswith(zone) or not kind.is_smiley:
                continue
            seen.append((second, kind))
            kinds = [each for at, each in seen if at > second - rule.window_s]
            if second >= still_until and holds(rule, kinds, of_five=zone == "till"):
                found.append((second, zone))
                still_until = second + rule.cooldown_s
                seen = []
    return sorted(found)


def played(rule: Any, moves: Moves, restart_after: int | None = None) -> list[tuple[int, str]]:
    """(second, zone) by the rules themselves, through a restart if that is wanted."""
    config = box(rule)
    patterns = Patterns(config, stamp(0))
    journal: list[Record] = []
    found: list[tuple[int, str]] = []
    second = 0
    for number, (wait, name, counts) in enumerate(moves):
        second += wait
        at = stamp(second)
        if number == restart_after:
            patterns = Patterns(config, at)
            patterns.prime(journal, at)
        done = press(name, None if counts else PressFlag.MASHING)
        journal.append(
            recorded(Pressed(button=name, kind=done.kind, zone=done.zone, flag=done.flag), at)
        )
        for each in patterns.press(done, at):
            journal.append(recorded(alert_of(each, config, "x"), each.at))
            found.append((second, each.zone))
    return sorted(found)


@given(PRESS_RULES, MOVES)
def test_presses_against_the_oracle(rule: Any, moves: Moves) -> None:
    assert played(rule, moves) == oracle(rule, moves)


@given(PRESS_RULES, MOVES, st.integers(0, 60))
def test_a_restart_changes_nothing(rule: Any, moves: Moves, number: int) -> None:
    assert played(rule, moves, restart_after=number) == played(rule, moves)


# --- what is known after a restart -------------------------------------------------------------


def primed(records: list[Record], now: Stamp) -> list[str]:
    """What one more red in the hall completes."""
    patterns = Patterns(box(RedsInARow(name="r", window_s=600)), now)
    patterns.prime(records, now)
    return told(patterns.press(press("hall-d"), now))


def test_presses_of_another_boot_count_by_two_right_clocks_only() -> None:
    now = stamp(300, boot="later")
    right = [pressed("hall-d", stamp(100)), pressed("hall-c", stamp(200))]
    assert primed(right, now) == ["hall: 3 unhappy in a row"]
    unsure = [pressed("hall-d", stamp(100, synced=False)), pressed("hall-c", stamp(200))]
    assert primed(unsure, now) == []
    assert primed(right, stamp(300, boot="later", synced=False)) == []
    assert primed(right, stamp(900, boot="later")) == []


def test_what_was_told_before_the_restart_is_still_cooling_down() -> None:
    now = stamp(300)
    config = box(RedsInARow(name="r"))
    before = Patterns(config, stamp(0))
    records = []
    for second in (100, 110, 120):
        records.append(pressed("hall-d", stamp(second)))
        found = before.press(press("hall-d"), stamp(second))
        records += [recorded(alert_of(each, config, "x"), each.at) for each in found]
    patterns = Patterns(config, now)
    patterns.prime(records, now)
    again = [found for n in range(3) for found in patterns.press(press("hall-d"), stamp(301 + n))]
    assert again == []


# --- silence -----------------------------------------------------------------------------------


def run(
    config: Config,
    events: Iterable[tuple[int, Callable[[Patterns, Stamp], list[Found]]]],
    minutes: int,
    *,
    began: datetime = NOON,
    synced: bool = True,
    looks: Iterable[int] = (),
) -> list[tuple[int, Found]]:
    """(minute, found) when things happen at full minutes and the timers are kept."""

    def at(minute: int) -> Stamp:
        return stamp(60 * minute, began=began, synced=synced)

    patterns = Patterns(config, at(0))
    found: list[Found] = []
    acts = [*events, *((minute, Patterns.advance) for minute in looks)]
    for minute, act in sorted(acts, key=lambda item: item[0]):
        found += act(patterns, at(minute))
    found += patterns.advance(at(minutes))
    due_ns = patterns.next_due_ns
    assert due_ns is None or due_ns > at(minutes).mono_ns
    return [((each.at.mono_ns - at(0).mono_ns) // (60 * NS_PER_S), each) for each in found]


def silent(minutes: int, *, cooldown: int = 1000) -> Silence:
    return Silence(name="quiet", zones=("hall",), after_s=60 * minutes, cooldown_s=60 * cooldown)


def hit(name: str) -> Callable[[Patterns, Stamp], list[Found]]:
    return lambda patterns, at: patterns.press(press(name), at)


def test_nobody_presses() -> None:
    config = box(silent(180))
    assert [minute for minute, _ in run(config, [], 600)] == [180]
    later = run(config, [(100, hit("hall-a")), (200, hit("till-a")), (250, hit("hall-call"))], 600)
    assert [(minute, each.words.en) for minute, each in later] == [(430, "silent 3 h")]
    assert later[0][1].words.ru == "нет нажатий 3 ч"
    assert later[0][1].cause is AlertCause.PATTERN


def test_silence_that_lasts_is_told_again_after_the_cool_down() -> None:
    config = box(silent(60, cooldown=200))
    assert [minute for minute, _ in run(config, [], 500)] == [60, 260, 460]
    # A press ends it; the next silence is told, but not before the cool-down is over.
    assert [minute for minute, _ in run(config, [(100, hit("hall-a"))], 300)] == [60, 260]
    assert [minute for minute, _ in run(config, [(230, hit("hall-a"))], 400)] == [60, 290]


def test_a_night_is_no_silence() -> None:
    config = box(silent(180), hours=OPEN)
    until_20_o_clock = [(minute, hit("hall-a")) for minute in (120, 240, 360, 480)]
    (found,) = run(config, until_20_o_clock, 1440, began=NOON)
    assert hours.local(config.shop, found[1].at).strftime("%H:%M") == "12:00"


def test_with_hours_to_keep_silence_needs_the_hour() -> None:
    assert run(box(silent(180), hours=OPEN), [], 2880, synced=False) == []
    assert len(run(box(silent(180)), [], 600, synced=False)) == 1


def test_a_box_that_was_off_could_not_hear() -> None:
    config = box(silent(60))
    now = stamp(7200, boot="later")
    patterns = Patterns(config, now)
    patterns.prime([pressed("hall-a", stamp(7000))], now)
    assert patterns.next_due_ns == now.mono_ns + 3600 * NS_PER_S
    again = Patterns(config, stamp(7200))  # the daemon alone was off
    again.prime([pressed("hall-a", stamp(7000))], stamp(7200))
    assert again.next_due_ns == stamp(7000 + 3600).mono_ns


DST = datetime(2026, 10, 24, 10, tzinfo=UTC)
"""The clocks of Berlin go back in the night to come."""


@settings(deadline=None, max_examples=40)
@given(
    st.lists(st.integers(0, 2000), max_size=12),
    st.integers(10, 400),
    st.integers(30, 600),
    st.sampled_from([(), OPEN, (Hours(days=("sat", "sun"), open="22:30", close="02:30"),)]),
    st.lists(st.integers(0, 2000), max_size=8),
)
def test_silence_against_the_oracle(
    presses: list[int],
    after: int,
    cooldown: int,
    spans: tuple[Hours, ...],
    looks: list[int],
) -> None:
    config = box(silent(after, cooldown=cooldown), hours=spans, timezone="Europe/Berlin")
    is_open = [hours.is_open(config.shop, stamp(60 * m, began=DST)) for m in range(2001)]
    expected = []
    still_until = 0
    for minute in range(after, 2001):
        was_open = all(is_open[minute - after : minute + 1])
        was_silent = not any(minute - after < at < minute for at in presses)
        if was_open and was_silent and minute >= still_until:
            expected.append(minute)
            still_until = minute + cooldown
    events = [(minute, hit("hall-b")) for minute in presses]
    found = run(config, events, 2000, began=DST, looks=looks)
    assert [minute for minute, _ in found] == expected


# --- faults ------------------------------------------------------------------------------------


def fault(part: str, words: str = "no answer") -> Callable[[Patterns, Stamp], list[Found]]:
    return lambda patterns, at: patterns.event(FaultRaised(part=part, words=words), at)


def healed(part: str) -> Callable[[Patterns, Stamp], list[Found]]:
    return lambda patterns, at: patterns.event(FaultCleared(part=part), at)


def test_a_fault_that_stands() -> None:
    config = box(StandingFault(name="broken", zone="till", parts=("transmitter/", "journal")))
    ((minute, found),) = run(
        config,
        [(1, fault("transmitter/main")), (2, fault("input/edges")), (3, fault("transmitter/main"))],
        60,
    )
    assert (minute, found.zone, found.part) == (6, "till", "transmitter/main")
    assert found.words.en == "fault 5 min transmitter/main: no answer"
    assert found.words.ru == "неисправность 5 мин transmitter/main: no answer"
    assert found.cause is AlertCause.FAULT


def test_a_fault_that_passes_is_nobodys_matter() -> None:
    config = box(StandingFault(name="broken"))
    assert (
        run(config, [(1, fault("a")), (5, healed("a")), (6, fault("a")), (10, healed("a"))], 60)
        == []
    )


def test_each_part_for_itself_and_its_latest_words() -> None:
    config = box(StandingFault(name="broken"))
    found = run(config, [(1, fault("a")), (2, fault("b")), (3, fault("a", "worse"))], 60)
    assert [(minute, each.words.en) for minute, each in found] == [
        (6, "fault 5 min a: worse"),
        (7, "fault 5 min b: no answer"),
    ]


def test_a_fault_of_the_night_is_told_at_the_opening() -> None:
    began = datetime(2026, 11, 23, 22, tzinfo=UTC)
    at_once = StandingFault(name="broken", pages_when_closed=True)
    for rule, minute in ((StandingFault(name="broken"), 11 * 60), (at_once, 6)):
        found = run(box(rule, hours=OPEN), [(1, fault("a"))], 1440, began=began)
        assert [each[0] for each in found] == [minute]


def test_a_told_fault_is_not_told_again_after_a_restart() -> None:
    config = box(StandingFault(name="broken"))
    ((_, found),) = run(config, [(1, fault("a"))], 60)
    now = stamp(3600)
    patterns = Patterns(config, now)
    patterns.prime([recorded(alert_of(found, config, "x"), found.at)], now)
    patterns.event(FaultRaised(part="a", words="no answer"), now)
    assert patterns.advance(stamp(7200)) == []
    assert len(patterns.advance(stamp(90000))) == 1


PARTS = st.sampled_from(["radio/a", "radio/b", "line/c"])


@settings(deadline=None, max_examples=40)
@given(
    st.lists(st.tuples(st.integers(0, 1500), PARTS, st.booleans()), max_size=25),
    st.integers(1, 90),
    st.integers(1, 400),
    st.booleans(),
    st.lists(st.integers(0, 1500), max_size=8),
)
def test_faults_against_the_oracle(
    moves: list[tuple[int, str, bool]],
    after: int,
    cooldown: int,
    always: bool,
    looks: list[int],
) -> None:
    rule = StandingFault(
        name="broken",
        parts=("radio/",),
        after_s=60 * after,
        cooldown_s=60 * cooldown,
        pages_when_closed=always,
    )
    config = box(rule, hours=OPEN)
    expected = []
    since: dict[str, int] = {}
    still_until: dict[str, int] = {}
    moves.sort(key=lambda move: move[0])
    for minute in range(1501):
        may = always or hours.is_open(config.shop, stamp(60 * minute))
        for part in ("radio/a", "radio/b"):
            stands = part in since and minute - since[part] >= after
            if stands and may and minute >= still_until.get(part, 0):
                expected.append((minute, part))
                still_until[part] = minute + cooldown
        for at, part, is_broken in moves:
            if at == minute and is_broken:
                since.setdefault(part, minute)
            elif at == minute:
                since.pop(part, None)
    events = [(at, fault(part) if is_broken else healed(part)) for at, part, is_broken in moves]
    found = run(config, events, 1500, looks=looks)
    assert sorted((minute, each.part) for minute, each in found) == sorted(expected)


# --- from a finding to pages -------------------------------------------------------------------


def found_in_the_hall(rule: Pattern, at: Stamp | None = None) -> Found:
    words = Label("недовольны 4 из 6", "4 of 6 unhappy")
    return Found(rule=rule, zone="hall", words=words, at=at or stamp(60))


def test_the_page_says_what_was_found() -> None:
    config = box(UnhappyShare(name="r"))
    found = found_in_the_hall(config.rules[0])
    desk = Desk(config, lambda: "a1")
    event = alert_of(found, config, "a1")
    decision = desk.raise_alert(event, found.at)
    assert decision.events == [event]
    assert [(page.pager, page.text, page.kind) for page in decision.pages] == [
        ("one", "hall: 4 of 6 unhappy 12:01", "pattern")
    ]
    (alert,) = desk.alerts()
    assert desk.label(alert) == found.words
    ru = msgspec.structs.replace(
        config, shop=msgspec.structs.replace(config.shop, language=Language.RU)
    )
    again = Desk(ru, lambda: "a1").raise_alert(event, found.at)
    assert again.pages[0].text == "hall: недовольны 4 из 6 12:01"


def test_a_rule_of_its_own_recipients_keeps_them_up_the_ladder() -> None:
    config = box(StandingFault(name="broken"))
    found = found_in_the_hall(config.rules[0])
    desk = Desk(config, lambda: "a1")
    first = desk.raise_alert(alert_of(found, config, "a1"), found.at).pages
    last = desk.advance(stamp(60 + 120)).pages  # the ladder's own last step is everyone
    assert [page.pager for page in first + last] == ["two", "two"]


def test_outside_opening_hours_it_is_shown_only() -> None:
    night = stamp(0, began=datetime(2026, 11, 23, 23, tzinfo=UTC))
    for always in (False, True):
        rule = RedsInARow(name="r", pages_when_closed=always)
        config = box(rule, hours=OPEN)
        event = alert_of(found_in_the_hall(rule, night), config, "a1")
        decision = Desk(config, lambda: "a1").raise_alert(event, night)
        assert (event.quiet, len(decision.pages)) == (not always, int(always))


def test_an_event_of_before_there_were_rules_still_reads() -> None:
    old = b'{"type":"alert_raised","alert":"a","cause":"red","zone":"z","button":"b","level":0}'
    event = msgspec.json.decode(old, type=AlertRaised)
    assert (event.rule, event.words, event.to) == (None, None, ())
