"""Tar archives of nothing but plain files, read from people who may mean harm.

`tarfile.TarFile` reads long names and extended headers into memory, however large somebody has made
them. Backups and updates have none, so here they are refused.
"""

import tarfile
from collections.abc import Iterator
from typing import Final, Protocol

_BLOCK: Final = 1 << 20


class Stream(Protocol):
    """Bytes to be read from the beginning on."""

    def read(self, size: int, /) -> bytes:
        """The next bytes, at most so many."""
        ...


def next_file(stream: Stream) -> tarfile.TarInfo | None:
    """The next file's header, None at the archive's end.

    Raises:
        tarfile.TarError: It is damaged, or the header of something else than a plain file.
    """
    block = stream.read(tarfile.BLOCKSIZE)
    if not block.strip(b"\0"):
        return None
    entry = tarfile.TarInfo.frombuf(block, "utf-8", "strict")
    if not entry.isreg() or entry.size < 0:
        raise tarfile.ReadError(f"{entry.name!r} is no plain file")
    return entry


def content(stream: Stream, size: int) -> Iterator[bytes]:
    """The file of this size whose header was read last; to be read to its end.

    Raises:
        EOFError: It is cut short.
    """
    left = size
    while left:
        block = stream.read(min(left, _BLOCK))
        if not block:
            raise EOFError("it is cut short")
        left -= len(block)
        yield block
    stream.read(-size % tarfile.BLOCKSIZE)
