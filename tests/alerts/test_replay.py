"""A replay of a journal that was written by hand, with answers that are known."""

from datetime import UTC, datetime

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.alerts.desk import Desk
from gateway.alerts.found import alert_of
from gateway.alerts.replay import Alerted, Replayed, replay
from gateway.alerts.rules import Patterns
from gateway.clock import NS_PER_S, Stamp
from gateway.config import Button, Config, Device, Hours, Pager, Shop, Staff
from gateway.config.alert_rules import Pattern, RedsInARow, Silence, StandingFault, UnhappyShare
from gateway.events import (
    AlertAcknowledged,
    AlertClimbed,
    AlertRaised,
    AnswerWithdrawn,
    AnyEvent,
    FaultRaised,
    Paged,
    Pressed,
    Record,
    Started,
)
from gateway.model import (
    AlertCause,
    AlertState,
    ButtonKind,
    Label,
    Press,
    PressFlag,
    ReceiptState,
    Role,
)

BUTTONS = tuple(
    Button(name=name, pin=1, kind=kind, label=Label(name, name), zone="hall", panel="exit")
    for name, kind in (
        ("green", ButtonKind.VERY_HAPPY),
        ("red", ButtonKind.VERY_UNHAPPY),
        ("call", ButtonKind.CALL),
    )
)
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
OPEN = (Hours(days=DAYS, open="08:00", close="22:00"),)
BEGAN = datetime(2026, 10, 24, 6, 0, tzinfo=UTC)
"""8 o'clock in Berlin; in the night to come its clocks go back."""


def shop(
    *rules: Pattern, hours: tuple[Hours, ...] = OPEN, buttons: tuple[Button, ...] = BUTTONS
) -> Config:
    return Config(
        device=Device(id="box"),
        shop=Shop(name="Shop", account="1", hours=hours, timezone="Europe/Berlin"),
        buttons=buttons,
        pagers=(Pager(name="one", address="1"), Pager(name="two", address="2")),
        staff=(
            Staff(name="Anna", pager="one"),
            Staff(name="Dee", pager="two", role=Role.MANAGER, zones=("office",)),
        ),
        rules=rules,
    )


def at(text: str, *, boot: str = "boot-1", synced: bool = True) -> Stamp:
    """A moment in UTC: `24 12:00:05` is on the 24th."""
    day, clock = text.split()
    when = datetime.fromisoformat(f"2026-10-{day}T{clock}").replace(tzinfo=UTC)
    since_ns = round((when - BEGAN).total_seconds() * NS_PER_S)
    return Stamp(boot, since_ns + 1000 * NS_PER_S, round(when.timestamp()) * NS_PER_S, synced)


class Journal:
    """Records in their order."""

    def __init__(self) -> None:
        self.records: list[Record] = []

    def add(self, event: AnyEvent, when: Stamp) -> None:
        self.records.append(
            Record(
                device="box",
                epoch="e",
                seq=len(self.records) + 1,
                at=when,
                mapping=1,
                account="1",
                event=event,
            )
        )

    def press(self, button: str, *when: Stamp, flag: PressFlag | None = None) -> None:
        kind = next(each.kind for each in BUTTONS if each.name == button)
        for each in when:
            self.add(Pressed(button=button, kind=kind, zone="hall", flag=flag), each)


def brief(alerts: tuple[Alerted, ...]) -> list[tuple[str, str, bool, tuple[str, ...]]]:
    return [
        (
            f"{datetime.fromtimestamp(each.at.wall_ns / NS_PER_S, UTC):%d %H:%M:%S}",
            each.name,
            each.quiet,
            each.pagers,
        )
        for each in alerts
    ]


