"""What the centre pushes to a box: settings out of a fixed list, and personal grants.

Settings go the way of every change: checked, written with the last good ones kept, told to the
journal, run on from a new start. A push is applied once: what the owner changes afterwards stands
until the centre pushes something else. What cannot be used is refused as a whole, told to the
centre, and shown in `status`; nothing of the box is touched then.
"""

import asyncio
import hashlib
import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from gateway.clock import Clock
from gateway.config.check import ConfigError, format_problem
from gateway.config.edit import Edit
from gateway.errors import GatewayError
from gateway.faults import Faults
from gateway.files import clear_leftovers, write_atomic
from gateway.grants.desk import GrantDesk
from gateway.grants.personal import BY, Pushed
from gateway.setup.changes import Changes
from gateway.sync.down import Taken
from gateway.sync.wire import PROBLEMS_MOST, PersonalGrant, Tuning

PART: Final = "centre"
"""The part of the box whose fault a refused push is."""
_WORDS: Final = 1000

WHOLE: Final = frozenset({"offers", "causes", "guidance", "rules"})
PARTS: Final[Mapping[str, frozenset[str]]] = {
    "ladder": frozenset({"steps", "repeat_s", "fresh_s", "burst_s", "outcome_s"}),
    "shop": frozenset({"hours", "holidays"}),
}
"""What a centre may set: lists as a whole, and single keys of tables. Never who may do what, where
anything is kept or sent, or what is wired: those are the shop's."""

_log: Final = logging.getLogger(__name__)


class NotPushable(GatewayError):
    """A setting that is the shop's alone."""


class _Applied(msgspec.Struct, forbid_unknown_fields=True):
    """The file that remembers which push was applied."""

    settings: str = ""


class Pushes:
    """Takes what the centre pushes; see `down.Desk`.

    Args:
        state: Where it remembers what was applied.
        changes: The settings.
        grants: Records personal grants.
        clock: The time.
        faults: Told what was refused.
        start_anew: Makes the gateway start anew on changed settings.
    """

    def __init__(
        self,
        state: Path,
        changes: Changes,
        grants: GrantDesk,
        clock: Clock,
        faults: Faults,
        start_anew: Callable[[], None],
    ) -> None:
        self._path: Final = state / "pushed.json"
        self._changes: Final = changes
        self._grants: Final = grants
        self._clock: Final = clock
        self._faults: Final = faults
        self._start_anew: Final = start_anew

    async def take(self, pushed: Tuning) -> Taken:
        """See `down.Desk`; the grants of a push that changes settings come with the new start."""
        try:
            if await self._put(pushed.settings):
                self._say(())
                self._start_anew()
                return Taken()
            problems: tuple[str, ...] = ()
        except ConfigError as error:
            problems = tuple(map(format_problem, error.problems))
        except GatewayError as error:
            problems = (f"settings: {error}",)
        taken, refused = await self._promise(pushed)
        problems = tuple(each[:_WORDS] for each in (*problems, *refused))[:PROBLEMS_MOST]
        self._say(problems)
        return Taken(problems, taken)

    def refuse(self, words: str) -> None:
        """See `down.Desk`."""
        self._say((words,))

    def _say(self, problems: tuple[str, ...]) -> None:
        words = f"what it pushed is refused: {'; '.join(problems)}"[:_WORDS] if problems else None
        self._faults.set(PART, words)

    # --- settings --------------------------------------------------------------------------

    async def _put(self, settings: Mapping[str, Any]) -> bool:
        """Write settings that were not applied yet; returns whether anything has changed.

        Raises:
            NotPushable: One of them is not the centre's to set.
            Refused: As `Changes.edit`.
            ConfigError: With them the file could not be used.
            SettingsError: It could not be written.
        """
        digest = hashlib.sha256(msgspec.json.encode(settings, order="sorted")).hexdigest()
        if not settings or digest == await asyncio.to_thread(self._applied):
            return False
        change = await self._changes.edit(_edits(settings), BY)
        # Written after the settings: what a power cut takes between is done again, to no change.
        await asyncio.to_thread(self._remember, digest)
        return bool(change.keys)

    def _applied(self) -> str:
        clear_leftovers(self._path)
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=_Applied).settings
        except FileNotFoundError:
            return ""
        except (ValueError, OSError) as error:
            _log.warning("which push was applied is not known any more: %s", error)
            return ""

    def _remember(self, digest: str) -> None:
        try:
            write_atomic(self._path, msgspec.json.encode(_Applied(digest)))
        except OSError as error:
            _log.error("that a push was applied cannot be kept: %s", error)

    # --- grants ----------------------------------------------------------------------------

    async def _promise(self, pushed: Tuning) -> tuple[tuple[str, ...], list[str]]:
        grants: list[Pushed] = []
        refused: list[str] = []
        for number, raw in enumerate(pushed.grants):
            try:
                grant = msgspec.json.decode(raw, type=PersonalGrant)
            except (ValueError, RecursionError) as error:  # msgspec's own are ValueErrors
                refused.append(f"grants[{number}]: {error}")
                continue
            grants.append(msgspec.convert(grant, Pushed, from_attributes=True))
        if not grants:
            return (), refused
        try:
            taken, words = await self._grants.push(grants, self._clock.now())
        except GatewayError as error:
            return (), [*refused, f"grants: {error}"]
        return tuple(taken), [*refused, *words]


def _edits(settings: Mapping[str, Any]) -> list[Edit]:
    """The changes of a push.

    Raises:
        NotPushable: One of them is not the centre's to set.
    """
    edits: list[Edit] = []
    for name, value in settings.items():
        if name in WHOLE:
            edits.append(Edit((name,), value))
            continue
        keys = PARTS.get(name, frozenset())
        parts = value if isinstance(value, dict) else {"": value}
        for key, inner in parts.items():
            if key not in keys:
                what = f"{name}.{key}".rstrip(".")
                raise NotPushable(f"{what} is not for the centre to set")
            edits.append(Edit((name, key), inner))
    return edits
