"""lgpio's notify thread: the one thread that every edge comes through, watched and revived."""

import contextlib
import fcntl
import struct
import termios
from pathlib import Path
from typing import Any, Final


class NotifyThread:
    """The thread of an imported lgpio module.

    One exception in any callback ends it, and lgpio neither says so nor starts another. Its FIFO
    is written without blocking: when it is full, lgpio drops whole batches of edges in silence
    (lgPthAlerts.c, emitNotifications). The names with an underscore are lgpio 0.2's own.

    Args:
        lgpio: The module.
        work: The directory of its FIFOs.
    """

    def __init__(self, lgpio: Any, work: Path) -> None:
        self._lgpio: Final = lgpio
        self._work: Final = work

    @property
    def alive(self) -> bool:
        """Whether edges are handed over at all."""
        return bool(self._lgpio._notify_thread.is_alive())  # noqa: SLF001

    def fill(self) -> float:
        """How full the FIFO is, 0 to 1. Near 1 edges are being lost.

        Raises:
            OSError: The FIFO is gone.
        """
        fifo: int = self._lgpio._notify_thread._file.fileno()  # noqa: SLF001
        waiting = struct.unpack("i", fcntl.ioctl(fifo, termios.FIONREAD, bytes(4)))[0]
        return float(waiting / fcntl.fcntl(fifo, fcntl.F_GETPIPE_SZ))

    def revive(self) -> None:
        """Start another thread in place of a dead one; every pin must then listen again.

        Raises:
            OSError: Its FIFO could not be made.
        """
        dead = self._lgpio._notify_thread  # noqa: SLF001
        with contextlib.chdir(self._work):
            self._lgpio._notify_thread = self._lgpio._callback_thread()  # noqa: SLF001
        self._lgpio.notify_close(dead._notify)  # noqa: SLF001
        dead._file.close()  # noqa: SLF001
