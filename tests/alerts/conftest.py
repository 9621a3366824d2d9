"""A small shop, and its desk on a clock that the test moves."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime

import msgspec
import pytest

from gateway.alerts import case
from gateway.alerts.case import Alert
from gateway.alerts.desk import Decision, Desk
from gateway.clock import NS_PER_S, Stamp
from gateway.config import Button, Config, Device, Hours, Ladder, Pager, Shop, Staff
from gateway.events import AnyEvent
from gateway.model import ButtonKind, Label, Page, Press, PressFlag, Receipt, ReceiptState, Role

MONDAY_NOON_NS = int(datetime(2026, 11, 23, 12, tzinfo=UTC).timestamp()) * NS_PER_S


def _button(pin: int, name: str, kind: ButtonKind, **changes: object) -> Button:
    point = name.partition("-")[0]
    button = Button(
        name=name, pin=pin, kind=kind, label=Label(ru=name, en=name), zone=point, panel=point
    )
    return msgspec.structs.replace(button, **changes)


BUTTONS = (
    _button(1, "exit-red", ButtonKind.VERY_UNHAPPY),
    _button(2, "exit-sad", ButtonKind.UNHAPPY),
    _button(3, "exit-happy", ButtonKind.HAPPY),
    _button(4, "exit-call", ButtonKind.CALL),
    _button(5, "exit-why", ButtonKind.REASON, cause="queue"),
    _button(6, "till-red", ButtonKind.VERY_UNHAPPY),
    _button(7, "till-why", ButtonKind.REASON, pages=True, cause="price"),
    _button(8, "till-call", ButtonKind.CALL),
    _button(9, "safe-red", ButtonKind.VERY_UNHAPPY, pages_when_closed=True),
)
STAFF = (
    Staff(name="Anna", pager="anna", zones=("exit", "safe"), account="acc-anna"),
    Staff(name="Bo", pager="bo", zones=("till",)),
    Staff(name="Dee", pager="dee", role=Role.MANAGER, zones=("office",)),
)
OPEN_9_TO_21 = (Hours(days=("mon", "tue", "wed", "thu", "fri"), open="09:00", close="21:00"),)


class Floorless:
    """A desk without a floor: the test presses, lets time pass, answers, and sees what follows.

    Attributes:
        log: Every event in its order with its stamp: what the journal would hold.
        cancelled: Alerts whose waiting pages were taken back, in their order.
    """

    def __init__(self, rules: Ladder, *, hours: tuple[Hours, ...], synced: bool) -> None:
        self.config = Config(
            device=Device(id="box"),
            shop=Shop(name="Shop", account="acc-shop", hours=hours),
            buttons=BUTTONS,
            pagers=tuple(Pager(name=p.pager or "", address=p.name) for p in STAFF),
            staff=STAFF,
            ladder=rules,
        )
        self.now = Stamp("boot-1", 100 * NS_PER_S, MONDAY_NOON_NS, synced)
        self.log: list[tuple[AnyEvent, Stamp]] = []
        self.cancelled: list[str] = []
        self._raised = 0
        self.desk = Desk(self.config, self._new_id)

    def _new_id(self) -> str:
        self._raised += 1
        return f"a{self._raised}"

    def did(self, decision: Decision) -> list[Page]:
        """Record what was decided; returns its pages."""
        self.log += [(event, self.now) for event in decision.events]
        self.cancelled += decision.cancelled
        return decision.pages

    def press(self, name: str, flag: PressFlag | None = None) -> list[Page]:
        button = next(each for each in self.config.buttons if each.name == name)
        press = Press(button.name, button.kind, button.zone, flag)
        return self.did(self.desk.press(press, self.now))

    def sleep(self, seconds: float) -> None:
        """Time passes with nobody looking."""
        ns = round(seconds * NS_PER_S)
        self.now = msgspec.structs.replace(
            self.now, mono_ns=self.now.mono_ns + ns, wall_ns=self.now.wall_ns + ns
        )

    def later(self, seconds: float) -> list[Page]:
        """Time passes, and the desk looks once at its end."""
        self.sleep(seconds)
        return self.did(self.desk.advance(self.now))

    def run(self, seconds: float) -> list[tuple[float, Page]]:
        """Time passes as on the floor: the desk is called whenever it wants to be."""
        began_ns = self.now.mono_ns
        end_ns = began_ns + round(seconds * NS_PER_S)
        out: list[tuple[float, Page]] = []
        while (wait_s := self.desk.next_due_s(self.now)) is not None:
            assert wait_s > 0, "a busy loop"
            if self.now.mono_ns + round(wait_s * NS_PER_S) > end_ns:
                break
            pages = self.later(wait_s)
            out += [((self.now.mono_ns - began_ns) / NS_PER_S, page) for page in pages]
        self.sleep((end_ns - self.now.mono_ns) / NS_PER_S)
        return out

    def answer(self, pages: Iterable[Page], state: ReceiptState) -> None:
        """Every page gets this receipt."""
        for page in pages:
            self.did(self.desk.receipt(page, Receipt(state, transmitter="tx"), self.now))

    def only(self) -> Alert:
        """The one live alert."""
        (alert,) = self.desk.alerts()
        return alert

    def folded(self) -> dict[str, Alert]:
        """What the recorded events alone make of the alerts."""
        alerts: dict[str, Alert] = {}
        for event, at in self.log:
            alert_id = case.alert_of(event) or ""
            alert = self.fold(alerts.get(alert_id), event, at)
            if alert is not None:
                alerts[alert_id] = alert
        return alerts

    fold = staticmethod(case.fold)

    def forget(self) -> None:
        """The desk is a new one."""
        self.desk = Desk(self.config, self._new_id)

    def restart(self) -> list[Page]:
        """The daemon starts again in the same boot: all that is left is the journal."""
        live = [alert for alert in self.folded().values() if alert.is_live]
        self.forget()
        return self.did(self.desk.restore(live, self.now))

    def reboot(self, boot: str, off_s: float, *, synced: bool, uptime_s: float = 20) -> list[Page]:
        """The box was off for a while; an unset clock wakes in the year 1970."""
        wall_ns = self.now.wall_ns + round((off_s + uptime_s) * NS_PER_S) if synced else 0
        self.now = Stamp(boot, round(uptime_s * NS_PER_S), wall_ns, synced)
        return self.restart()

    def set_clock(self, wall_ns: int) -> None:
        """The network has told the time."""
        self.now = msgspec.structs.replace(self.now, wall_ns=wall_ns, synced=True)


Opener = Callable[..., Floorless]


@pytest.fixture
def open_shop() -> Opener:
    """Opens a shop: `open_shop(Ladder(), hours=…, synced=…)`."""

    def opened(
        rules: Ladder | None = None, *, hours: tuple[Hours, ...] = (), synced: bool = True
    ) -> Floorless:
        return Floorless(rules or Ladder(), hours=hours, synced=synced)

    return opened
