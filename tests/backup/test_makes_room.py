"""A backup in whose place other files have come while it was made."""

from pathlib import Path
from typing import Any, cast

import pytest

from gateway.backup import snapshot
from gateway.backup.messages import MakeBackup
from gateway.backup.nightly import Nightly
from gateway.backup.service import BackupService
from gateway.clock import SystemClock
from gateway.config import Config, Device, Paths, Shop
from gateway.control import Asker
from gateway.errors import Refused
from gateway.faults import Faults
from gateway.model import Role
from gateway.transfer.files import FILES_MOST, Transfer


class _Settings:
    in_force = ("", "")


async def test_leaves_nothing_on_the_disk_that_nobody_knows_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = Transfer(tmp_path)
    faults = Faults(lambda _: None)
    nightly = Nightly(tmp_path, faults)
    nightly.failed("no room")
    config = Config(
        device=Device(id="box-1"),
        shop=Shop(name="s", account="a"),
        paths=Paths(state=str(tmp_path)),
    )
    none = cast("Any", None)  # what it is never told, and never asks
    service = BackupService(
        config=config,
        settings=cast("Any", _Settings()),
        journal=none,
        clock=SystemClock(),
        start_anew=none,
        files=files,
        nightly=nightly,
    )
    came: list[str] = []

    def make(_config: Config, _settings: str, out: Path, *_rest: object) -> None:
        came.extend(files.announce(1, 0) for _ in range(FILES_MOST))
        out.write_bytes(b"a whole backup")

    monkeypatch.setattr(snapshot, "make", make)
    with pytest.raises(Refused) as caught:
        await service.handlers()[MakeBackup](MakeBackup(), Asker("Ann", Role.OWNER, "page"))
    assert caught.value.code == "unknown_file"
    assert len(came) == FILES_MOST
    assert list(files.directory.iterdir()) == []
    assert faults.sentences() == ("backup: no room",)
