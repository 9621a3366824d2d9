"""What is said on the control socket about files: neither the page nor a command sees the box's.

A file that comes in is announced, sent piece by piece, and then named in the request that it is
for: `Restore` or `ApplyUpdate`.
"""

from enum import StrEnum
from typing import ClassVar, Final

import msgspec

from gateway.model import Role
from gateway.request import Done, Request

PIECE_BYTES: Final = 512 * 1024
"""The longest piece of a file: with base64 it fits a line of the control socket."""


class Purpose(StrEnum):
    """What a file that comes in is to be."""

    BACKUP = "backup"
    UPDATE = "update"


class FileView(msgspec.Struct, frozen=True, kw_only=True):
    """A file that is ready to be read in pieces. `name` is for whoever saves it."""

    id: str
    name: str
    bytes: int


class ReadPiece(Request[bytes], frozen=True, tag="read_piece"):
    """The next bytes of a file, at most `PIECE_BYTES`; none at its end."""

    needs: ClassVar[Role | None] = Role.OWNER
    file: str
    offset: int


class BeginUpload(Request[str], frozen=True, tag="begin_upload"):
    """Announce a file of so many bytes; the answer is its id."""

    needs: ClassVar[Role | None] = Role.OWNER
    bytes: int
    purpose: Purpose


class SendPiece(Request[Done], frozen=True, tag="send_piece"):
    """The next bytes of an announced file, in order; at most `PIECE_BYTES`."""

    needs: ClassVar[Role | None] = Role.OWNER
    file: str
    offset: int
    data: bytes


AnyTransferRequest = ReadPiece | BeginUpload | SendPiece
