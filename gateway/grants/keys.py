"""The keys of the codes: kept in one file, newest first, and changed without killing live codes.

The file is nothing but the keys one after another, 32 bytes each: a box that never changed its key
has one.
"""

import asyncio
import secrets
from pathlib import Path
from typing import Final

from gateway.errors import Refused
from gateway.files import key_file, write_atomic
from gateway.grants.codes import Codes

KEY_BYTES: Final = 32
OLD_MOST: Final = 8


def read_codes(path: Path, device: str) -> Codes:
    """One shop's codes by the keys in `path`; the first key is made where there is none.

    Raises:
        OSError: It can neither be read nor made.
    """
    keys = _split(key_file(path))
    return Codes(keys[0], device, keys[1:])


class Keys:
    """Changes the keys of one shop's codes.

    Args:
        path: The file, as `read_codes` has read it.
        codes: What signs and verifies; told of each change once it is on disk.
    """

    def __init__(self, path: Path, codes: Codes) -> None:
        self._path: Final = path
        self._codes: Final = codes
        self._changing: Final = asyncio.Lock()

    async def keep(self) -> None:
        """Have on disk what there was no disk for at the start; what it had kept, signs again.

        Raises:
            Refused: `not_kept` by the disk.
        """
        async with self._changing:
            try:
                kept = await asyncio.to_thread(_kept, self._path)
            except OSError as error:
                raise _not_kept(error) from error
            # A code may have been made with ours meanwhile: it goes when no live code needs it.
            keys = (*kept, *(key for key in self._codes.keys if key not in kept))
            await self._change(keys)

    async def rotate(self, live: list[str]) -> int:
        """Sign with a new key from now on; returns how many old ones stay for `live` codes.

        Raises:
            Refused: `too_many_keys` while too many have live codes, or `not_kept` by the disk.
        """
        async with self._changing:
            old = (self._codes.keys[0], *await self._needed(live))
            if len(old) > OLD_MOST:
                raise Refused("too_many_keys", f"codes of {len(old)} keys are still good: wait")
            await self._change((secrets.token_bytes(KEY_BYTES), *old))
            return len(old)

    async def let_go(self, live: list[str]) -> None:
        """Forget old keys that none of the `live` codes was signed with.

        Raises:
            Refused: `not_kept` by the disk: they stay.
        """
        async with self._changing:
            keys = (self._codes.keys[0], *await self._needed(live))
            if keys != self._codes.keys:
                await self._change(keys)

    async def _needed(self, live: list[str]) -> tuple[bytes, ...]:
        """Old keys with live codes. The one that signs is not judged: a code may be on its way."""
        codes = self._codes

        def needed() -> tuple[bytes, ...]:
            old = codes.keys[1:]
            return tuple(key for key in old if any(codes.made_with(key, each) for each in live))

        return await asyncio.to_thread(needed)

    async def _change(self, keys: tuple[bytes, ...]) -> None:
        try:
            await asyncio.to_thread(write_atomic, self._path, b"".join(keys))
        except OSError as error:
            raise _not_kept(error) from error
        self._codes.keys = keys


def _kept(path: Path) -> tuple[bytes, ...]:
    return _split(path.read_bytes()) if path.exists() else ()


def _split(data: bytes) -> tuple[bytes, ...]:
    whole = range(KEY_BYTES, len(data) + 1, KEY_BYTES)
    return tuple(data[end - KEY_BYTES : end] for end in whole)


def _not_kept(error: OSError) -> Refused:
    return Refused("not_kept", f"the key cannot be kept: {error.strerror}")
