"""The page lane: from a page to a transmitter's first byte, and back to its receipt.

Each transmitter has one thread that owns its line and driver; the lane gives it pages through a
bounded priority queue: the most urgent first, first in first out within one urgency. Nothing here
waits for disk, network or clock.

- A page that is waiting already for the same pager and alert is superseded by the newer one.
- The pages of an alert that someone has taken are cancelled.
- A page that one transmitter certainly could not send goes to the next one that serves the pager.
- A page whose answer was lost is `unknown` and is not sent again from here: the ladder does that.
"""

import heapq
import logging
import threading
import time
from collections.abc import Callable
from typing import Final

import msgspec

from gateway.config import Pager
from gateway.errors import LineError
from gateway.model import Page, Receipt, ReceiptState
from gateway.paging.drivers.base import Driver, Message
from gateway.paging.text import fit

QUEUE_MOST: Final = 64
"""Waiting pages a transmitter holds; the least urgent beyond that fail at once."""
REOPEN_FIRST_S: Final = 0.5
REOPEN_MOST_S: Final = 15.0

_log: Final = logging.getLogger(__name__)

OnReceipt = Callable[[Page, Receipt], None]


class _Job(msgspec.Struct):
    """A page on its way, and the transmitters that it may still try."""

    page: Page
    pager: Pager
    routes: list["Transmitter"]
    cancelled: bool = False

    @property
    def key(self) -> tuple[str, str]:
        """Two waiting pages with one key say the same thing to the same wrist."""
        return (self.page.pager, self.page.alert or self.page.id)


class Transmitter:
    """One transmitter: its driver, its thread and its queue.

    Args:
        name: As configured.
        driver: Used from this transmitter's thread alone.
        supervise_s: How often to shake hands when there is nothing to send.
        on_state: Called from the thread when `state` has changed.
    """

    def __init__(
        self,
        name: str,
        driver: Driver,
        *,
        supervise_s: float,
        on_state: Callable[[], None],
    ) -> None:
        self.name: Final = name
        self.state = "starting"
        self.sent = 0
        self.last_receipt: Receipt | None = None
        self._driver: Final = driver
        self._supervise_s: Final = supervise_s
        self._on_state: Final = on_state
        self._heap: list[tuple[int, int, _Job]] = []
        self._counter = 0
        self._wake: Final = threading.Condition()
        self._stopping: Final = threading.Event()
        self._current: _Job | None = None
        self._is_open = False
        self._finish: Callable[[_Job, Receipt], None] | None = None
        self._thread: Final = threading.Thread(target=self._run, name=f"pager-{name}", daemon=True)

    def start(self, finish: Callable[[_Job, Receipt], None]) -> None:
        """Start the thread; `finish` gets each page's receipt."""
        self._finish = finish
        self._thread.start()

    def stop(self, timeout_s: float) -> None:
        """Finish the page on the line, if any, and give the line back."""
        with self._wake:
            self._stopping.set()
            self._wake.notify()
        self._thread.join(timeout_s)

    @property
    def is_alive(self) -> bool:
        """Whether the thread lives."""
        return self._thread.is_alive()

    @property
    def is_usable(self) -> bool:
        """Whether it worked when last tried, or was not tried yet."""
        return self.state in ("ok", "starting")

    @property
    def queued(self) -> int:
        """Pages waiting here."""
        return sum(not job.cancelled for _, _, job in self._heap)

    def put(self, job: _Job) -> _Job | None:
        """Queue a page; returns one that has no room any more, if any."""
        with self._wake:
            for _, _, waiting in self._heap:
                if waiting.key == job.key and not waiting.cancelled:
                    waiting.cancelled = True  # superseded by the newer text
            overflow = self._make_room(job)
            if overflow is not job:
                self._counter += 1
                heapq.heappush(self._heap, (job.page.priority, self._counter, job))
                self._wake.notify()
        return overflow

    def _make_room(self, job: _Job) -> _Job | None:
        """Which job a full queue gives up for this one: a less urgent one, or this one itself."""
        waiting = [entry for entry in self._heap if not entry[2].cancelled]
        if len(waiting) < QUEUE_MOST:
            return None
        last = max(waiting)
        if job.page.priority >= last[0]:
            return job
        last[2].cancelled = True
        return last[2]

    def cancel(self, alert: str) -> None:
        """Forget the waiting pages of an alert; one on the line goes to no other transmitter."""
        with self._wake:
            if self._current is not None and self._current.page.alert == alert:
                self._current.cancelled = True
            for _, _, job in self._heap:
                if job.page.alert == alert:
                    job.cancelled = True

    # --- the transmitter's own thread ------------------------------------------------------

    def _run(self) -> None:
        reopen_s = REOPEN_FIRST_S
        self._open()
        while not self._stopping.is_set():
            wait_s = self._supervise_s if self._is_open else reopen_s
            job = self._next(wait_s)
            if self._stopping.is_set():
                break
            if not self._is_open:
                # A page that comes now is not told to wait for the back-off.
                reopen_s = REOPEN_FIRST_S if self._open() else min(reopen_s * 2, REOPEN_MOST_S)
            if job is not None:
                self._send(job)
            elif self._is_open:
                self._probe()
            self._current = None
        self._close()

    def _next(self, wait_s: float) -> _Job | None:
        deadline = time.monotonic() + wait_s
        with self._wake:
            while not self._stopping.is_set():
                while self._heap:
                    job = heapq.heappop(self._heap)[2]
                    if not job.cancelled:
                        self._current = job
                        return job
                if not self._wake.wait(deadline - time.monotonic()):
                    return None
        return None

    def _open(self) -> bool:
        try:
            self._driver.open()
        except LineError as error:
            self._set_state(str(error))
            return False
        self._is_open = True
        self._set_state("ok")
        return True

    def _close(self) -> None:
        self._is_open = False
        self._driver.close()

    def _probe(self) -> None:
        try:
            self._driver.probe()
        except LineError as error:
            self._close()
            self._set_state(str(error))
        else:
            self._set_state("ok")

    def _send(self, job: _Job) -> None:
        if self._is_open:
            receipt = self._send_parts(job)
        else:
            receipt = Receipt(ReceiptState.FAILED, detail=self.state, line_down=True)
        receipt = msgspec.structs.replace(receipt, transmitter=self.name)
        self.last_receipt = receipt
        self.sent += receipt.state is not ReceiptState.FAILED
        if receipt.line_down:
            self._close()
            self._set_state(receipt.detail or "does not answer")
        else:
            self._set_state("ok")
        assert self._finish is not None  # noqa: S101 - start() set it before the thread began
        self._finish(job, receipt)

    def _send_parts(self, job: _Job) -> Receipt:
        """Send each part: the worst receipt is that of the whole, the first byte the first's."""
        worst: Receipt | None = None
        first_ns: int | None = None
        for part in fit(job.page.text, job.pager, job.page.kind):
            message = Message(job.pager, part, job.page.priority, job.page.kind)
            receipt = self._driver.send(message)
            first_ns = receipt.first_byte_ns if first_ns is None else first_ns
            if worst is None or _BADNESS[receipt.state] > _BADNESS[worst.state]:
                worst = receipt
            if receipt.state is ReceiptState.FAILED:
                break
        if worst is None:
            return Receipt(ReceiptState.FAILED, detail="the text is empty")
        return msgspec.structs.replace(worst, first_byte_ns=first_ns)

    def _set_state(self, state: str) -> None:
        if state == self.state:
            return
        (_log.info if state == "ok" else _log.warning)("transmitter %s: %s", self.name, state)
        self.state = state
        self._on_state()


