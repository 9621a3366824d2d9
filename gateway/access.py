"""Who may do what: PINs, lock-outs and sessions. The gateway alone knows them.

PINs are kept as argon2 hashes in a file of the state directory, never in gateway.toml. Lock-outs
are kept there too, so that a restart forgives nobody. Sessions are kept as hashes of their tokens,
so that a restart signs nobody out and a stolen file opens nothing.
"""

import asyncio
import hashlib
import logging
import secrets
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import argon2
import msgspec

from gateway.config import Access as Rules
from gateway.config import Staff
from gateway.errors import Refused
from gateway.files import clear_leftovers, write_atomic
from gateway.guard.messages import SessionView
from gateway.messages import Session
from gateway.model import Role

LOCKOUT_MOST_S: Final = 3600.0
PIN_LENGTHS: Final = range(4, 33)
SESSIONS_MOST: Final = 200

_TOKEN_BYTES: Final = 24
_IN_ORDER: Final = "01234567890"
_STRANGERS: Final = 64  # names that nobody has, of which wrong PINs are counted one by one
_CROWD: Final = "everybody else"  # no digest

_log: Final = logging.getLogger(__name__)


class _Lockout(msgspec.Struct):
    """Wrong PINs in a row, and until when no further one is looked at (Unix time)."""

    failures: int = 0
    until: float = 0.0


class _Kept(msgspec.Struct):
    """A session as it is kept: by the hash of its token."""

    staff: str
    expires: float  # Unix time
    since: float | None = None


class _File(msgspec.Struct):
    """The whole of access.json."""

    pins: dict[str, str] = {}
    lockouts: dict[str, _Lockout] = {}
    sessions: dict[str, _Kept] = {}


