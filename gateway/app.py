"""The composition root: the only place that knows every adapter; the daemon from start to stop."""

import asyncio
import contextlib
import logging
import secrets
import signal
import threading
import traceback
from collections.abc import Callable
from enum import Enum, auto
from functools import partial
from pathlib import Path
from typing import Any, Final

import msgspec

from gateway import __version__, sdnotify
from gateway.access import Access
from gateway.alerts.case import Alert
from gateway.alerts.desk import Desk
from gateway.clock import NS_PER_S, Clock
from gateway.config.check import format_problem
from gateway.config.settings import Loaded, Settings, Source
from gateway.control import ControlServer, Doorbell
from gateway.errors import GatewayError, JournalError
from gateway.events import AnyEvent, Started
from gateway.faults import Faults
from gateway.files import key_file
from gateway.floor import Floor
from gateway.gestures import Gestures
from gateway.grants import crockford
from gateway.grants.cache import GRANTS_MOST, GrantCache
from gateway.grants.codes import Codes
from gateway.grants.desk import GrantDesk
from gateway.grants.grant import Grant
from gateway.grants.playbook import STARTER
from gateway.inputs.gpio import GpioInputs
from gateway.inputs.health import Health
from gateway.inputs.indicators import Indicators, State
from gateway.inputs.pins import Pins, open_pins
from gateway.journal import views
from gateway.journal.repair import repair
from gateway.journal.store import Identity, Journal
from gateway.model import Page, Receipt
from gateway.overview import room_words
from gateway.paging.drivers.choice import make_driver
from gateway.paging.drivers.line import adapter_at
from gateway.paging.lane import PageLane, Transmitter
from gateway.service import BoxService
from gateway.setup.changes import Changes
from gateway.setup.service import SetupService
from gateway.simulator.panel import Panel
from gateway.sync.choice import make_uplink
from gateway.sync.mapping import CURRENT
from gateway.watchman import Watchman

STOP_S: Final = 1.0
"""How long a transmitter may take to finish its page when the daemon stops."""
CACHE_S: Final = 1.0
"""How long changes of the grant cache are gathered before they are written."""

LOOK_S: Final = 60.0
"""How often the journal's room and the clock are looked at; nothing is written for it."""

_log: Final = logging.getLogger(__name__)


class Ended(Enum):
    """Why a gateway ended."""

    STOPPED = auto()  # by a signal
    START_ANEW = auto()  # to run on changed settings


class Fatal(GatewayError):
    """A part that must live has died: the daemon ends, and systemd starts it again."""


def _new_alert_id() -> str:
    return crockford.random(8)


