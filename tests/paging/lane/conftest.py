"""A lane over fake equipment on real threads: each move is made by the test and waited for."""

import threading
import time
from collections.abc import Callable, Iterator

import pytest

from gateway.config import Pager
from gateway.errors import LineError
from gateway.model import Page, Receipt, ReceiptState
from gateway.paging import transmitter as module
from gateway.paging.drivers.base import Message, Rest
from gateway.paging.lane import PageLane
from gateway.paging.transmitter import Transmitter

PAGERS = (
    Pager(name="any", address="1"),
    Pager(name="other", address="2"),
    Pager(name="only-b", address="3", transmitter="b"),
    Pager(name="long", address="4", max_chars=20, max_parts=3),
)
WAIT_S = 10.0
NEVER_S = 3600.0


class Equipment:
    """One transmitter's equipment: holds each message on the line until the test answers it.

    Attributes:
        plugged: Whether the line can be opened.
        mute: Whether it answers no handshake.
        on_line: The message that waits for its answer.
        heard: Every text that was put on the line.
        has_room: Whether the line takes a message at once; only `DirectEquipment` is asked.
        has_hung_up: Whether the other end of the line has gone.
        carries_text: Whether the pagers show texts.
    """

    def __init__(self, changed: threading.Condition) -> None:
        self.plugged = True
        self.mute = False
        self.has_room = True
        self.has_hung_up = False
        self.carries_text = True
        self.on_line: Message | None = None
        self.heard: list[str] = []
        self.opened = self.closed = self.probed = 0
        self.adapter: object = 1  # another number is another adapter, None is none
        self.error: Exception | None = None
        self._changed = changed
        self._answer: Receipt | None = None
        self._automatic: Receipt | None = None

    def answer(self, receipt: Receipt) -> None:
        """Answer the message on the line."""
        with self._changed:
            assert self.on_line is not None
            self.on_line, self._answer = None, receipt
            self._changed.notify_all()

    def answer_all(self, receipt: Receipt) -> None:
        """Answer this one and all later ones at once."""
        with self._changed:
            self._automatic = receipt
            self._changed.notify_all()

    # --- the driver, on the transmitter's thread ---------------------------------------------

    def open(self) -> None:
        with self._changed:
            self.opened += 1
            self._changed.notify_all()
            if not self.plugged:
                raise LineError("no such device")

    def send(self, message: Message) -> Receipt:
        with self._changed:
            if self.error is not None:
                raise self.error
            self._put(message)
            return self._hear()

    def _put(self, message: Message) -> None:
        with self._changed:
            assert self.on_line is None, "one message at a time"
            self.heard.append(message.text.lower())  # pagers show capitals
            self.on_line = message
            self._changed.notify_all()

    def _hear(self) -> Receipt:
        with self._changed:
            assert self._changed.wait_for(lambda: self._answer or self._automatic, 60)
            answer, self._answer, self.on_line = self._answer or self._automatic, None, None
            assert answer is not None
            return answer

    def probe(self) -> str:
        with self._changed:
            self.probed += 1
            self._changed.notify_all()
            if self.mute:
                raise LineError("does not answer")
            return "hello"

    def close(self) -> None:
        self.closed += 1


class DirectEquipment(Equipment):
    """Equipment whose line takes a message at once, from any thread, while it has room.

    Attributes:
        begun: Each text that was, and the thread that put it there.
    """

    def __init__(self, changed: threading.Condition) -> None:
        super().__init__(changed)
        self.begun: list[tuple[str, str]] = []

    def start(self, message: Message) -> Rest | None:
        with self._changed:
            if not self.has_room or self.error is not None:
                return None
            self._put(message)
            self.begun.append((message.text.lower(), threading.current_thread().name))
            return self._hear


