"""How a daemon ends: by a signal, to start anew, or because a part that must live has died."""

import asyncio
import contextlib
import logging
import signal
import threading
import traceback
from collections.abc import Callable
from enum import Enum, auto
from typing import Any, Final

from gateway.errors import GatewayError

_log: Final = logging.getLogger(__name__)


class Ended(Enum):
    """Why a gateway ended."""

    STOPPED = auto()  # by a signal
    START_ANEW = auto()  # to run on changed settings


class Fatal(GatewayError):
    """A part that must live has died: the daemon ends, and systemd starts it again."""


class Life:
    """The life of one daemon, made on the event loop that runs it.

    Attributes:
        ended: Why it ends. A signal has the last word, however late it comes.
    """

    def __init__(self) -> None:
        self._loop: Final = asyncio.get_running_loop()
        self._died: Final[asyncio.Future[None]] = self._loop.create_future()
        self._stop: Final = asyncio.Event()
        self.ended = Ended.STOPPED

    def watch(self) -> None:
        """From now on signals stop it, and what dies anywhere ends it."""
        for number in (signal.SIGTERM, signal.SIGINT):
            self._loop.add_signal_handler(number, self.stop)
        threading.excepthook = self._thread_died
        self._loop.set_exception_handler(self._callback_died)

    def stop(self) -> None:
        """End it, for good."""
        self.ended = Ended.STOPPED
        self._stop.set()

    def start_anew(self) -> None:
        """End it, and let another begin on the settings as they are then."""
        if not self._stop.is_set():
            self.ended = Ended.START_ANEW
            self._stop.set()

    def die(self, reason: str) -> None:
        """End it as dead; from any thread."""

        def tell() -> None:
            if not self._died.done():
                self._died.set_exception(Fatal(reason))

        self.from_thread(tell)

    def from_thread(self, callback: Callable[[], None]) -> None:
        """Call back on the loop, from any thread."""
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody is left to tell
            self._loop.call_soon_threadsafe(callback)

    async def until_over(self) -> None:
        """Wait for the end.

        Raises:
            Fatal: A part that must live has died.
        """
        stop = asyncio.create_task(self._stop.wait())
        self._died.add_done_callback(lambda _: stop.cancel())
        with contextlib.suppress(asyncio.CancelledError):
            await stop
        if self._died.done():
            self._died.result()

    def _thread_died(self, hook: threading.ExceptHookArgs) -> None:
        name = hook.thread.name if hook.thread is not None else "a thread"
        _log.critical("%s died", name, exc_info=hook.exc_value)
        self.die(f"{name} died: {hook.exc_value}")

    def _callback_died(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """A timer or an edge of ours raised: without it the ladder would stand still in silence."""
        loop.default_exception_handler(context)
        error = context.get("exception")
        if "handle" in context and isinstance(error, Exception) and _is_ours(error):
            self.die(f"{context['message']}: {error}")


def _is_ours(error: Exception) -> bool:
    """Whether an error passed through this program's own code, and not a library's alone."""
    frames = traceback.walk_tb(error.__traceback__)
    return any(frame.f_globals.get("__name__", "").startswith("gateway.") for frame, _ in frames)
