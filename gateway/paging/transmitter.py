"""One transmitter: a thread that owns its line and driver, and a queue of pages.

Where the thread rests beside an open line and an empty queue, whoever brings a page writes its
first bytes, if the line takes them at once, and the thread hears the answer once it is roused.
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
from gateway.paging.drivers.base import DirectDriver, Driver, Message, PatientDriver, Rest
from gateway.paging.text import fit
from gateway.pulse import Pulse

QUEUE_MOST: Final = 64
"""Waiting pages a transmitter holds; the least urgent beyond that fail at once."""
REOPEN_FIRST_S: Final = 0.5
REOPEN_MOST_S: Final = 15.0

LOOK_S: Final = 2.0
"""How often an idle transmitter looks whether its adapter is still the one it opened."""

SLOW_S: Final = 180.0
"""Longer than equipment that is well takes for one part of a page. It may come back yet: one that
refuses and puts off as often as its protocol lets it takes longer, and other ones are better."""
STUCK_S: Final = 600.0
"""Longer than any driver takes for that, at its equipment's very worst: then nothing but a new
start of the gateway can help."""

_log: Final = logging.getLogger(__name__)


class Job(msgspec.Struct):
    """A page on its way, and the transmitters that it may still try."""

    page: Page
    pager: Pager
    routes: list["Transmitter"]
    dropped: bool = False  # superseded or cancelled: it goes to no further transmitter

    @property
    def key(self) -> tuple[str, str]:
        """Two waiting pages with one key say the same thing to the same wrist."""
        return (self.page.pager, self.page.alert or self.page.id)


class Transmitter:
    """One transmitter: its driver, its thread and its queue.

    Args:
        name: As configured.
        driver: Used from this transmitter's thread, and by who brings a page while that rests.
        supervise_s: How often to shake hands when there is nothing to send.
        adapter: What is plugged in at its port, as `line.adapter_at` tells; None for nothing.
        on_state: Called from the thread, or from within `look`, when `state` has changed.

    Attributes:
        pulse: Of its thread: at rest while it waits for a page.
    """

    def __init__(
        self,
        name: str,
        driver: Driver,
        *,
        supervise_s: float,
        on_state: Callable[[], None],
        adapter: Callable[[], object] = lambda: "there",
    ) -> None:
        self.name: Final = name
        self.state = "starting"
        self.sent = 0
        self.last_receipt: Receipt | None = None
        self.pulse: Final = Pulse(STUCK_S)
        self._driver: Final = driver
        self._direct: Final = driver if isinstance(driver, DirectDriver) else None
        if isinstance(driver, PatientDriver):
            driver.is_awaited = self._has_more
        self._supervise_s: Final = supervise_s
        self._on_state: Final = on_state
        self._adapter: Final = adapter
        self._opened: object = None  # the adapter that was there when the line was opened
        self._heap: list[tuple[int, int, Job]] = []
        self._counter = 0
        self._lock: Final = threading.Lock()  # of all that follows; `_wake` is its condition
        self._wake: Final = threading.Condition(self._lock)
        self._stopping = False
        self._current: Job | None = None
        self._rest: Rest | None = None  # of the current page, where its first bytes have left
        self._parts_left = 0  # of the current page, behind the one on the line
        self._is_resting = False  # the thread waits in `_next` and leaves the driver alone
        self._is_open = False
        self._reopen_s = REOPEN_FIRST_S
        self._finish: Callable[[Job, Receipt], None] | None = None
        self._thread: Final = threading.Thread(target=self._run, name=f"pager-{name}", daemon=True)

    def start(self, finish: Callable[[Job, Receipt], None]) -> None:
        """Start the thread; `finish` gets each page's receipt."""
        self._finish = finish
        self._thread.start()

    def stop(self, timeout_s: float) -> None:
        """Finish the page on the line, if any, and give the line back."""
        with self._lock:
            self._stopping = True
            self._wake.notify()
        self._thread.join(timeout_s)

    @property
    def is_alive(self) -> bool:
        """Whether the thread lives."""
        return self._thread.is_alive()

    def look(self, now_s: float) -> None:
        """Say so when the driver does not come back: pages then go to another one at once."""
        if self.pulse.busy_s(now_s) > SLOW_S:
            self._set_state("its driver does not come back")

    @property
    def is_usable(self) -> bool:
        """Whether it worked when last tried, or was not tried yet."""
        return self.state in ("ok", "starting")

    @property
    def queued(self) -> int:
        """Pages waiting here."""
        with self._lock:
            return len(self._heap)

    def put(self, job: Job) -> Job | None:
        """Take a page; returns what has no room any more, if anything: the least urgent one."""
        with self._lock:
            if self._begin(job):
                return None
            self._counter += 1
            entry = (job.page.priority, self._counter, job)
            if len(self._heap) < QUEUE_MOST:
                heapq.heappush(self._heap, entry)
                self._wake.notify()
                return None
            last = max(self._heap)
            if entry > last:
                return job
            self._heap.remove(last)
            self._heap.append(entry)
            heapq.heapify(self._heap)
            return last[2]

    def _begin(self, job: Job) -> bool:
        """Put a page on the line at once, if nothing else is to be done; `_lock` is held."""
        is_idle = self._is_resting and self._is_open and not self._stopping
        if self._direct is None or not is_idle or self._heap:
            return False
        first = fit(job.page.text, job.pager, job.page.kind)[0]
        self._rest = self._direct.start(_message(job, first))
        if self._rest is None:
            return False
        self._current, self._is_resting = job, False
        return True

    def rouse(self) -> None:
        """Have the thread hear the answer to a page whose first bytes have left."""
        if self._rest is not None:
            with self._lock:
                self._wake.notify()

    def supersede(self, key: tuple[str, str]) -> None:
        """Forget the waiting page that says the same thing to the same wrist, if there is one."""
        with self._lock:
            has_any = self._current is not None or self._heap
        if has_any:
            self.drop(lambda job: job.key == key)

    def drop(self, unwanted: Callable[[Job], bool]) -> list[Page]:
        """Forget waiting pages and return them; one on the line goes to no other transmitter."""
        with self._lock:
            if self._current is not None and unwanted(self._current):
                self._current.dropped = True
            if not self._heap:
                return []
            gone = [entry[2].page for entry in self._heap if unwanted(entry[2])]
            self._heap = [entry for entry in self._heap if not unwanted(entry[2])]
            heapq.heapify(self._heap)
            return gone

    # --- the transmitter's own thread ------------------------------------------------------

    def _run(self) -> None:
        self.pulse.beat()
        wait_s = 0.0
        while True:
            job = self._next_in_slices(wait_s)
            if self._stopping and self._rest is None:
                break
            was_open = self._is_open
            if was_open and self._rest is None and self._driver.has_hung_up:
                self._close()  # and nobody has to know, as long as it opens again
            if not self._is_open:
                self._open()  # a page that comes now is not told to wait for the back-off
            if job is not None:
                self._send(job)
            elif self._is_open:
                self._probe(steady=was_open)
            wait_s = self._supervise_s if self._is_open else self._reopen_s
        self._close()
        self.pulse.rest()

    def _next_in_slices(self, wait_s: float) -> Job | None:
        """The next page; while there is none, look after the adapter.

        Returns early when it was unplugged, when one was plugged in, or when the line's other end
        has hung up.
        """
        deadline = time.monotonic() + wait_s
        while True:
            left_s = deadline - time.monotonic()
            job = self._next(min(left_s, LOOK_S))
            if job is not None or self._stopping or left_s <= LOOK_S:
                return job
            adapter = self._adapter()
            if self._is_open and adapter != self._opened:
                self._close()
                self._failed("the adapter was unplugged")
                return None
            if not self._is_open and self._opened is None and adapter is not None:
                return None
            if self._is_open and self._driver.has_hung_up:
                return None

    def _next(self, wait_s: float) -> Job | None:
        """The next page, None after so long without one or when it is time to stop."""
        with self._lock:
            self._current, self._is_resting = None, True
            self.pulse.rest()
            self._wake.wait_for(lambda: self._stopping or self._heap or self._rest, wait_s)
            self.pulse.beat()
            self._is_resting = False
            if self._rest is None and self._heap:
                self._current = heapq.heappop(self._heap)[2]
            return self._current

    def _open(self) -> None:
        self._opened = self._adapter()
        try:
            self._driver.open()
        except LineError as error:
            self._failed(str(error))
        else:
            self._is_open = True

    def _close(self) -> None:
        self._is_open = False
        self._driver.close()

    def _probe(self, *, steady: bool) -> None:
        """Shake hands. Equipment that does so and then sends nothing keeps its back-off."""
        try:
            self._driver.probe()
        except LineError as error:
            self._close()
            self._failed(str(error))
        else:
            self._worked(steady=steady)

    def _send(self, job: Job) -> None:
        if self._is_open:
            receipt = self._send_parts(job)
            if receipt.line_down:
                self._close()
                self._failed(receipt.detail or "does not answer")
            else:
                self._worked(steady=True)
        else:
            receipt = Receipt(ReceiptState.FAILED, detail=self.state, line_down=True)
        receipt = msgspec.structs.replace(receipt, transmitter=self.name)
        self.last_receipt = receipt
        self.sent += receipt.state is not ReceiptState.FAILED
        assert self._finish is not None  # noqa: S101 - start() set it before the thread began
        self._finish(job, receipt)

    def _send_parts(self, job: Job) -> Receipt:
        """Send each part: the worst receipt is that of the whole, the first byte the first's."""
        receipts: list[Receipt] = []
        messages = self._messages(job)
        for number, message in enumerate(messages, start=1):
            self._parts_left = len(messages) - number
            self.pulse.beat()
            rest, self._rest = self._rest, None
            receipts.append(self._driver.send(message) if rest is None else rest())
            if receipts[-1].state is ReceiptState.FAILED or receipts[-1].line_down:
                break  # the rest would make no whole of it
        worst = max(receipts, key=lambda receipt: _BADNESS[receipt.state])
        return msgspec.structs.replace(
            worst, first_byte_ns=receipts[0].first_byte_ns, line_down=receipts[-1].line_down
        )

    def _messages(self, job: Job) -> list[Message]:
        parts = fit(job.page.text, job.pager, job.page.kind)
        if not self._driver.carries_text:
            parts = parts[:1]
        return [_message(job, part) for part in parts]

    def _has_more(self) -> bool:
        """Whether anything waits for the page on the line to be over."""
        return bool(self._parts_left or self._heap or self._stopping)

    def _worked(self, *, steady: bool) -> None:
        if steady:
            self._reopen_s = REOPEN_FIRST_S
        self._set_state("ok")

    def _failed(self, words: str) -> None:
        self._reopen_s = min(self._reopen_s * 2, REOPEN_MOST_S)
        self._set_state(words)

    def _set_state(self, state: str) -> None:
        if state == self.state:
            return
        (_log.info if state == "ok" else _log.warning)("transmitter %s: %s", self.name, state)
        self.state = state
        self._on_state()


def _message(job: Job, part: str) -> Message:
    return Message(job.pager, part, job.page.priority, job.page.kind)


_BADNESS: Final = {
    ReceiptState.TRANSMITTED: 0,
    ReceiptState.ACCEPTED: 1,
    ReceiptState.UNKNOWN: 2,
    ReceiptState.FAILED: 3,
}
