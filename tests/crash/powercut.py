"""A disk that loses power, rebuilt from what a process did to it.

What a file holds after a cut is decided sector by sector. Up to the last flush of the file that
had returned, everything is there. Of what was written later, each sector has the state after any
one of the writes to it, or before all of them: the page cache writes back in what order it likes,
and a block of 4,096 bytes may reach the medium in parts of 512.

Names (made, renamed, removed) are kept by flushing their directory, and only by that. Of later
ones any first part may be kept, in their order, as file systems with a journal do it.
"""

from collections.abc import Iterator
from random import Random
from typing import Final

import msgspec

SECTORS: Final = (512, 4096)

Image = dict[str, bytes]
"""Files by name, as they are found after the cut."""


class Write(msgspec.Struct, frozen=True):
    file: int
    offset: int
    data: bytes


class Resize(msgspec.Struct, frozen=True):
    file: int
    size: int


class Flush(msgspec.Struct, frozen=True):
    """It has returned: all steps before number `covers` that are of this file are on disk."""

    file: int
    covers: int


class Link(msgspec.Struct, frozen=True):
    name: str
    file: int


class Unlink(msgspec.Struct, frozen=True):
    name: str


class Rename(msgspec.Struct, frozen=True):
    old: str
    new: str


class FlushNames(msgspec.Struct, frozen=True):
    covers: int


class Said(msgspec.Struct, frozen=True):
    """The process told its user something."""

    text: str


Change = Write | Resize
Naming = Link | Unlink | Rename
Step = Change | Naming | Flush | FlushNames | Said


class _File:
    def __init__(self) -> None:
        self.durable = bytearray()
        self.pending: list[tuple[int, Change]] = []

    def flush(self, covers: int) -> None:
        while self.pending and self.pending[0][0] < covers:
            _apply(self.durable, self.pending.pop(0)[1])

    def everything(self) -> bytes:
        content = bytearray(self.durable)
        for _, change in self.pending:
            _apply(content, change)
        return bytes(content)

    def some(self, chance: Random) -> bytes:
        found, newest = bytearray(self.durable), bytearray(self.durable)
        kept, torn = chance.choice((0.05, 0.5, 0.95)), chance.choice((0.0, 0.1, 0.5))
        sector = chance.choice(SECTORS)
        for _, change in self.pending:
            _apply(newest, change)
            arrives = chance.random() < kept
            if isinstance(change, Resize):
                if arrives:
                    _apply(found, change)
                continue
            end = change.offset + len(change.data)
            for begin in range(change.offset // sector * sector, end, sector):
                if arrives is not (chance.random() < torn):
                    _put(found, begin, newest[begin : begin + sector])
        return bytes(found)


class Disk:
    """One directory of it, step by step."""

    def __init__(self) -> None:
        self.said: Final[list[str]] = []
        self._files: Final[dict[int, _File]] = {}
        self._names: Final[dict[str, int]] = {}
        self._pending: Final[list[tuple[int, Naming]]] = []
        self._count = 0

    def take(self, step: Step) -> None:
        """The next thing that the process did."""
        match step:
            case Write() | Resize():
                self._file(step.file).pending.append((self._count, step))
            case Flush(file=file, covers=covers):
                self._file(file).flush(covers)
            case Link() | Unlink() | Rename():
                self._pending.append((self._count, step))
            case FlushNames(covers=covers):
                while self._pending and self._pending[0][0] < covers:
                    _name(self._names, self._pending.pop(0)[1])
            case Said(text=text):
                self.said.append(text)
        self._count += 1

    def everything(self) -> Image:
        """All that was written so far arrived."""
        names = self._named(len(self._pending))
        return {name: self._file(file).everything() for name, file in names.items()}

    def flushed(self) -> Image:
        """Nothing arrived that no flush has made sure of."""
        return {name: bytes(self._file(file).durable) for name, file in self._names.items()}

    def some(self, chance: Random) -> Image:
        """What one cut may leave."""
        names = self._named(chance.randint(0, len(self._pending)))
        return {name: self._file(file).some(chance) for name, file in names.items()}

    def _file(self, number: int) -> _File:
        return self._files.setdefault(number, _File())

    def _named(self, most: int) -> dict[str, int]:
        names = dict(self._names)
        for _, step in self._pending[:most]:
            _name(names, step)
        return names


def cuts(steps: list[Step], *, prefixes: int, subsets: int, chance: Random) -> Iterator["Cut"]:
    """Cuts after so many of the steps: with all that was written, and with random parts of it.

    As many prefixes as there are steps means all of them.
    """
    after = list(range(1, len(steps) + 1))
    wanted = after if prefixes >= len(after) else sorted(chance.sample(after, prefixes))
    random = sorted(chance.choices(after, k=subsets))
    disk = Disk()
    for number, step in enumerate(steps, 1):
        disk.take(step)
        while wanted and wanted[0] == number:
            wanted.pop(0)
            yield Cut(number, "all of it", disk.everything(), tuple(disk.said))
        while random and random[0] == number:
            random.pop(0)
            seed = chance.getrandbits(32)
            image = disk.some(Random(seed)) if seed % 16 else disk.flushed()
            yield Cut(number, f"part {seed:08x}", image, tuple(disk.said))


class Cut(msgspec.Struct, frozen=True):
    """One cut: after which step, which part arrived, the files, and what had been said."""

    step: int
    part: str
    image: Image
    said: tuple[str, ...]


def _apply(content: bytearray, change: Change) -> None:
    if isinstance(change, Write):
        _put(content, change.offset, change.data)
    elif change.size < len(content):
        del content[change.size :]
    else:
        content.extend(bytes(change.size - len(content)))


def _put(content: bytearray, offset: int, data: bytes | bytearray) -> None:
    if offset > len(content):
        content.extend(bytes(offset - len(content)))
    content[offset : offset + len(data)] = data


def _name(names: dict[str, int], step: Naming) -> None:
    match step:
        case Link(name=name, file=file):
            names[name] = file
        case Unlink(name=name):
            names.pop(name, None)
        case Rename(old=old, new=new):
            names[new] = names.pop(old)