def test_reds_calls_and_a_rule() -> None:
    journal = Journal()
    journal.add(Started(version="1"), at("24 09:00"))
    journal.press("red", at("24 10:00"), at("24 10:00:10"), at("24 10:20"))
    journal.press("red", at("24 10:20:20"), flag=PressFlag.REPEAT)
    journal.press("call", at("24 10:30"))
    journal.press("green", at("24 10:31"))
    done = replay(shop(RedsInARow(name="row", count=3, window_s=3600)), journal.records)
    assert brief(done.would) == [
        ("24 10:00:00", "red", False, ("one",)),
        ("24 10:20:00", "red", False, ("one",)),
        ("24 10:20:00", "row", False, ("one",)),
        ("24 10:30:00", "call", False, ("one",)),
    ]
    assert (done.presses, done.really, done.unknown_buttons) == (6, (), ())
    assert [each.level for each in done.would] == [0, 0, 0, 0]


def test_other_bursts_and_other_recipients() -> None:
    journal = Journal()
    journal.press("red", at("24 10:00"), at("24 10:00:10"), at("24 10:00:50"))
    config = shop(UnhappyShare(name="share", least=3, to=("managers",)))
    none = msgspec.structs.replace(
        config, ladder=msgspec.structs.replace(config.ladder, burst_s=0.0)
    )
    assert [each.name for each in replay(none, journal.records).would] == ["red"] * 3 + ["share"]
    assert replay(none, journal.records).would[-1].pagers == ("two",)
    wide = msgspec.structs.replace(
        config, ladder=msgspec.structs.replace(config.ladder, burst_s=60.0)
    )
    assert [each.name for each in replay(wide, journal.records).would] == ["red", "share"]


def test_the_day_on_which_the_clocks_go_back() -> None:
    journal = Journal()
    # 8:30 in Berlin before the change and 7:30 after it; 21:30 in Berlin is 20:30 then.
    for text in ("24 06:30", "25 06:30", "25 07:30", "25 20:30", "25 21:30"):
        journal.press("red", at(text))
    assert brief(replay(shop(), journal.records).would) == [
        ("24 06:30:00", "red", False, ("one",)),
        ("25 06:30:00", "red", True, ()),
        ("25 07:30:00", "red", False, ("one",)),
        ("25 20:30:00", "red", False, ("one",)),
        ("25 21:30:00", "red", True, ()),
    ]
    anytime = msgspec.structs.replace(BUTTONS[1], pages_when_closed=True)
    done = replay(shop(buttons=(anytime,)), journal.records)
    assert [each.quiet for each in done.would] == [False] * 5


def test_silence_over_the_long_night() -> None:
    journal = Journal()
    journal.add(Started(version="1"), at("24 18:00"))
    journal.press("green", at("24 19:30"))
    rule = Silence(name="quiet", after_s=4 * 3600)
    done = replay(shop(rule), journal.records, end=at("25 23:00"))
    # Closed at 22:00 (20:00 UTC), open again at 8:00, which is 7:00 UTC by then.
    assert brief(done.would) == [("25 11:00:00", "quiet", False, ("one",))]
    assert replay(shop(rule), journal.records, end=at("25 10:59")).would == ()
    assert replay(shop(rule), journal.records, end=at("25 23:00", boot="boot-2")).would == ()


def test_time_passes_to_the_end_of_the_span_and_no_further() -> None:
    journal = Journal()
    journal.press("green", at("24 08:00"), at("24 19:00"))
    config = shop(Silence(name="quiet", after_s=4 * 3600, cooldown_s=3600))

    def told(until: str, end: Stamp | None = None) -> int:
        until_ns = at(until).wall_ns
        return len(replay(config, journal.records, until_ns=until_ns, end=end).would)

    assert [told(until) for until in ("24 11:59", "24 12:00", "24 13:30")] == [0, 1, 2]
    assert told("26 00:00") == 8  # at 12, 13 … 19 o'clock, by the time of the last press
    assert told("24 19:59", end=at("27 12:00")) == 8


