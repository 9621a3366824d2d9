"""A backup on a stick as an open file, handed from the host's process to the gateway's."""

import asyncio
import os
from pathlib import Path

import pytest

from gateway.errors import Refused
from gateway.host import verbs
from gateway.host.client import HostClient
from tests.host.conftest import Activated

NAME = "sda1/x.achivx-backup"
DATA = os.urandom(1 << 20)


@pytest.fixture
def stick(root: Path) -> Path:
    place = root / "run/achivx-sticks/sda1"
    place.mkdir(parents=True)
    return place


def refused(helper: Activated, verb: verbs.OpenBackup) -> str:
    with pytest.raises(Refused) as caught:
        asyncio.run(HostClient(helper.path).open(verb))
    return caught.value.code


def test_it_is_the_file_itself_and_can_only_be_read(helper: Activated, stick: Path) -> None:
    (stick / "x.achivx-backup").write_bytes(DATA)
    with asyncio.run(HostClient(helper.path).open(verbs.OpenBackup(NAME))) as file:
        assert file.read() == DATA
        assert not os.get_inheritable(file.fileno())
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.write(file.fileno(), b"x")


def test_what_is_no_backup_is_not_opened(helper: Activated, stick: Path) -> None:
    assert refused(helper, verbs.OpenBackup(NAME)) == "no_backup"
    (stick / "x.achivx-backup").symlink_to("/etc/passwd")
    assert refused(helper, verbs.OpenBackup(NAME)) == "no_backup"
    (stick / "x.achivx-backup").unlink()
    os.mkfifo(stick / "x.achivx-backup")
    assert refused(helper, verbs.OpenBackup(NAME)) == "no_backup"
    for name in ("sda1/../x.achivx-backup", "sda1/.x.achivx-backup", "x.achivx-backup", "sda1/x"):
        assert refused(helper, verbs.OpenBackup(name)) == "bad_value"


@pytest.mark.parametrize(
    "verb",
    [
        verbs.WriteBackup(stick="..", file="0" * 32, name="x.achivx-backup"),
        verbs.WriteBackup(stick="sda1", file="../state/journal.db", name="x.achivx-backup"),
        verbs.WriteBackup(stick="sda1", file="0" * 32, name="../x.achivx-backup"),
        verbs.WriteBackup(stick="sda1", file="0" * 32, name="autorun.inf"),
    ],
)
def test_nothing_is_written_under_a_name_that_is_none(
    helper: Activated, stick: Path, verb: verbs.WriteBackup
) -> None:
    with pytest.raises(Refused) as caught:
        asyncio.run(HostClient(helper.path).ask(verb))
    assert caught.value.code == "bad_value"
    assert list(stick.iterdir()) == []


def test_a_directory_where_no_stick_is_mounted_is_not_written_to(
    helper: Activated, root: Path, stick: Path
) -> None:
    backup = root / "var/lib/achivx-gateway/transfer" / ("0" * 32)
    backup.parent.mkdir(parents=True)
    backup.write_bytes(DATA)
    verb = verbs.WriteBackup(stick="sda1", file="0" * 32, name="x.achivx-backup")
    with pytest.raises(Refused) as caught:
        asyncio.run(HostClient(helper.path).ask(verb))
    assert caught.value.code == "no_stick"
    assert list(stick.iterdir()) == []


def test_a_host_that_says_nothing_is_a_failure(tmp_path: Path) -> None:
    async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async def ask() -> None:
        path = tmp_path / "host.sock"
        server = await asyncio.start_unix_server(hang_up, path)
        async with server:
            await HostClient(path).open(verbs.OpenBackup(NAME))

    with pytest.raises(Refused) as caught:
        asyncio.run(ask())
    assert caught.value.code == "host_failed"
