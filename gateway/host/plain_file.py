"""Files that others than root may have put there."""

import os
import stat
from io import BufferedReader
from pathlib import Path

from gateway.errors import Refused


def opened(path: Path, code: str = "no_bundle") -> BufferedReader:
    """A plain file, reached by no link: others than root may write beside it.

    Raises:
        Refused: `code`.
    """
    try:
        beside = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            # Not blocking: a pipe in its place would hold up the helper for ever.
            handle = os.open(path.name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=beside)
        finally:
            os.close(beside)
    except OSError as error:
        raise Refused(code, f"there is no file to read: {error.strerror}") from error
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise Refused(code, "there is no file to read: it is no plain one")
    return os.fdopen(handle, "rb")
