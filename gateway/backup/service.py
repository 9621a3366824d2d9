"""The requests about backups, restores and the support bundle."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

from gateway.backup import bundle, messages, restore, snapshot
from gateway.backup.archive import MOST_BYTES
from gateway.backup.nightly import Nightly
from gateway.clock import NS_PER_S, Clock
from gateway.config import Config
from gateway.config.settings import Settings
from gateway.control import Asker
from gateway.errors import Refused
from gateway.events import Administered, Deed
from gateway.guard.told import tell
from gateway.journal.store import Journal
from gateway.request import Done, Request
from gateway.status import Status
from gateway.transfer.files import Transfer
from gateway.transfer.messages import FileView
from gateway.transfer.service import on_disk


class BackupService:
    """Answers what is asked about files of the whole box.

    Args:
        config: What the gateway runs on.
        settings: The file's text in force.
        journal: Read for the bundle, and told what was done.
        clock: The time.
        start_anew: Makes the gateway start anew.
        files: Those on their way in and out.
        nightly: Told whether there is a good one.
    """

    def __init__(
        self,
        *,
        config: Config,
        settings: Settings,
        journal: Journal,
        clock: Clock,
        start_anew: Callable[[], None],
        files: Transfer,
        nightly: Nightly,
    ) -> None:
        self._config: Final = config
        self._settings: Final = settings
        self._journal: Final = journal
        self._clock: Final = clock
        self._start_anew: Final = start_anew
        self._state: Final = Path(config.paths.state)
        self._files: Final = files
        self._nightly: Final = nightly
        self._one_at_a_time: Final = asyncio.Lock()
        self._status: Callable[[], Awaitable[Status]] | None = None

    def know_status(self, status: Callable[[], Awaitable[Status]]) -> None:
        """Where the bundle has the box's status from."""
        self._status = status

    def handlers(self) -> dict[type[Request[Any]], Any]:
        """What answers which request."""
        return {
            messages.MakeBackup: self._make,
            messages.BackupFailed: self._failed,
            messages.MakeBundle: self._bundle,
            messages.Restore: self._restore,
            messages.GetRestore: self._get,
            messages.UndoRestore: self._undo,
        }

    # --- out -------------------------------------------------------------------------------

    async def _make(self, request: messages.MakeBackup, asker: Asker) -> FileView:
        made_s = self._clock.now().wall_ns / NS_PER_S
        text = self._settings.in_force[0]
        write = partial(snapshot.make, self._config, text)
        view = await self._write(
            lambda path: write(path, request.passphrase or None, made_s), "backup", made_s
        )
        async with self._one_at_a_time:
            self._nightly.made()
            await on_disk(self._nightly.keep)
        await self._tell(asker, Deed.BACKUP_MADE)
        return view

    async def _failed(self, request: messages.BackupFailed, _: Asker) -> Done:
        async with self._one_at_a_time:
            self._nightly.failed(request.words)
            await on_disk(self._nightly.keep)
        return Done()

    async def _bundle(self, _: messages.MakeBundle, asker: Asker) -> FileView:
        assert self._status is not None  # noqa: S101 - the composition root told it
        status = await self._status()
        events = await asyncio.wrap_future(self._journal.read(bundle.latest))
        made_s = self._clock.now().wall_ns / NS_PER_S
        text = self._settings.in_force[0]
        write = partial(bundle.make, text, status, events, self._state)
        view = await self._write(write, "support", made_s)
        await self._tell(asker, Deed.BUNDLE_MADE)
        return view

    async def _write(self, write: Callable[[Path], None], kind: str, made_s: float) -> FileView:
        """Have a file written in a thread; a box makes one at a time."""
        async with self._one_at_a_time:
            name = await on_disk(self._files.new)
            path = self._files.path(name)
            with contextlib.ExitStack() as undo:
                undo.callback(path.unlink, missing_ok=True)
                undo.callback(self._files.drop, name)
                await on_disk(partial(write, path))
                # Others may have come in meanwhile, in whose favour it was let go.
                size = self._files.path(name).stat().st_size
                undo.pop_all()
        day = datetime.fromtimestamp(made_s, UTC).strftime("%Y%m%d-%H%M%S")
        ending = {"backup": "achivx-backup", "support": "tar.gz"}[kind]
        return FileView(id=name, name=f"{self._config.device.id}-{kind}-{day}.{ending}", bytes=size)

    # --- in --------------------------------------------------------------------------------

    def check_upload(self, size: int) -> int:
        """Pass a backup of so many bytes; how much of the disk it takes until it is restored.

        Raises:
            Refused: `backup_too_large` or `not_a_backup`.
        """
        if size <= 0:
            raise Refused("not_a_backup", "the file is empty")
        if size > MOST_BYTES:
            raise Refused("backup_too_large", "no backup of a box is as large as that")
        return 4 * size  # it is unpacked and looked through beside itself

    async def _restore(self, request: messages.Restore, asker: Asker) -> messages.BackupView:
        async with self._one_at_a_time:
            path = self._files.whole(request.file)
            if path is None:
                raise Refused("damaged_backup", "the file is cut short")
            text, at = self._settings.in_force[0], self._clock.now()
            look = partial(restore.stage, path, request.passphrase or None, text)
            manifest, decide = await on_disk(
                lambda: look(
                    Administered(by=asker.name, via=asker.via, deed=Deed.RESTORED), at, self._state
                )
            )
            if request.put:
                await on_disk(decide)
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
        await on_disk(partial(restore.go_back, self._state, undone, self._clock.now()))
        self._start_anew()
        return Done()

    async def _tell(self, asker: Asker, deed: Deed) -> None:
        await tell(self._journal, self._clock, asker, deed)
