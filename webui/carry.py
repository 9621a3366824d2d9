"""Files of the whole box between the browser and the gateway, in pieces: the page keeps none."""

from collections.abc import Iterator
from typing import IO, Final

from webui.client import (
    PIECE_BYTES,
    BeginUpload,
    FileView,
    Gateway,
    Purpose,
    ReadPiece,
    SendPiece,
)

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


def hand_over(gateway: Gateway, file: IO[bytes], purpose: Purpose) -> str:
    """Send a file from its beginning; its id at the gateway.

    Raises:
        Refused: The gateway does not take it.
        Unreachable: It is gone.
    """
    size = file.seek(0, 2)
    file.seek(0)
    name = gateway.call(BeginUpload(bytes=size, purpose=purpose))
    done = 0
    while piece := file.read(PIECE_BYTES):
        gateway.call(SendPiece(file=name, offset=done, data=piece))
        done += len(piece)
    return name