class Rig:
    """A lane over two transmitters, `a` and `b`, and everything that came of its pages."""

    equipment = Equipment

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.a, self.b = self.equipment(self.changed), self.equipment(self.changed)
        self.receipts: list[tuple[str, Receipt]] = []
        self.lane = self.lane_of(self.transmitter("a"), self.transmitter("b"))

    def lane_of(self, *transmitters: Transmitter) -> PageLane:
        return PageLane(PAGERS, transmitters, self.received)

    def transmitter(self, name: str, supervise_s: float = NEVER_S) -> Transmitter:
        driver: Equipment = getattr(self, name)
        return Transmitter(
            name,
            driver,
            supervise_s=supervise_s,
            on_state=self.tell,
            adapter=lambda: driver.adapter,
        )

    def tell(self) -> None:
        with self.changed:
            self.changed.notify_all()

    def received(self, page: Page, receipt: Receipt) -> None:
        with self.changed:
            self.receipts.append((page.id, receipt))
            self.changed.notify_all()

    def until(self, true: Callable[[], object]) -> None:
        with self.changed:
            assert self.changed.wait_for(true, WAIT_S)

    def start(self) -> None:
        """Start, and wait until both have been tried."""
        self.lane.start()
        self.until(lambda: "starting" not in [each.state for each in self.lane.transmitters])

    def submit(self, name: str, pager: str = "any", **changes: object) -> None:
        fields = {"alert": name, "text": name, **changes}
        self.lane.submit(Page(id=name, pager=pager, **fields))  # type: ignore[arg-type]

    def send(self, name: str, pager: str = "any", **changes: object) -> None:
        self.submit(name, pager, **changes)
        self.lane.rouse()

    def on_line(self, equipment: Equipment, text: str) -> None:
        """Wait until the equipment has this text on the line."""
        self.until(lambda: equipment.on_line is not None and equipment.on_line.text == text)

    def result(self, name: str) -> Receipt:
        """Wait for the one receipt of a page."""
        self.until(lambda: name in dict(self.receipts))
        assert [page for page, _ in self.receipts].count(name) == 1
        return dict(self.receipts)[name]

    def stop(self, transmitter: Transmitter, answer: Receipt) -> None:
        """Stop one transmitter, and then answer what it still has on the line."""
        stopping = threading.Thread(target=transmitter.stop, args=(WAIT_S,))
        stopping.start()
        deadline = time.monotonic() + WAIT_S
        while not transmitter._stopping:
            assert time.monotonic() < deadline
            threading.Event().wait(0.001)
        equipment: Equipment = getattr(self, transmitter.name)
        with self.changed:
            if equipment.on_line is not None:
                equipment.answer(answer)
        stopping.join(WAIT_S)
        assert not transmitter.is_alive

    def close(self) -> None:
        for equipment in (self.a, self.b):
            equipment.answer_all(Receipt(ReceiptState.ACCEPTED))
        self.lane.stop(WAIT_S)
        assert not any(each.is_alive for each in self.lane.transmitters)


class DirectRig(Rig):
    """The same, and an idle line takes a page at once."""

    equipment = DirectEquipment

    def until_idle(self, name: str) -> DirectEquipment:
        """Wait until a transmitter's thread rests; returns its equipment."""
        (transmitter,) = (each for each in self.lane.transmitters if each.name == name)
        deadline = time.monotonic() + WAIT_S
        while not transmitter._is_resting:
            assert time.monotonic() < deadline
            threading.Event().wait(0.001)
        equipment = getattr(self, name)
        assert isinstance(equipment, DirectEquipment)
        return equipment


@pytest.fixture(params=[Rig, DirectRig], ids=["by the thread", "at once"])
def rig_class(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> type[Rig]:
    """The rig, for who makes many, both ways: only pages make a closed line open."""
    monkeypatch.setattr(module, "REOPEN_FIRST_S", NEVER_S)
    monkeypatch.setattr(module, "REOPEN_MOST_S", NEVER_S)
    chosen: type[Rig] = request.param
    return chosen


@pytest.fixture
def rig(rig_class: type[Rig]) -> Iterator[Rig]:
    """One rig, not started yet."""
    rig = rig_class()
    yield rig
    rig.close()


@pytest.fixture
def direct_rig(monkeypatch: pytest.MonkeyPatch) -> Iterator[DirectRig]:
    """One whose idle lines take pages at once, started."""
    monkeypatch.setattr(module, "REOPEN_FIRST_S", NEVER_S)
    rig = DirectRig()
    rig.start()
    yield rig
    rig.close()