def test_a_box_that_was_off_finds_nothing_and_remembers() -> None:
    journal = Journal()
    journal.add(Started(version="1"), at("24 09:00"))
    journal.press("red", at("24 10:00"), at("24 10:05"))
    journal.add(Started(version="1"), at("24 10:08", boot="boot-2"))
    journal.press("red", at("24 10:10", boot="boot-2"))
    rules = (RedsInARow(name="row"), Silence(name="quiet", after_s=600))
    done = replay(shop(*rules), journal.records, end=at("24 10:19", boot="boot-2"))
    assert [each.name for each in done.would] == [
        "quiet",
        "red",
        "red",
        "red",
        "row",
    ]


def test_a_fault_that_stood() -> None:
    journal = Journal()
    journal.add(Started(version="1"), at("24 09:00"))
    journal.add(FaultRaised(part="transmitter/main", words="no answer"), at("24 09:00:10"))
    journal.press("green", at("24 11:00"))
    (alert,) = replay(shop(StandingFault(name="broken")), journal.records).would
    assert brief((alert,)) == [("24 09:05:10", "broken", False, ("two",))]
    assert (alert.cause, alert.part) == (AlertCause.FAULT, "transmitter/main")


def test_buttons_that_the_other_settings_do_not_have() -> None:
    journal = Journal()
    journal.press("red", at("24 10:00"))
    journal.press("call", at("24 10:01"))
    done = replay(shop(buttons=BUTTONS[:2]), journal.records)
    assert ([each.name for each in done.would], done.unknown_buttons) == (["red"], ("call",))


def test_before_the_span_it_only_warms_up() -> None:
    journal = Journal()
    journal.press("red", at("24 10:00"), at("24 10:05"))
    journal.add(lived().records[1].event, at("24 10:05"))
    journal.press("red", at("24 10:10"))
    done = replay(shop(RedsInARow(name="row")), journal.records, first=4)
    assert [each.name for each in done.would] == ["red", "row"]
    assert (done.presses, done.really) == (1, ())
    late = replay(shop(), journal.records, since_ns=at("24 10:05").wall_ns)
    assert (len(late.would), len(late.really)) == (2, 1)


def test_an_alert_outlives_a_restart_of_the_daemon() -> None:
    journal = Journal()
    journal.add(Started(version="1"), at("24 09:00"))
    journal.press("red", at("24 10:00"))
    journal.add(Started(version="1"), at("24 10:00:10"))
    journal.press("red", at("24 10:00:20"))
    (alert,) = replay(shop(), journal.records, end=at("24 10:01:30")).would
    assert alert.highest == 2


# --- beside what really was --------------------------------------------------------------------


def lived() -> Journal:
    """A red that was paged, climbed once and was taken; a second one right after it."""
    journal = Journal()
    journal.press("red", at("24 10:00"))
    raised = AlertRaised(
        alert="A", cause=AlertCause.RED, zone="hall", button="red", level=0, quiet=False
    )
    journal.add(raised, at("24 10:00"))
    sent = Paged(page="A.0", pager="one", text="", state=ReceiptState.ACCEPTED, alert="A", level=0)
    journal.add(sent, at("24 10:00:01"))
    journal.add(AlertClimbed(alert="A", level=1), at("24 10:00:40"))
    journal.add(msgspec.structs.replace(sent, page="A.1", pager="two", level=1), at("24 10:00:41"))
    journal.add(AlertAcknowledged(alert="A", by="Anna", via="button"), at("24 10:01:00"))
    journal.press("call", at("24 12:00"))
    return journal


def pairs(done: Replayed) -> list[tuple[str | None, str | None]]:
    return [
        (ours.name if ours else None, theirs.name if theirs else None)
        for ours, theirs in done.pairs()
    ]


def test_what_staff_did_is_done_again() -> None:
    done = replay(shop(), lived().records, end=at("24 13:00"))
    ((ours, theirs), (call, nothing)) = done.pairs()
    assert ours is not None
    assert ours == theirs  # to the same people, and up to the same step
    assert (ours.highest, ours.pagers) == (1, ("one",))
    assert call is not None
    assert (call.name, call.highest, nothing) == ("call", 14, None)  # nobody took that one


