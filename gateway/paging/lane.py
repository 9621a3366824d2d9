"""The page lane: from a page to a transmitter's first byte, and back to its receipt.

Each transmitter has one thread that owns its line and driver; the lane gives it pages through a
bounded priority queue: the most urgent first, first in first out within one urgency. Where that
thread rests beside an open line and an empty queue, a page need not wait until it wakes: whoever
brings the page writes its first bytes, if the line takes them at once, and the thread hears the
answer once it is roused. Nothing here waits for disk, network or clock.

- A page that is waiting already for the same pager and alert is superseded by the newer one.
- The pages of an alert that someone has taken, or that is missed, are cancelled.
- A page that a transmitter certainly did not send goes to the next one that serves the pager.
- A page whose answer was lost is `unknown` and is not sent again from here: the ladder does that.

A receipt is what came of a try. A superseded or cancelled page that no transmitter has tried has
none: the journal tells of the newer page, or of who took the alert, in its place.
"""

import threading
import time
from collections.abc import Callable
from typing import Final

import msgspec

from gateway.config import Pager
from gateway.model import Page, Receipt, ReceiptState
from gateway.paging.transmitter import Job, Transmitter

OnReceipt = Callable[[Page, Receipt], None]

_FULL: Final = Receipt(ReceiptState.FAILED, "the queue is full")
_NO_TRANSMITTER: Final = Receipt(ReceiptState.FAILED, "no transmitter")
_Left = tuple[Job, Receipt]
"""A page that no transmitter is left for, and why."""


class PageLane:
    """All transmitters, in the order in which they are tried.

    Args:
        pagers: The configured pagers.
        transmitters: The best first.
        on_receipt: Called once for each page that was not superseded or cancelled before its try,
            from a transmitter's thread or, where there is no room for it, from the caller's.
    """

    def __init__(
        self,
        pagers: tuple[Pager, ...],
        transmitters: tuple[Transmitter, ...],
        on_receipt: OnReceipt,
    ) -> None:
        self.transmitters: Final = transmitters
        self._pagers: Final = {pager.name: pager for pager in pagers}
        self._routes: Final = {
            pager.name: [each for each in transmitters if pager.transmitter in (None, each.name)]
            for pager in pagers
        }
        self._on_receipt: Final = on_receipt
        # Held while pages move between queues and while they are dropped from all of them: else
        # one on its way from a queue not looked at yet to one looked at already would be missed.
        # The transmitters' own locks are taken inside it, never around it.
        self._moving: Final = threading.Lock()

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
        """Put a page on its way; on an idle line its first bytes leave before this returns.

        Never blocks. The answer is heard from the next `rouse` on: a thread that wakes up now would
        compete with the bytes for a processor on their way out of this machine.

        Raises:
            KeyError: No such pager.
        """
        pager = self._pagers[page.pager]
        if page.charset is not None:
            pager = msgspec.structs.replace(pager, charset=page.charset)
        routes = self._routes[page.pager]
        if len(routes) > 1:
            # Stable: the order of the file among those that work, and among the others.
            routes = sorted(routes, key=lambda each: not each.is_usable)
        job = Job(page, pager, list(routes))
        key = job.key
        with self._moving:
            for each in self.transmitters:
                each.supersede(key)
            left = self._place(job, _FULL if routes else _NO_TRANSMITTER)
        if left is not None:
            self._answer(left)

    def rouse(self) -> None:
        """Hear the answers to the pages submitted. To be called soon after the last of them."""
        for transmitter in self.transmitters:
            transmitter.rouse()

    def cancel(self, alert: str) -> list[Page]:
        """The alert is taken or missed: what still waits for it, returned here, will not go out."""
        with self._moving:
            drops = [each.drop(lambda job: job.page.alert == alert) for each in self.transmitters]
        return [page for dropped in drops for page in dropped]

    def _finish(self, job: Job, receipt: Receipt) -> None:
        """A try is over: the page goes on to the next transmitter, or has its receipt."""
        left: _Left | None = (job, receipt)
        if receipt.state is ReceiptState.FAILED:
            with self._moving:
                if not job.dropped:
                    left = self._place(job, receipt)
            self.rouse()
        if left is not None:
            self._answer(left)

    def _place(self, job: Job, otherwise: Receipt) -> _Left | None:
        """Queue a page; returns one that no queue has room for, this or another, if any."""
        while job.routes:
            overflow = job.routes.pop(0).put(job)
            if overflow is None:
                return None
            if overflow is not job:
                otherwise = _FULL
            job = overflow
        return job, otherwise

    def _answer(self, left: _Left) -> None:
        self._on_receipt(left[0].page, left[1])
