"""Child processes that end with their parent, whatever ends it."""

import asyncio
import contextlib
import os
import signal
import socket
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Self

from gateway.errors import CannotStart

_DIE_WITH_PARENT: Final = ("setpriv", "--pdeathsig", "TERM")  # util-linux, setpriv(1)


class Child:
    """One `python -m MODULE …` in a session of its own, so that Ctrl-C is its parent's to handle.

    Args:
        name: What to call it in errors.
        process: Running.
        log: Where its stderr goes.
    """

    def __init__(self, name: str, process: asyncio.subprocess.Process, log: Path) -> None:
        self.name: Final = name
        self.process: Final = process
        self._log: Final = log

    @classmethod
    async def start(
        cls,
        name: str,
        words: Sequence[str],
        log: Path,
        *,
        ready: bool = False,
        under: Sequence[str] = (),
    ) -> Self:
        """Start it; with `ready`, return once it has told so by systemd's protocol.

        Raises:
            CannotStart: It ended instead; with its last words.
        """
        with contextlib.ExitStack() as stack:
            stderr = stack.enter_context(log.open("ab"))
            notice = stack.enter_context(_Notice()) if ready else None
            process = await asyncio.create_subprocess_exec(
                *_DIE_WITH_PARENT,
                *under,
                sys.executable,
                "-m",
                *words,
                stdin=asyncio.subprocess.DEVNULL,
                stderr=stderr,
                start_new_session=True,
                env=os.environ | ({} if notice is None else {"NOTIFY_SOCKET": notice.address}),
            )
            child = cls(name, process, log)
            if notice is not None:
                await child._until_ready(notice)
        return child

    async def _until_ready(self, notice: "_Notice") -> None:
        ready = asyncio.create_task(notice.until_ready())
        ended = asyncio.create_task(self.process.wait())
        await asyncio.wait({ready, ended}, return_when=asyncio.FIRST_COMPLETED)
        came_up = ready.done()
        for task in (ready, ended):
            task.cancel()
        if not came_up:
            raise CannotStart(f"{self.name} did not start: {self.last_words()}")

    async def stop(self, timeout_s: float = 4.0) -> None:
        """End it and what it has started: by SIGTERM, and where that does not help, by SIGKILL."""
        if self.process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGTERM)
        try:
            await asyncio.wait_for(self.process.wait(), timeout_s)
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            await self.process.wait()

    def last_words(self) -> str:
        """The last line of its log."""
        lines = self._log.read_text(errors="replace").strip().splitlines()
        return lines[-1] if lines else "it said nothing"


class _Notice:
    """A NOTIFY_SOCKET of our own (sd_notify(3))."""

    def __init__(self) -> None:
        self._directory = tempfile.TemporaryDirectory(prefix="achivx-notify-")
        self.address: Final = str(Path(self._directory.name) / "notify.sock")
        self._socket: Final = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.settimeout(0)
        self._socket.bind(self.address)

    async def until_ready(self) -> None:
        loop = asyncio.get_running_loop()
        while b"READY=1" not in await loop.sock_recv(self._socket, 4096):
            pass

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()
        self._directory.cleanup()