def test_what_was_taken_back_is_taken_back_again() -> None:
    journal = lived()
    del journal.records[-2:]
    went = AlertAcknowledged(alert="A", by="Anna", via="page", final=False)
    journal.add(went, at("24 10:01:00"))
    back = AnswerWithdrawn(alert="A", by="Anna", state=AlertState.OPEN)
    journal.add(back, at("24 10:01:05"))
    journal.add(AlertClimbed(alert="A", level=2), at("24 10:01:20"))
    ((ours, theirs),) = replay(shop(), journal.records, end=at("24 10:01:30")).pairs()
    assert ours is not None
    assert theirs is not None
    assert (ours.highest, theirs.highest) == (2, 2)


def test_what_would_not_have_been() -> None:
    assert pairs(replay(shop(buttons=BUTTONS[2:]), lived().records)) == [
        (None, "red"),
        ("call", None),
    ]


def test_a_rule_that_was_in_force_is_found_again_at_the_same_press() -> None:
    config = shop(RedsInARow(name="row"))
    journal = Journal()
    patterns, desk = Patterns(config, at("24 09:00")), Desk(config, lambda: "red")
    for text in ("24 10:00", "24 10:03", "24 10:06"):
        when = at(text)
        press = Press("red", ButtonKind.VERY_UNHAPPY, "hall")
        journal.press("red", when)
        for event in desk.press(press, when).events:
            journal.add(event, when)
        for found in patterns.press(press, when):
            journal.add(alert_of(found, config, "row"), found.at)
    done = replay(config, journal.records)
    assert ("row", "row") in pairs(done)
    assert (None, "row") not in pairs(done)


@settings(max_examples=40)
@given(
    st.lists(
        st.tuples(st.integers(0, 300), st.sampled_from(["red", "green", "call"]), st.booleans()),
        max_size=40,
    )
)
def test_a_replay_under_the_same_settings_is_what_was(
    moves: list[tuple[int, str, bool]],
) -> None:
    """What desk and rules did while it happened, they do again from the journal alone."""
    config = shop(RedsInARow(name="row"), UnhappyShare(name="share"))
    journal, second, number = Journal(), 0, 0

    def new_id() -> str:
        nonlocal number
        number += 1
        return f"a{number}"

    desk, patterns = Desk(config, new_id), Patterns(config, at("24 09:00"))
    expected = []
    for wait, button, counts in moves:
        second += wait
        base = at("24 10:00")
        when = Stamp(
            base.boot, base.mono_ns + second * NS_PER_S, base.wall_ns + second * NS_PER_S, True
        )
        # The ladder is kept going to the second, as its alarm does.
        while due_s := desk.next_due_s(now := journal.records[-1].at if journal.records else when):
            if now.mono_ns + round(due_s * NS_PER_S) > when.mono_ns:
                break
            due = round(due_s * NS_PER_S)
            then = Stamp(now.boot, now.mono_ns + due, now.wall_ns + due, True)
            for event in desk.advance(then).events:
                journal.add(event, then)
        kind = next(each.kind for each in BUTTONS if each.name == button)
        press = Press(button, kind, "hall", None if counts else PressFlag.REPEAT)
        journal.press(button, when, flag=press.flag)
        events = list(desk.press(press, when).events)
        for found in patterns.press(press, when):
            events += desk.raise_alert(alert_of(found, config, new_id()), found.at).events
        for event in events:
            journal.add(event, when)
            if isinstance(event, AlertRaised):
                expected.append((when, event.rule or event.cause.value, event.quiet))
    done = replay(config, journal.records)
    assert [(each.at, each.name, each.quiet) for each in done.would] == expected
    assert all(ours is not None and theirs is not None for ours, theirs in done.pairs())
