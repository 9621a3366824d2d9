"""How far setting up has come. It is kept on the box, so that any browser can go on with it."""

import logging
import threading
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from gateway.files import clear_leftovers, write_atomic
from gateway.setup.messages import SetupStep, StepState

KEYS: Final[dict[SetupStep, tuple[tuple[str, ...], ...]]] = {
    SetupStep.SHOP: (("shop", "name"), ("shop", "timezone"), ("shop", "hours")),
    SetupStep.TRANSMITTER: (("transmitters",), ("pagers",)),
    SetupStep.BUTTONS: (("buttons",),),
    SetupStep.STAFF: (("staff",),),
    SetupStep.SERVER: (("uplink",),),
    SetupStep.REHEARSAL: (),
}
"""The keys of the settings that each step is about."""

_log: Final = logging.getLogger(__name__)


class _File(msgspec.Struct, frozen=True):
    """The whole of setup.json. `before`: what a step's keys said when it was first touched."""

    finished: bool = False
    states: dict[SetupStep, StepState] = {}
    before: dict[SetupStep, list[Any]] = {}


class Progress:
    """The steps and how each stands. What changes it waits for the disk: not on the event loop.

    Args:
        path: Where it is kept; a damaged file begins anew, the settings say what is done.
    """

    def __init__(self, path: Path) -> None:
        self._path: Final = path
        clear_leftovers(path)
        self._file = _read(path)
        self._lock: Final = threading.Lock()

    @property
    def is_finished(self) -> bool:
        """Whether set-up is over."""
        return self._file.finished

    def state(self, step: SetupStep) -> StepState:
        """How a step stands."""
        return self._file.states.get(step, StepState.OPEN)

    @property
    def current(self) -> SetupStep:
        """The first step that is open; the last when none is."""
        steps = (step for step in SetupStep if self.state(step) is StepState.OPEN)
        return next(steps, SetupStep.REHEARSAL)

    def touch(self, step: SetupStep, tables: dict[str, Any]) -> None:
        """Remember what the step's keys say in `tables`, unless that was done before."""
        said = [_value(tables, path) for path in KEYS[step]]
        with self._lock:
            self._keep(replace(self._file, before={step: said, **self._file.before}))

    def before(self, step: SetupStep) -> list[Any] | None:
        """What the step's keys said before, in the order of `KEYS`; None if it was not touched."""
        return self._file.before.get(step)

    def set(self, step: SetupStep, state: StepState) -> None:
        """Put a step into a state."""
        with self._lock:
            self._keep(replace(self._file, states={**self._file.states, step: state}))

    def undone(self, step: SetupStep) -> None:
        """A step is open, and as if it had never been touched."""
        with self._lock:
            before = {each: said for each, said in self._file.before.items() if each != step}
            states = {**self._file.states, step: StepState.OPEN}
            self._keep(replace(self._file, before=before, states=states))

    def finish(self) -> None:
        """Set-up is over."""
        with self._lock:
            self._keep(replace(self._file, finished=True))

    def _keep(self, file: _File) -> None:
        """On the disk, then told: who hears of it may rely on it."""
        try:
            write_atomic(self._path, msgspec.json.encode(file))
        except OSError as error:
            _log.error("how far set-up has come will not outlast a restart: %s", error)
        self._file = file


def _read(path: Path) -> _File:
    try:
        return msgspec.json.decode(path.read_bytes(), type=_File)
    except FileNotFoundError:
        return _File()
    except (OSError, ValueError, RecursionError) as error:  # msgspec's own are ValueErrors
        _log.error("%s begins anew: %s", path, error)
        return _File()


def _value(tables: dict[str, Any], path: tuple[str, ...]) -> Any:
    found: Any = tables
    for key in path:
        found = found.get(key) if isinstance(found, dict) else None
    return found
