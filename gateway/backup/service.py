"""The requests about backups, restores and the support bundle."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar

from gateway import messages as control
from gateway.backup import bundle, messages, restore, snapshot
from gateway.backup.transfer import Transfer
from gateway.clock import NS_PER_S, Clock
from gateway.config import Config
from gateway.config.settings import Settings
from gateway.control import Asker
from gateway.errors import Refused
from gateway.events import Administered, Deed
from gateway.guard.told import tell
from gateway.journal.store import Journal
from gateway.request import Done, Request

T = TypeVar("T")


class BackupService:
    """Answers what is asked about files of the whole box.

    Args:
        config: What the gateway runs on.
        settings: The file's text in force.
        journal: Read for the bundle, and told what was done.
        clock: The time.
        start_anew: Makes the gateway start anew.
    """

    def __init__(
        self,
        *,
        config: Config,
        settings: Settings,
        journal: Journal,
        clock: Clock,
        start_anew: Callable[[], None],
    ) -> None:
        self._config: Final = config
        self._settings: Final = settings
        self._journal: Final = journal
        self._clock: Final = clock
        self._start_anew: Final = start_anew
        self._state: Final = Path(config.paths.state)
        self._transfer: Final = Transfer(self._state)
        self._one_at_a_time: Final = asyncio.Lock()
        self._status: Callable[[], Awaitable[control.Status]] | None = None

    def know_status(self, status: Callable[[], Awaitable[control.Status]]) -> None:
        """Where the bundle has the box's status from."""
        self._status = status

    def handlers(self) -> dict[type[Request[Any]], Any]:
        """What answers which request."""
        return {
            messages.MakeBackup: self._make,
            messages.MakeBundle: self._bundle,
            messages.ReadPiece: self._read,
            messages.BeginUpload: self._begin,
            messages.SendPiece: self._take,
            messages.Restore: self._restore,
            messages.GetRestore: self._get,
            messages.UndoRestore: self._undo,
        }

    # --- out -------------------------------------------------------------------------------

    async def _make(self, request: messages.MakeBackup, asker: Asker) -> messages.FileView:
        made_s = self._clock.now().wall_ns / NS_PER_S
        text = self._settings.in_force[0]
        write = partial(snapshot.make, self._config, text)
        view = await self._write(
            lambda path: write(path, request.passphrase or None, made_s), "backup", made_s
        )
        await self._tell(asker, Deed.BACKUP_MADE)
        return view

    async def _bundle(self, _: messages.MakeBundle, asker: Asker) -> messages.FileView:
        assert self._status is not None  # noqa: S101 - the composition root told it
        status = await self._status()
        events = await asyncio.wrap_future(self._journal.read(bundle.latest))
        made_s = self._clock.now().wall_ns / NS_PER_S
        text = self._settings.in_force[0]
        write = partial(bundle.make, text, status, events, self._state)
        view = await self._write(write, "support", made_s)
        await self._tell(asker, Deed.BUNDLE_MADE)
        return view

    async def _write(
        self, write: Callable[[Path], None], kind: str, made_s: float
    ) -> messages.FileView:
        """Have a file written in a thread; a box makes one at a time."""
        async with self._one_at_a_time:
            name = await _disk(self._transfer.new)
            path = self._transfer.path(name)
            with contextlib.ExitStack() as undo:
                undo.callback(self._transfer.drop, name)
                await _disk(partial(write, path))
                size = path.stat().st_size
                undo.pop_all()
        day = datetime.fromtimestamp(made_s, UTC).strftime("%Y%m%d-%H%M%S")
        ending = {"backup": "achivx-backup", "support": "tar.gz"}[kind]
        return messages.FileView(
            id=name, name=f"{self._config.device.id}-{kind}-{day}.{ending}", bytes=size
        )

    async def _read(self, request: messages.ReadPiece, _: Asker) -> bytes:
        return await _disk(lambda: self._transfer.piece(request.file, request.offset))

    # --- in --------------------------------------------------------------------------------

    async def _begin(self, request: messages.BeginUpload, _: Asker) -> str:
        return await _disk(lambda: self._transfer.announce(request.bytes))

    async def _take(self, request: messages.SendPiece, _: Asker) -> Done:
        await _disk(lambda: self._transfer.add(request.file, request.offset, request.data))
        return Done()

    async def _restore(self, request: messages.Restore, asker: Asker) -> messages.BackupView:
        async with self._one_at_a_time:
            path = self._transfer.whole(request.file)
            text, at = self._settings.in_force[0], self._clock.now()
            look = partial(restore.stage, path, request.passphrase or None, text)
            manifest, decide = await _disk(
                lambda: look(
                    Administered(by=asker.name, via=asker.via, deed=Deed.RESTORED), at, self._state
                )
            )
            if request.put:
                await _disk(decide)
                self._start_anew()
        return messages.BackupView(
            device=manifest.device,
            shop=manifest.shop,
            made_s=manifest.made_s,
            version=manifest.version,
            files=tuple(member.name for member in manifest.members),
        )

    async def _get(self, _: messages.GetRestore, __: Asker) -> messages.RestoreState:
        return messages.RestoreState(can_go_back=restore.can_go_back(self._state))

    async def _undo(self, _: messages.UndoRestore, asker: Asker) -> Done:
        undone = Administered(by=asker.name, via=asker.via, deed=Deed.RESTORE_UNDONE)
        await _disk(partial(restore.go_back, self._state, undone, self._clock.now()))
        self._start_anew()
        return Done()

    async def _tell(self, asker: Asker, deed: Deed) -> None:
        await tell(self._journal, self._clock, asker, deed)


async def _disk(work: Callable[[], T]) -> T:
    """Do it in a thread, and say in words what the disk would not do.

    Raises:
        Refused: `not_kept`, else what the work refuses.
    """
    try:
        return await asyncio.to_thread(work)
    except OSError as error:
        raise Refused(
            "not_kept", f"the disk does not do this: {error.strerror or error}"
        ) from error
