"""The rule that nobody presses any more, held against a slow and obvious oracle."""

from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.alerts import hours
from gateway.alerts.rules import Patterns
from gateway.clock import NS_PER_S
from gateway.config import Hours
from gateway.config.alert_rules import Silence
from gateway.model import AlertCause
from tests.alerts.two_zones import NOON, OPEN, box, hit, pressed, run, stamp


def silent(minutes: int, *, cooldown: int = 1000) -> Silence:
    return Silence(name="quiet", zones=("hall",), after_s=60 * minutes, cooldown_s=60 * cooldown)


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