class Gateway:
    """One box's daemon, made on the event loop that will run it.

    Args:
        loaded: The settings in force.
        settings: Their only writer.
        clock: The time.

    Raises:
        CannotStart: A pin cannot be claimed.
    """

    def __init__(self, loaded: Loaded, settings: Settings, clock: Clock) -> None:
        self._config: Final = loaded.config
        self._clock: Final = clock
        self._state: Final = Path(loaded.config.paths.state)
        self._loop: Final = asyncio.get_running_loop()
        self._died: Final[asyncio.Future[None]] = self._loop.create_future()
        self._stop: Final = asyncio.Event()
        self._ended = Ended.STOPPED
        self._cache_changed: Final = asyncio.Event()
        self._uncached: dict[str, Grant] = {}
        self._doorbell: Final = Doorbell()
        self._journal: Final = Journal(
            self._config.paths.journal,
            Identity(self._config.device.id, self._config.shop.account, CURRENT),
            on_change=lambda: self._from_thread(self._journal_changed),
            keep=self._config.journal,
        )
        self._faults: Final = Faults(self._record)
        self._make_state_directory()
        if loaded.source is Source.LAST_GOOD:
            words = "; ".join(format_problem(problem) for problem in loaded.problems)
            self._faults.set("settings", f"running on the last good ones: {words}")
        self._uplink: Final = make_uplink(self._config, self._journal, self._uplink_changed)
        self._pins: Final = open_pins(self._config.inputs, self._state)
        self._panel: Final = self._make_panel(self._pins)
        self._desk: Final = Desk(self._config, _new_alert_id)
        self._floor: Final = Floor(
            self._config,
            clock,
            self._desk,
            self._journal,
            Indicators(self._config.buttons, self._config.inputs, self._pins.output),
            self._faults,
            self._changed,
        )
        self._watchman: Final = Watchman(
            self._config,
            clock,
            self._journal,
            self._faults,
            self._desk,
            self._floor,
            _new_alert_id,
        )
        self._lane: Final = PageLane(
            self._config.pagers,
            tuple(
                Transmitter(
                    each.name,
                    make_driver(each),
                    supervise_s=each.supervise_s,
                    on_state=lambda: self._from_thread(self._transmitters_changed),
                    adapter=partial(adapter_at, each.port),
                )
                for each in self._config.transmitters
            ),
            self._got_receipt,
        )
        self._inputs: Final = GpioInputs(
            self._config.buttons,
            self._config.inputs,
            self._pins,
            on_edge=self._edge,
            on_fault=self._callback_failed,
        )
        self._cache: Final = GrantCache(self._state / "grants.json")
        self._access: Final = self._open_access()
        self._gestures: Final = Gestures(self._state, self._access, self._faults, self._record)
        self._floor.watch_gestures(self._gestures.released)
        changes = Changes(
            settings,
            loaded.sha256,
            self._journal,
            clock,
            on_written=lambda written: self._access.know(written.staff),
            start_anew=self._start_anew,
        )
        self._setup: Final = SetupService(
            config=self._config,
            clock=clock,
            pins=self._pins,
            floor=self._floor,
            access=self._access,
            changes=changes,
            on_change=self._changed,
        )
        service = BoxService(
            config=self._config,
            clock=clock,
            floor=self._floor,
            lane=self._lane,
            journal=self._journal,
            grants=self._make_grants(),
            access=self._access,
            settings=settings,
            faults=self._faults,
            uplink=self._uplink,
            panel=self._panel,
            watchman=self._watchman,
            more=self._setup.handlers(),
        )
        self._control: Final = ControlServer(
            Path(self._config.paths.control_socket),
            service,
            self._doorbell,
            admin_group=self._config.access.admin_group,
        )

    # --- life ------------------------------------------------------------------------------

    async def run(self) -> Ended:
        """Run until SIGTERM or SIGINT, or until it is to start anew.

        Raises:
            CannotStart: Another gateway runs, or the control socket cannot be made.
            Fatal: A part that must live has died.
        """
        for number in (signal.SIGTERM, signal.SIGINT):
            self._loop.add_signal_handler(number, self._stop.set)
        threading.excepthook = self._thread_died
        self._loop.set_exception_handler(self._callback_died)
        async with contextlib.AsyncExitStack() as parts:
            await self._control.open()
            parts.callback(self._control.close)
            parts.callback(self._pins.close)
            parts.callback(self._floor.close)
            parts.push_async_callback(self._setup.close)
            parts.push_async_callback(self._gestures.settled)
            self._lane.start()
            parts.push_async_callback(self._stop_lane)
            parts.callback(self._inputs.close)
            self._floor.open(self._lane, self._inputs.start())
            # From here on presses page; a disk that hangs at boot only delays what was before.
            parts.callback(self._journal.close)
            await asyncio.to_thread(self._journal.start)
            self._floor.restore(await self._live_alerts())
            self._record(Started(version=__version__))
            parts.callback(self._watchman.close)
            await self._watchman.open()
            await self._fill_cache()
            await self._control.begin()
            await self._run_tasks()
        return self._ended

    def _start_anew(self) -> None:
        self._ended = Ended.START_ANEW
        self._stop.set()

    async def _run_tasks(self) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [
                    group.create_task(self._control.run(), name="control"),
                    group.create_task(self._watch_inputs(), name="inputs"),
                    group.create_task(self._flush_cache(), name="cache"),
                    group.create_task(self._run_uplink(), name="uplink"),
                    group.create_task(self._look_after_journal(), name="journal"),
                    group.create_task(self._watchdog(), name="watchdog"),
                ]
                sdnotify.notify("READY=1")
                _log.info("ready")
                self._show_state()
                await self._until_stopped()
                anew = self._ended is Ended.START_ANEW
                sdnotify.notify("RELOADING=1" if anew else "STOPPING=1")
                for task in tasks:
                    task.cancel()
        except* GatewayError as group:
            raise group.exceptions[0] from group

    async def _until_stopped(self) -> None:
        """Return when asked to stop, and raise when a thread has died."""
        stop = asyncio.create_task(self._stop.wait())
        self._died.add_done_callback(lambda _: stop.cancel())
        with contextlib.suppress(asyncio.CancelledError):
            await stop
        if self._died.done():
            self._died.result()

    async def _stop_lane(self) -> None:
        await asyncio.to_thread(self._lane.stop, STOP_S)
        await asyncio.sleep(0)  # its last receipts are on the loop, and go to the journal yet

    def _thread_died(self, hook: threading.ExceptHookArgs) -> None:
        name = hook.thread.name if hook.thread is not None else "a thread"
        _log.critical("%s died", name, exc_info=hook.exc_value)
        self._from_thread(lambda: self._die(f"{name} died: {hook.exc_value}"))

    def _callback_died(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """A timer or an edge of ours raised: without it the ladder would stand still in silence."""
        loop.default_exception_handler(context)
        error = context.get("exception")
        if "handle" in context and isinstance(error, Exception) and _is_ours(error):
            self._die(f"{context['message']}: {error}")

    def _callback_failed(self, health: Health) -> None:
        self._from_thread(lambda: self._die(f"{health.button}: {health.words}"))

    def _die(self, reason: str) -> None:
        if not self._died.done():
            self._died.set_exception(Fatal(reason))

    def _from_thread(self, callback: Callable[[], None]) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody is left to tell
            self._loop.call_soon_threadsafe(callback)

    # --- parts -----------------------------------------------------------------------------

    def _make_state_directory(self) -> None:
        try:
            self._state.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            # Pages go out all the same; the journal says by itself what it cannot do.
            self._faults.set("disk", f"cannot make {self._state}: {error.strerror}")

    def _make_panel(self, pins: Pins) -> Panel | None:
        if not self._config.inputs.simulated:
            return None
        panel = Panel(self._config.buttons, pins.factory)
        panel.rest()
        return panel

    def _make_grants(self) -> GrantDesk:
        try:
            key = key_file(self._state / "grant.key")
        except OSError as error:
            # Nothing can be issued while the disk is like this: the journal refuses it.
            key = secrets.token_bytes(32)
            self._faults.set("grants", f"the code key cannot be kept: {error.strerror}")
        codes = Codes(key, self._config.device.id)
        return GrantDesk(
            self._journal,
            codes,
            self._config.offers,
            self._granted,
            staff=self._config.staff,
            timezone=self._config.shop.timezone,
        )

    def _open_access(self) -> Access:
        path = self._state / "access.json"
        try:
            return Access(path, self._config.staff, self._config.access)
        except (OSError, msgspec.DecodeError) as error:
            aside = path.with_suffix(f".damaged-{self._clock.now().wall_ns // NS_PER_S}")
            with contextlib.suppress(OSError):
                path.rename(aside)
            self._faults.set("access", f"all PINs are lost and must be set anew ({error})")
            return Access(path, self._config.staff, self._config.access)

    async def _live_alerts(self) -> list[Alert]:
        try:
            return await asyncio.wrap_future(self._journal.read(views.live_alerts))
        except JournalError as error:
            _log.error("no alert of before the restart is known: %s", error)
            return []

    async def _fill_cache(self) -> None:
        offers = self._config.offers or STARTER
        with contextlib.suppress(JournalError):  # without a journal there are no grants to mirror
            grants = await asyncio.wrap_future(
                self._journal.read(lambda db: views.list_grants(db, None, GRANTS_MOST))
            )
            self._cache.rebuild(offers, grants)
            self._cache_changed.set()

    # --- what happens ----------------------------------------------------------------------

    def _edge(self, button: str, active: bool, at_ns: int) -> None:  # noqa: FBT001 - gpio's call
        self._loop.call_soon_threadsafe(self._floor.edge, button, active, at_ns)

    def _got_receipt(self, page: Page, receipt: Receipt) -> None:
        self._from_thread(lambda: self._floor.received(page, receipt))

    def _record(self, event: AnyEvent) -> None:
        self._journal.append(event, self._clock.now())

    def _changed(self) -> None:
        self._doorbell.ring()

    def _journal_changed(self) -> None:
        state = self._journal.state
        self._faults.set("journal", None if state == "ok" else state)
        aside = self._journal.set_aside
        if aside is not None:
            self._faults.set("journal/old", f"it was damaged, and is set aside as {aside.name}")
        for part, words in room_words(self._journal.room).items():
            self._faults.set(part, words)
        if self._uplink is not None:
            self._uplink.notify()
        self._changed()

    def _uplink_changed(self) -> None:
        self._show_state()
        self._changed()

    def _transmitters_changed(self) -> None:
        back = False
        for transmitter in self._lane.transmitters:
            part = f"transmitter/{transmitter.name}"
            words = None if transmitter.is_usable else transmitter.state
            back |= words is None and self._faults.words(part) is not None
            self._faults.set(part, words)
        if back:
            self._floor.transmitter_back()
        self._show_state()
        self._changed()

    def _granted(self, grant: Grant) -> None:
        self._uncached[grant.code] = grant
        self._cache_changed.set()
        self._changed()

    def _show_state(self) -> None:
        """The worst thing first: what stops a page, then a button, then the way to the server."""
        if self._faults.has("transmitter/"):
            state = State.TRANSMITTER_FAULT
        elif self._faults.has("button/") or self._faults.has("input/"):
            state = State.BUTTON_FAULT
        elif not self._access.is_claimed:
            state = State.UNCLAIMED
        elif self._uplink is not None and self._uplink.state != "ok":
            state = State.NO_SERVER
        else:
            state = State.FINE
        self._floor.show_state(state)

    # --- tasks -----------------------------------------------------------------------------

    async def _watch_inputs(self) -> None:
        while True:
            wait_ns = self._inputs.next_check_ns - self._clock.mono_ns()
            await asyncio.sleep(max(0, wait_ns) / NS_PER_S)
            found = self._inputs.check(self._clock.mono_ns())
            self._faults.replace(
                "input/",
                {f"input/{each.kind}/{each.button or 'all'}": each.words for each in found},
            )
            self._show_state()

    async def _flush_cache(self) -> None:
        while True:
            await self._cache_changed.wait()
            self._cache_changed.clear()
            grants, self._uncached = tuple(self._uncached.values()), {}
            try:
                await asyncio.to_thread(self._mirror, grants)
                self._faults.set("grant-cache", None)
            except OSError as error:
                self._faults.set("grant-cache", f"cannot be written: {error.strerror}")
            await asyncio.sleep(CACHE_S)

    async def _look_after_journal(self) -> None:
        """Watch its room and its disk, and repair its times once the clock is right."""
        while True:
            with contextlib.suppress(JournalError):  # it says by itself what is wrong with it
                await asyncio.wrap_future(
                    self._journal.transact(lambda work: repair(work, self._clock.now()))
                )
                await asyncio.wrap_future(self._journal.tidy())
            await asyncio.sleep(LOOK_S)

    def _mirror(self, grants: tuple[Grant, ...]) -> None:
        if grants:
            self._cache.put(*grants)
        self._cache.flush()

    async def _run_uplink(self) -> None:
        if self._uplink is not None:
            await self._uplink.run()

    async def _watchdog(self) -> None:
        """Feed systemd's watchdog only while everything that a page needs is alive."""
        every_s = sdnotify.watchdog_s()
        while every_s is not None:
            pagers_alive = all(each.is_alive for each in self._lane.transmitters)
            if self._journal.is_alive and pagers_alive:
                sdnotify.notify("WATCHDOG=1")
            await asyncio.sleep(every_s / 3)


def _is_ours(error: Exception) -> bool:
    """Whether an error passed through this program's own code, and not a library's alone."""
    frames = traceback.walk_tb(error.__traceback__)
    return any(frame.f_globals.get("__name__", "").startswith("gateway.") for frame, _ in frames)
