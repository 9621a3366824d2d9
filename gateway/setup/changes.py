"""Changing the settings for the page: checked, written, told to the journal."""

import asyncio
import contextlib
import tomllib
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, Final

from gateway.clock import Clock
from gateway.config import Config, check
from gateway.config.check import ConfigError, Problem, format_problem
from gateway.config.edit import Edit
from gateway.config.settings import Change, Settings
from gateway.control import Asker
from gateway.errors import Refused
from gateway.events import SettingsChanged
from gateway.journal.store import Journal
from gateway.request import Done, Request
from gateway.setup import lately, messages

CHANGES_MOST: Final = 100
_EVENTS_SOUGHT: Final = (
    100_000  # further back a look would keep the journal's other readers waiting
)

KEEP_S: Final = 5.0
"""How long a change waits until the journal has it on disk; it stands in any case."""


class Changes:
    """The settings as the page reads and writes them.

    Args:
        settings: The file.
        running: The SHA-256 of the text that the gateway runs on.
        journal: Told every change, with who made it.
        clock: The time.
        on_written: Called with settings that were just written.
        start_anew: Makes the gateway start anew on them.
    """

    def __init__(
        self,
        settings: Settings,
        running: str,
        journal: Journal,
        clock: Clock,
        *,
        on_written: Callable[[Config], None],
        start_anew: Callable[[], None],
    ) -> None:
        self._settings: Final = settings
        self._running: Final = running
        self._journal: Final = journal
        self._clock: Final = clock
        self._on_written: Final = on_written
        self._start_anew: Final = start_anew
        self._one_at_a_time: Final = asyncio.Lock()

    @property
    def applied(self) -> bool:
        """Whether the gateway runs on the settings as they are written."""
        return self._settings.in_force[1] == self._running

    def written(self) -> Config:
        """The settings as they are written: the gateway may run on older ones yet.

        Raises:
            ConfigError: What was good has become bad, e.g. a file that it names is gone.
        """
        config, problems, _ = check.check(self._settings.in_force[0])
        if config is None:
            raise ConfigError(problems)
        return config

    def tables(self) -> dict[str, Any]:
        """The settings as they are written, as plain data."""
        return tomllib.loads(self._settings.in_force[0])

    async def edit(self, edits: Sequence[Edit], by: str, replaces: str | None = None) -> Change:
        """Change single keys.

        Raises:
            Refused: `settings_changed` or `settings_busy`, else as `Settings.edit`.
            ConfigError: The result could not be used.
            SettingsError: It could not be written.
        """
        return await self._write(partial(self._settings.edit, edits, replaces=replaces), by)

    async def step(self, edits: Sequence[Edit], by: str) -> None:
        """Change single keys for a step of the wizard, which shows one sentence.

        Raises:
            Refused: `not_valid`, else as `edit`.
            SettingsError: It could not be written.
        """
        try:
            await self.edit(edits, by)
        except ConfigError as error:
            raise Refused("not_valid", format_problem(error.problems[0])) from error

    async def _write(self, write: Callable[[], Change], by: str) -> Change:
        async with self._one_at_a_time:
            change = await asyncio.to_thread(write)
        self._on_written(change.config)
        if change.keys:
            event = SettingsChanged(by=by, sha256=change.sha256, keys=change.keys)
            kept = asyncio.wrap_future(self._journal.append(event, self._clock.now()))
            with contextlib.suppress(TimeoutError):  # it is in memory, and tried again
                await asyncio.wait_for(asyncio.shield(kept), KEEP_S)
        return change

    # --- requests --------------------------------------------------------------------------

    async def apply(self, _: messages.ApplySettings, __: Asker) -> Done:
        """See `ApplySettings`."""
        self._start_anew()
        return Done()

    async def check(self, request: messages.CheckSettings, _: Asker) -> messages.SettingsResult:
        """See `CheckSettings`."""
        _config, problems, warnings = await asyncio.to_thread(check.check, request.text)
        return self._result((), problems, warnings)

    async def put_keys(
        self, request: messages.EditSettings, asker: Asker
    ) -> messages.SettingsResult:
        """See `EditSettings`."""
        edits = [Edit(tuple(each.path), plain(each.value)) for each in request.edits]
        write = partial(self._settings.edit, edits, replaces=request.replaces_sha256)
        return await self._try(write, asker)

    async def replace(
        self, request: messages.ReplaceSettings, asker: Asker
    ) -> messages.SettingsResult:
        """See `ReplaceSettings`."""
        write = partial(self._settings.write, request.text, replaces=request.replaces_sha256)
        return await self._try(write, asker)

    async def _try(self, write: Callable[[], Change], asker: Asker) -> messages.SettingsResult:
        try:
            change = await self._write(write, asker.name)
        except ConfigError as error:
            return self._result((), error.problems, ())
        return self._result(change.keys, (), change.warnings)

    def _result(
        self, keys: tuple[str, ...], problems: Iterable[Problem], warnings: Iterable[Problem]
    ) -> messages.SettingsResult:
        return messages.SettingsResult(
            sha256=self._settings.in_force[1],
            keys=keys,
            problems=tuple(told(each) for each in problems),
            warnings=tuple(told(each) for each in warnings),
            applied=self.applied,
        )

    async def history(self, _: messages.GetHistory, __: Asker) -> messages.SettingsHistory:
        """See `GetHistory`."""
        past = await asyncio.to_thread(self._settings.history)
        changes = await asyncio.wrap_future(self._journal.read(lately.changes))
        return messages.SettingsHistory(
            past=tuple(
                messages.PastSettings(number=each.number, replaced_s=each.replaced_s)
                for each in past
            ),
            changes=tuple(changes),
        )

    async def past(self, request: messages.GetPastSettings, _: Asker) -> str:
        """See `GetPastSettings`."""
        return await asyncio.to_thread(self._settings.past_text, request.number)

    def handlers(self) -> dict[type[Request[Any]], Any]:
        """What answers which request."""
        return {
            messages.ApplySettings: self.apply,
            messages.CheckSettings: self.check,
            messages.EditSettings: self.put_keys,
            messages.ReplaceSettings: self.replace,
            messages.GetHistory: self.history,
            messages.GetPastSettings: self.past,
        }


def told(problem: Problem) -> messages.SettingsProblem:
    """A problem as it is said on the control socket."""
    return messages.SettingsProblem(
        where=problem.where, found=problem.found, right=problem.right, line=problem.line
    )


def plain(value: Any) -> Any:
    """JSON's null cannot stand in TOML: a key inside a table that has none is left out."""
    if isinstance(value, dict):
        return {key: plain(inner) for key, inner in value.items() if inner is not None}
    if isinstance(value, list):
        return [plain(inner) for inner in value]
    return value
