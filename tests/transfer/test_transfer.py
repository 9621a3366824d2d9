"""Files in pieces: what is taken, what is refused, and what is left of them."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from gateway.control import Asker
from gateway.errors import Refused
from gateway.model import Role
from gateway.request import Done, Request
from gateway.transfer import DIRECTORY
from gateway.transfer.files import FILES_MOST, ROOM_BYTES, Transfer
from gateway.transfer.messages import PIECE_BYTES, BeginUpload, Purpose, ReadPiece, SendPiece
from gateway.transfer.service import TransferService

OWNER = Asker("Ann", Role.OWNER, "page")


class Box:
    """The service on a state directory of its own; updates may have ten bytes."""

    def __init__(self, state: Path) -> None:
        self.files = Transfer(state)
        checks = {Purpose.BACKUP: lambda size: 4 * size, Purpose.UPDATE: self._check}
        self._handlers = TransferService(self.files, checks).handlers()

    def _check(self, size: int) -> int:
        if size > 10:
            raise Refused("too_big", "this is too big")
        return size

    async def ask(self, request: Request[Any]) -> Any:
        return await self._handlers[type(request)](request, OWNER)

    async def refused(self, request: Request[Any]) -> str:
        with pytest.raises(Refused) as caught:
            await self.ask(request)
        return caught.value.code

    async def begin(self, size: int, purpose: Purpose = Purpose.BACKUP) -> str:
        name: str = await self.ask(BeginUpload(bytes=size, purpose=purpose))
        return name


@pytest.fixture
def box(tmp_path: Path) -> Box:
    return Box(tmp_path)


async def test_a_file_comes_in_pieces(box: Box) -> None:
    name = await box.begin(5)
    assert box.files.whole(name) is None
    assert await box.ask(SendPiece(file=name, offset=0, data=b"abc")) == Done()
    assert box.files.whole(name) is None
    await box.ask(SendPiece(file=name, offset=3, data=b"de"))
    path = box.files.whole(name)
    assert path is not None
    assert path.read_bytes() == b"abcde"
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


async def test_and_goes_out_in_pieces(box: Box) -> None:
    data = b"x" * PIECE_BYTES + b"end"
    name = box.files.new()
    box.files.path(name).write_bytes(data)
    assert await box.ask(ReadPiece(file=name, offset=0)) == data[:PIECE_BYTES]
    assert await box.ask(ReadPiece(file=name, offset=PIECE_BYTES)) == b"end"
    assert await box.ask(ReadPiece(file=name, offset=len(data))) == b""
    assert await box.ask(ReadPiece(file=name, offset=-1)) == data[:PIECE_BYTES]


@pytest.mark.parametrize(
    ("offset", "data", "code"),
    [
        (7, b"x", "out_of_order"),
        (-1, b"x", "out_of_order"),
        (0, b"x", "out_of_order"),
        (2, b"xyz12345678", "out_of_order"),
        (2, b"x" * (PIECE_BYTES + 1), "bad_request"),
    ],
)
async def test_a_piece_that_does_not_fit(box: Box, offset: int, data: bytes, code: str) -> None:
    name = await box.begin(12)
    await box.ask(SendPiece(file=name, offset=0, data=b"ab"))
    assert await box.refused(SendPiece(file=name, offset=offset, data=data)) == code
    assert box.files.path(name).read_bytes() == b"ab"


async def test_each_purpose_has_its_own_limits(box: Box) -> None:
    assert await box.refused(BeginUpload(bytes=11, purpose=Purpose.UPDATE)) == "too_big"
    await box.begin(10, Purpose.UPDATE)
    await box.begin(11, Purpose.BACKUP)


async def test_there_is_room_on_the_disk_for_what_it_takes_in_all(
    box: Box, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(tmp_path)._replace(free=ROOM_BYTES + 8)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    assert await box.refused(BeginUpload(bytes=3, purpose=Purpose.BACKUP)) == "disk_full"
    await box.begin(2, Purpose.BACKUP)
    await box.begin(8, Purpose.UPDATE)


async def test_the_oldest_makes_room(box: Box) -> None:
    first = await box.begin(1)
    await box.ask(SendPiece(file=first, offset=0, data=b"x"))
    later = [await box.begin(1) for _ in range(FILES_MOST)]
    assert await box.refused(SendPiece(file=first, offset=1, data=b"")) == "unknown_file"
    assert list(box.files.directory.iterdir()) == []
    for name in later:
        await box.ask(SendPiece(file=name, offset=0, data=b"x"))


@pytest.mark.parametrize("name", ["", "../access.json", "0" * 32])
async def test_only_files_on_their_way_are_touched(box: Box, name: str) -> None:
    assert await box.refused(ReadPiece(file=name, offset=0)) == "unknown_file"
    assert await box.refused(SendPiece(file=name, offset=0, data=b"x")) == "unknown_file"
    with pytest.raises(Refused):
        box.files.hand_over(name, "box")


async def test_what_is_handed_over_is_no_longer_on_its_way(box: Box) -> None:
    name = await box.begin(2)
    await box.ask(SendPiece(file=name, offset=0, data=b"a"))
    assert not box.files.hand_over(name, "box")
    await box.ask(SendPiece(file=name, offset=1, data=b"b"))
    assert box.files.hand_over(name, "box")
    assert [path.name for path in box.files.directory.iterdir()] == ["box"]
    assert await box.refused(ReadPiece(file=name, offset=0)) == "unknown_file"
    box.files.forget("box")
    box.files.forget("box")
    assert list(box.files.directory.iterdir()) == []


async def test_nothing_of_an_earlier_life_is_kept(box: Box, tmp_path: Path) -> None:
    left = tmp_path / DIRECTORY / "left"
    left.parent.mkdir()
    left.touch()
    await box.begin(1)
    assert not left.exists()
    left.touch()
    await box.begin(1)  # what others were left in this life stays
    assert left.exists()


async def test_a_disk_that_fails_is_told(box: Box, tmp_path: Path) -> None:
    (tmp_path / DIRECTORY).touch()  # no directory can be made there
    assert await box.refused(BeginUpload(bytes=1, purpose=Purpose.BACKUP)) == "not_kept"
