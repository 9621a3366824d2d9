"""Files between a command and the running gateway, in pieces."""

import contextlib
import os
import sys
from pathlib import Path

from gateway.client import Client
from gateway.errors import CannotStart, GatewayError
from gateway.transfer.messages import (
    PIECE_BYTES,
    BeginUpload,
    FileView,
    Purpose,
    ReadPiece,
    SendPiece,
)


def fetch(client: Client, view: FileView, path: Path) -> None:
    """Write a file of the gateway's to a path that is not there yet.

    Raises:
        CannotStart: It cannot be written; what was begun is taken away.
        GatewayError: The gateway refused, or is gone.
    """
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise CannotStart(f"cannot write {path}: {error.strerror}") from error
    done = 0
    with contextlib.ExitStack() as undo:
        undo.callback(path.unlink, missing_ok=True)  # half a backup must not be taken for one
        try:
            with os.fdopen(handle, "wb") as file:
                while piece := client.call(ReadPiece(file=view.id, offset=done)):
                    file.write(piece)
                    done += len(piece)
                    _progress(done, view.bytes)
                file.flush()
                os.fsync(file.fileno())
        except GatewayError:  # of which one is an OSError too
            raise
        except OSError as error:
            raise CannotStart(f"cannot write {path}: {error.strerror or error}") from error
        undo.pop_all()


def send(client: Client, path: Path, purpose: Purpose) -> str:
    """Hand a file over; its id at the gateway.

    Raises:
        CannotStart: It cannot be read.
        GatewayError: The gateway does not take it, or is gone.
    """
    try:
        with path.open("rb") as file:
            size, done = os.fstat(file.fileno()).st_size, 0
            name = client.call(BeginUpload(bytes=size, purpose=purpose))
            while piece := file.read(PIECE_BYTES):
                client.call(SendPiece(file=name, offset=done, data=piece))
                done += len(piece)
                _progress(done, size)
    except GatewayError:  # of which one is an OSError too
        raise
    except OSError as error:
        raise CannotStart(f"cannot read {path}: {error.strerror or error}") from error
    return name


def _progress(done: int, whole: int) -> None:
    if sys.stderr.isatty():
        end = "\n" if done >= whole else ""
        print(f"\r{done * 100 // max(whole, 1)} %", end=end, file=sys.stderr, flush=True)