class Access:
    """The door.

    Args:
        path: Where PIN hashes, lock-outs and sessions are kept.
        staff: The configured people; a PIN of anyone else opens nothing.
        rules: `[access]` of the configuration.
        wall: Unix time in seconds.

    Raises:
        OSError: The file is there and cannot be read.
        msgspec.DecodeError: It is there and damaged.
    """

    def __init__(
        self,
        path: Path,
        staff: tuple[Staff, ...],
        rules: Rules,
        *,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._path: Final = path
        self._roles: Final = {person.name: person.role for person in staff}
        self._rules: Final = rules
        self._wall: Final = wall
        # 51 ms on a small machine; argon2-cffi's defaults take 350 ms and 64 MB.
        self._hasher: Final = argon2.PasswordHasher(time_cost=2, memory_cost=19456, parallelism=1)
        self._session_s: Final = rules.session_hours * 3600
        self._one_at_a_time: Final = asyncio.Lock()
        clear_leftovers(path)
        self._is_new = not path.exists()
        self._file = _File() if self._is_new else _read(path)
        # Verified in place of a PIN that is not set, so that the time tells nothing.
        self._nobody: Final = self._hasher.hash(secrets.token_hex(8))

    def reunite(self) -> None:
        """Take in what the disk has kept, where it was not there at the start and is now."""
        if not self._is_new:
            return
        try:
            kept = _read(self._path)
        except OSError:
            return
        except msgspec.DecodeError as error:
            _log.error("the PINs of before are damaged: %s", error)
            kept = _File()
        self._is_new = False
        self._file = _File(
            pins=kept.pins | self._file.pins,
            lockouts=kept.lockouts | self._file.lockouts,
            sessions=kept.sessions | self._file.sessions,
        )

    @property
    def is_claimed(self) -> bool:
        """Whether an owner has a PIN; where the settings have no owner, whether anybody has."""
        owners = self._owners()
        return any(name in self._file.pins for name in owners or self._roles)

    @property
    def names(self) -> tuple[str, ...]:
        """Who may sign in, in the order of the settings."""
        return tuple(self._roles)

    async def login(self, name: str, pin: str) -> Session:
        """A new session for the right PIN.

        Raises:
            Refused: `locked_out` with the seconds to wait, or `bad_pin`: the same for a wrong
                PIN, a person without one and a name that nobody has.
        """
        key = name if name in self._roles else self._stranger(name)
        async with self._one_at_a_time:
            lockout = self._file.lockouts.get(key, _Lockout())
            wait_s = self._wait_s(lockout)
            if wait_s > 0:
                raise Refused("locked_out", f"too many wrong PINs: wait {wait_s:.0f} s")
            known = name in self._roles and name in self._file.pins
            hashed = self._file.pins[name] if known else self._nobody
            right = await asyncio.to_thread(self._verify, hashed, pin)
            if not (right and known):
                await self._failed(key, lockout.failures + 1)
                raise Refused("bad_pin", "the name and the PIN do not fit")
            self._file.lockouts.pop(key, None)
            return await self._open(name)

    async def check_guess(self, what: str, *, right: bool) -> None:
        """Count a guess at another secret of the box, as PINs are counted.

        Args:
            what: Which secret it is.
            right: Whether it was guessed; while it is locked, that helps nobody.

        Raises:
            Refused: `locked_out` with the seconds to wait, or `bad_code`.
        """
        key = _digest(f"code {what}")
        async with self._one_at_a_time:
            lockout = self._file.lockouts.get(key, _Lockout())
            wait_s = self._wait_s(lockout)
            if wait_s > 0:
                raise Refused("locked_out", f"too many wrong codes: wait {wait_s:.0f} s")
            if right:
                self._file.lockouts.pop(key, None)
                return
            failures = lockout.failures + 1
            until = self._wall() + self._penalty_s(failures)
            self._file.lockouts[key] = _Lockout(failures, until)
            await self._save()
            raise Refused("bad_code", "this is not the code of this box")

    def know(self, staff: tuple[Staff, ...]) -> None:
        """Take these people for the staff from now on: the settings were changed."""
        self._roles.clear()
        self._roles.update({person.name: person.role for person in staff})

    async def set_pin(self, name: str, pin: str) -> None:
        """Give a person a PIN, and end the sessions that began under the old one.

        Raises:
            Refused: `unknown_staff`, `weak_pin`, or `not_kept` by the disk: the old one stands.
        """
        if name not in self._roles:
            raise Refused("unknown_staff", f"the configuration has no staff named {name!r}")
        check_pin(pin)
        async with self._one_at_a_time:
            self.reunite()
            hashed = await asyncio.to_thread(self._hasher.hash, pin)
            await self._replace(self._without(frozenset({name})), {name: hashed})

    async def reset_owner(self) -> None:
        """Forget the owners' PINs, lock-outs and sessions: the box is as before it was claimed.

        Without an owner in the settings, everybody's.

        Raises:
            Refused: `not_kept` by the disk: they stand.
        """
        gone = self._owners() or frozenset(self._roles)
        async with self._one_at_a_time:
            self.reunite()
            await self._replace(self._without(gone), {})

    def _owners(self) -> frozenset[str]:
        return frozenset(name for name, role in self._roles.items() if role is Role.OWNER)

    def session(self, token: str) -> Session:
        """The session of a token, with the role that its person has now.

        Raises:
            Refused: `not_signed_in`.
        """
        kept = self._file.sessions.get(_digest(token))
        if kept is None or kept.expires < self._wall() or kept.staff not in self._roles:
            raise Refused("not_signed_in", "please sign in")
        # A clock that was set back must not make a session last for years.
        kept.expires = min(kept.expires, self._wall() + self._session_s)
        return Session(token=token, staff=kept.staff, role=self._roles[kept.staff])

    async def logout(self, token: str) -> None:
        """End a session, if it is one."""
        async with self._one_at_a_time:
            if self._file.sessions.pop(_digest(token), None) is not None:
                await self._save()

    def sessions(self, token: str | None) -> tuple[SessionView, ...]:
        """Everybody who is signed in, the latest first; `token` is the asker's own session's."""
        own, now = _digest(token or ""), self._wall()
        return tuple(
            SessionView(
                id=_public(key),
                staff=kept.staff,
                since_s=kept.since,
                until_s=kept.expires,
                mine=key == own,
            )
            for key, kept in reversed(self._file.sessions.items())
            if kept.expires >= now and kept.staff in self._roles
        )

    async def end(self, session: str) -> None:
        """End the session that `sessions` shows under this id, if there is one."""
        async with self._one_at_a_time:
            gone = [key for key in self._file.sessions if _public(key) == session]
            for key in gone:
                del self._file.sessions[key]
            if gone:
                await self._save()

    def _verify(self, hashed: str, pin: str) -> bool:
        try:
            return self._hasher.verify(hashed, pin)
        except argon2.exceptions.VerifyMismatchError:
            return False
        except (argon2.exceptions.InvalidHashError, argon2.exceptions.VerificationError) as error:
            _log.error("a PIN in %s is damaged and must be set anew: %r", self._path, error)
            return False

    def _wait_s(self, lockout: _Lockout) -> float:
        """How long a lock-out lasts yet: never longer than it was meant to from now on.

        A clock that was set back, or a box that woke without one, would else keep people out for
        as long as the clock was wrong.
        """
        now = self._wall()
        lockout.until = min(lockout.until, now + self._penalty_s(lockout.failures))
        return lockout.until - now

    def _penalty_s(self, failures: int) -> float:
        beyond = failures - self._rules.lockout_after
        if beyond < 0:
            return 0.0
        return min(self._rules.lockout_s * 2.0 ** min(beyond, 12), LOCKOUT_MOST_S)

    async def _failed(self, key: str, failures: int) -> None:
        until = self._wall() + self._penalty_s(failures)
        self._file.lockouts[key] = _Lockout(failures, until)
        await self._save()

    def _stranger(self, name: str) -> str:
        """What a name that nobody has is counted under, or a guesser could tell it apart.

        The first ones each by itself, all that come later as one: with a new name for each guess
        he could else fill the disk, and have a hash made and the disk written to without an end.
        """
        key, known = _digest(name), self._file.lockouts
        is_room = len(known.keys() - self._roles.keys()) < _STRANGERS
        return key if key in known or is_room else _CROWD

    async def _open(self, name: str) -> Session:
        now = self._wall()
        token = secrets.token_urlsafe(_TOKEN_BYTES)
        live = [(key, kept) for key, kept in self._file.sessions.items() if kept.expires > now]
        self._file.sessions = dict(live[-SESSIONS_MOST + 1 :])
        self._file.sessions[_digest(token)] = _Kept(name, now + self._session_s, now)
        await self._save()
        return Session(token=token, staff=name, role=self._roles[name])

    def _without(self, names: frozenset[str]) -> _File:
        """The file without these people's PINs, lock-outs and sessions."""
        now = self._file
        return _File(
            pins={name: pin for name, pin in now.pins.items() if name not in names},
            lockouts={key: kept for key, kept in now.lockouts.items() if key not in names},
            sessions={key: kept for key, kept in now.sessions.items() if kept.staff not in names},
        )

    async def _replace(self, file: _File, pins: dict[str, str]) -> None:
        """Put `file` with these PINs in force, on disk and then here, or leave all as it was."""
        file.pins.update(pins)
        before, self._file = self._file, file
        try:
            await self._write()
        except OSError as error:
            self._file = before
            raise Refused("not_kept", f"PINs cannot be kept: {error}") from error

    async def _save(self) -> None:
        """Keep it if the disk takes it: people sign in with a full disk too, there are alerts."""
        self.reunite()
        try:
            await self._write()
        except OSError as error:
            _log.error("sessions and lock-outs will not outlast a restart: %s", error)

    async def _write(self) -> None:
        await asyncio.to_thread(write_atomic, self._path, msgspec.json.encode(self._file))
        self._is_new = False


def check_pin(pin: str) -> None:
    """Pass a PIN that is hard enough to guess.

    Raises:
        Refused: `weak_pin`.
    """
    if len(pin) not in PIN_LENGTHS:
        raise Refused("weak_pin", "a PIN has 4 to 32 characters")
    if len(set(pin)) == 1:
        raise Refused("weak_pin", "a PIN of one character repeated is no PIN")
    if pin in _IN_ORDER or pin in _IN_ORDER[::-1]:
        raise Refused("weak_pin", "a PIN of digits in order is no PIN")


def without_sessions(data: bytes) -> bytes:
    """What a file of this kind keeps for another life of the box: the PINs, and nothing else.

    Raises:
        msgspec.DecodeError: It is damaged.
    """
    return msgspec.json.encode(_File(pins=_decode(data).pins))


def pin_hashes(data: bytes) -> tuple[str, ...]:
    """The PINs' hashes in a file of this kind.

    Raises:
        msgspec.DecodeError: It is damaged.
    """
    return tuple(_decode(data).pins.values())


def _read(path: Path) -> _File:
    return _decode(path.read_bytes())


def _decode(data: bytes) -> _File:
    try:
        return msgspec.json.decode(data, type=_File)
    except (UnicodeDecodeError, RecursionError) as error:  # msgspec lets these two through
        raise msgspec.DecodeError(str(error)) from error


def _public(key: str) -> str:
    """A name for a session that tells nothing of its token, nor of how it is kept."""
    return _digest(f"session {key}")[:16]


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
