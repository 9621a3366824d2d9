"""A shop of two zones whose rules are judged, press by press or minute by minute."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime

from gateway.alerts.rules import Found, Patterns
from gateway.clock import NS_PER_S, Stamp
from gateway.config import Button, Config, Device, Hours, Pager, Shop, Staff
from gateway.config.alert_rules import Pattern
from gateway.events import AnyEvent, Pressed, Record
from gateway.model import ButtonKind, Label, Press, PressFlag, Role

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


def hit(name: str) -> Callable[[Patterns, Stamp], list[Found]]:
    return lambda patterns, at: patterns.press(press(name), at)
