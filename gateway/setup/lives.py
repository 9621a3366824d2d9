"""One process, one gateway after another: settings are applied by starting anew.

Everything that depends on the settings is made from them at the start and never changed, so there
is one way into a state and not two. A start takes a fraction of a second, because the modules are
loaded and the serial line is open to whoever takes it next.
"""

import asyncio
import contextlib
import gc
import logging
from pathlib import Path
from typing import Final

from gateway.app import Gateway
from gateway.backup import restore
from gateway.clock import SystemClock
from gateway.config.check import Problem, format_problem
from gateway.config.settings import Loaded, Settings, Source
from gateway.errors import CannotStart, GatewayError
from gateway.inputs.line import Left
from gateway.inputs.pins import open_pins
from gateway.life import Ended

YOUNG_OBJECTS: Final = 10_000
"""How many new objects the collector waits for, so that it seldom looks while a page is made."""

_log: Final = logging.getLogger(__name__)


def collect_seldom() -> None:
    """Have the collector pass over the modules, and look less often at what is new.

    Once for a process, before its first gateway: what is frozen is never looked at again.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS, *gc.get_threshold()[1:])


def run(settings: Settings, loaded: Loaded) -> None:
    """Run gateways until one is stopped by a signal.

    Settings that look right and with which no gateway can start, for a pin that is taken by
    another program, say, must not take the shop's paging away: the ones before are run on instead.

    Raises:
        CannotStart: The very first cannot start.
        Fatal: A part that must live has died.
    """
    collect_seldom()
    before: Loaded | None = None
    left: Left | None = None
    loaded, restored = restore.finish(settings, loaded)
    while True:
        try:
            # A loop of its own for each: a thread that outlives its gateway finds it closed.
            ended, left = asyncio.run(_live(settings, loaded, left))
        except CannotStart as error:
            if restored:
                _log.error("the restored box cannot start: %s", error)
                loaded, before, restored = _back_from_restore(settings, loaded), None, False
                continue
            if before is None:
                raise
            _log.error("the new settings cannot be started on: %s", error)
            loaded, before = _back(settings, before, error), None
            continue
        if ended is Ended.STOPPED:
            return
        _log.info("starting anew on changed settings")
        before = loaded
        loaded = settings.load_or_last_good()
        for problem in loaded.problems:
            _log.error("settings: %s", format_problem(problem))
        loaded, restored = restore.finish(settings, loaded)


async def _live(
    settings: Settings, loaded: Loaded, before: Left | None
) -> tuple[Ended, Left | None]:
    """One life; what it leaves, the next goes on from."""
    inputs, state = loaded.config.inputs, Path(loaded.config.paths.state)
    clock = SystemClock(trusted=inputs.simulated)
    with contextlib.closing(open_pins(inputs, state)) as pins:
        gateway = Gateway(loaded, settings, clock, pins, before)
        return await gateway.run(), gateway.left


def _back_from_restore(settings: Settings, loaded: Loaded) -> Loaded:
    try:
        restore.go_back(Path(loaded.config.paths.state))
    except (GatewayError, OSError) as error:
        raise CannotStart(f"what was before the restore cannot be put back: {error}") from error
    return restore.finish(settings, loaded)[0]


def _back(settings: Settings, before: Loaded, error: CannotStart) -> Loaded:
    """Write the settings that worked back, and say why."""
    try:
        settings.write(before.text, overwrite=True)
    except GatewayError as unwritten:
        _log.error("the settings that worked cannot be put back: %s", unwritten)
    why = Problem("", f"settings that cannot be started on ({error})", "changed before a new try")
    return Loaded(
        before.config, before.text, before.sha256, Source.LAST_GOOD, (why,), before.warnings
    )