_BADNESS: Final = {
    ReceiptState.TRANSMITTED: 0,
    ReceiptState.ACCEPTED: 1,
    ReceiptState.UNKNOWN: 2,
    ReceiptState.FAILED: 3,
}


class PageLane:
    """All transmitters, in the order in which they are tried.

    Args:
        pagers: The configured pagers.
        transmitters: The best first.
        on_receipt: Called once for each page that was not cancelled, from a transmitter's thread
            or, where nothing could be tried, from the caller's.
    """

    def __init__(
        self,
        pagers: tuple[Pager, ...],
        transmitters: tuple[Transmitter, ...],
        on_receipt: OnReceipt,
    ) -> None:
        self.transmitters: Final = transmitters
        self._pagers: Final = {pager.name: pager for pager in pagers}
        self._on_receipt: Final = on_receipt

    def start(self) -> None:
        """Start every transmitter's thread; returns at once."""
        for transmitter in self.transmitters:
            transmitter.start(self._finish)

    def stop(self, timeout_s: float) -> None:
        """Stop them all; a line that hangs is left behind after the time-out."""
        deadline = time.monotonic() + timeout_s
        for transmitter in self.transmitters:
            transmitter.stop(max(0.1, deadline - time.monotonic()))

    def submit(self, page: Page) -> None:
        """Put a page on its way. Never blocks."""
        pager = self._pagers[page.pager]
        routes = [
            transmitter
            for transmitter in self.transmitters
            if pager.transmitter in (None, transmitter.name)
        ]
        routes.sort(key=lambda transmitter: not transmitter.is_usable)  # stable: file order
        self._route(_Job(page, pager, routes), Receipt(ReceiptState.FAILED, "no transmitter"))

    def cancel(self, alert: str) -> None:
        """The alert is taken: what still waits for it need not go out."""
        for transmitter in self.transmitters:
            transmitter.cancel(alert)

    def _route(self, job: _Job, otherwise: Receipt) -> None:
        if not job.routes:
            self._on_receipt(job.page, otherwise)
            return
        overflow = job.routes.pop(0).put(job)
        if overflow is not None:
            self._on_receipt(overflow.page, Receipt(ReceiptState.FAILED, "the queue is full"))

    def _finish(self, job: _Job, receipt: Receipt) -> None:
        another = receipt.state is ReceiptState.FAILED and receipt.line_down and job.routes
        if another and not job.cancelled:
            self._route(job, receipt)
        else:
            self._on_receipt(job.page, receipt)
