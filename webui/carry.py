"""Files of the whole box between the browser and the gateway, in pieces: the page keeps none."""

from collections.abc import Iterator
from typing import IO, Final

from webui.client import (
    BeginUpload,
    FileView,
    Gateway,
    PutUpdate,
    ReadPiece,
    Refused,
    SendPiece,
)

PIECE_BYTES: Final = 512 * 1024
WAIT_S: Final = 600.0
"""The longest wait for an answer: a large journal is looked through, on a slow card."""


def pieces(gateway: Gateway, view: FileView) -> Iterator[bytes]:
    """A file's content; hangs up at its end.

    Raises:
        Refused: It is no longer kept.
        Unreachable: The gateway is gone.
    """
    with gateway:
        done = 0
        while piece := gateway.call(ReadPiece(file=view.id, offset=done)):
            done += len(piece)
            yield piece


def hand_over(gateway: Gateway, file: IO[bytes]) -> str:
    """Send a file from its beginning; its id at the gateway.

    Raises:
        Refused: The gateway does not take it.
        Unreachable: It is gone.
    """
    size = file.seek(0, 2)
    file.seek(0)
    if not size:
        raise Refused("not_a_backup", "the file is empty")
    name = gateway.call(BeginUpload(bytes=size))
    done = 0
    while piece := file.read(PIECE_BYTES):
        gateway.call(SendPiece(file=name, offset=done, data=piece))
        done += len(piece)
    return name


def hand_over_update(gateway: Gateway, file: IO[bytes]) -> None:
    """Send an update from its beginning, in place of any that was sent before.

    Raises:
        Refused: The gateway does not take it.
        Unreachable: It is gone.
    """
    done = 0
    while piece := file.read(PIECE_BYTES):
        done = gateway.call(PutUpdate(offset=done, data=piece)).size
