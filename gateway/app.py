"""The composition root: the only place that knows every adapter; the daemon from start to stop."""

import asyncio
import contextlib
import logging
from pathlib import Path
from typing import Final

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
from gateway.floor import Floor
from gateway.gestures import Gestures
from gateway.grants import crockford
from gateway.inputs.gpio import GpioInputs
from gateway.inputs.health import Health
from gateway.inputs.indicators import Indicators, state_of
from gateway.inputs.line import Left
from gateway.inputs.pins import Pins
from gateway.journal import views
from gateway.journal.repair import repair
from gateway.journal.store import Identity, Journal
from gateway.life import Ended, Life
from gateway.model import Page, Receipt
from gateway.overview import room_words
from gateway.paging.choice import make_lane
from gateway.rooms import Rooms
from gateway.service import BoxService
from gateway.shiftkeeper import ShiftKeeper
from gateway.simulator.panel import Panel
from gateway.sync.choice import make_uplink
from gateway.sync.mapping import CURRENT
from gateway.watchdog import Watchdog
from gateway.watchman import Watchman

STOP_S: Final = 1.0
"""How long a transmitter may take to finish its page when the daemon stops."""
LOOK_S: Final = 60.0
"""How often the journal's room and the clock are looked at; nothing is written for it."""

_log: Final = logging.getLogger(__name__)


def _new_alert_id() -> str:
    return crockford.random(8)


class Gateway:
    """One box's daemon, made on the event loop that will run it.

    Args:
        loaded: The settings in force.
        settings: Their only writer.
        clock: The time.
        pins: The chip; it is given back at the end, but not where the gateway cannot start.
        before: What the gateway before in this process has left, if there was one.

    Attributes:
        left: The same for the next, once this one has ended.

    Raises:
        CannotStart: A pin cannot be claimed.
    """

    def __init__(
        self,
        loaded: Loaded,
        settings: Settings,
        clock: Clock,
        pins: Pins,
        before: Left | None = None,
    ) -> None:
        self._config: Final = loaded.config
        self._clock: Final = clock
        self._state: Final = Path(loaded.config.paths.state)
        self._loop: Final = asyncio.get_running_loop()
        self._life: Final = Life()
        self._from_thread: Final = self._life.from_thread
        self._is_ready = False
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
        self._pins: Final = pins
        self._before: Final = before
        self.left: Left | None = None
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
        self._lane: Final = make_lane(
            self._config,
            lambda: self._from_thread(self._transmitters_changed),
            self._got_receipt,
        )
        if self._uplink is not None:
            self._uplink.is_busy = self._is_calling
        self._inputs: Final = GpioInputs(
            self._config.buttons,
            self._config.inputs,
            self._pins,
            on_edge=self._edge,
            on_fault=self._callback_failed,
        )
        self._panel: Final = self._make_panel(self._pins)  # a claimed pin goes to its pull
        self._watchdog: Final = Watchdog(
            self._journal, self._lane.transmitters, self._inputs, self._faults
        )
        self._shift_keeper: Final = ShiftKeeper(self._config, clock, self._journal)
        self._access: Final = self._open_access()
        self._gestures: Final = Gestures(self._state, self._access, self._faults, self._record)
        self._floor.watch_gestures(self._gestures.released)
        self._rooms: Final = Rooms(
            loaded=loaded,
            settings=settings,
            clock=clock,
            journal=self._journal,
            faults=self._faults,
            floor=self._floor,
            lane=self._lane,
            pins=self._pins,
            access=self._access,
            gestures=self._gestures,
            uplink=self._uplink,
            on_change=self._changed,
            start_anew=self._life.start_anew,
        )
        service = BoxService(
            config=self._config,
            clock=clock,
            floor=self._floor,
            lane=self._lane,
            journal=self._journal,
            grants=self._rooms.grants,
            access=self._access,
            settings=settings,
            faults=self._faults,
            uplink=self._uplink,
            panel=self._panel,
            watchman=self._watchman,
            is_set_up=lambda: self._rooms.setup.is_finished,
            more=self._rooms.handlers(),
        )
        self._rooms.backups.know_status(service.status)
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
            CannotStart: Another gateway runs, the control socket cannot be made, or a pin cannot
                be read.
            Fatal: A part that must live has died.
        """
        self._life.watch()
        async with contextlib.AsyncExitStack() as parts:
            await self._control.open()
            parts.callback(self._control.close)
            parts.callback(self._pins.close)
            parts.callback(self._journal.close)  # it takes what all that ends before it has to say
            parts.callback(self._close_floor)
            parts.push_async_callback(self._rooms.setup.close)
            parts.callback(self._rooms.host.close)
            parts.push_async_callback(self._gestures.settled)
            parts.push_async_callback(self._close_inputs)
            self._lane.start()
            parts.push_async_callback(self._stop_lane)
            self._floor.open(self._lane, self._inputs.start(), self._before)
            self._show_state()
            # From here on presses page; a disk that hangs at boot only delays what was before.
            parts.callback(self._rooms.customers.close)
            await self._start_journal()
            self._floor.restore(await self._live_alerts())
            self._record(Started(version=__version__))
            parts.callback(self._watchman.close)
            await self._watchman.open()
            await self._rooms.mirror.fill()
            parts.callback(self._rooms.mirror.close)
            await self._control.begin()
            await self._run_tasks()
        return self._life.ended

    async def _run_tasks(self) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [
                    group.create_task(self._control.run(), name="control"),
                    group.create_task(self._watch_inputs(), name="inputs"),
                    group.create_task(self._rooms.mirror.run(), name="cache"),
                    group.create_task(self._run_uplink(), name="uplink"),
                    group.create_task(self._rooms.lookup.run(), name="lookup"),
                    group.create_task(self._look_after_journal(), name="journal"),
                    group.create_task(self._rooms.customers.run(), name="customers"),
                    group.create_task(self._watchdog.run(), name="watchdog"),
                ]
                sdnotify.notify("READY=1")
                _log.info("ready")
                self._is_ready = True
                self._show_state()
                await self._life.until_over()
                anew = self._life.ended is Ended.START_ANEW
                sdnotify.notify("RELOADING=1" if anew else "STOPPING=1")
                for task in tasks:
                    task.cancel()
        except* GatewayError as group:
            raise group.exceptions[0] from group

    async def _start_journal(self) -> None:
        more_time = asyncio.create_task(self._watchdog.starting())
        try:
            await asyncio.to_thread(self._journal.start)
        finally:
            more_time.cancel()

    async def _stop_lane(self) -> None:
        await asyncio.to_thread(self._lane.stop, STOP_S)
        await asyncio.sleep(0)  # its last receipts are on the loop, and go to the journal yet

    async def _close_inputs(self) -> None:
        """The last to go, nearly: what is pressed while a page is finished is heard, and kept."""
        self._inputs.close()
        await asyncio.sleep(0)  # the last edges are on the loop

    def _close_floor(self) -> None:
        self.left = self._floor.close()

    def _callback_failed(self, health: Health) -> None:
        self._life.die(f"{health.button}: {health.words}")

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
        was_ill = self._faults.words("journal") is not None
        self._faults.set("journal", None if state == "ok" else state)
        if was_ill and state == "ok":
            self._faults.set("disk", None)
            self._access.reunite()
            self._rooms.disk_works()
        aside = self._journal.set_aside
        if aside is not None:
            self._faults.set("journal/old", f"it was damaged, and is set aside as {aside.name}")
        for part, words in room_words(self._journal.room).items():
            self._faults.set(part, words)
        if self._uplink is not None:
            self._uplink.notify()
        self._changed()

    def _uplink_changed(self) -> None:
        self._rooms.lookup.link_is(up=self._uplink is not None and self._uplink.state == "ok")
        if self._uplink is not None and (aside := self._uplink.latest_aside) is not None:
            words = f"an event will never be on the server, and the line goes on: {aside}"
            self._faults.set("uplink/aside", words)
        self._show_state()
        self._changed()

    def _is_calling(self) -> bool:
        """Whether an alert is open or a page waits: then a backlog must not be in their way."""
        return bool(self._desk.alerts()) or any(each.queued for each in self._lane.transmitters)

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

    def _show_state(self) -> None:
        state = state_of(
            is_ready=self._is_ready,
            ill=self._faults.has,
            is_claimed=self._access.is_claimed,
            is_server_reached=self._uplink is None or self._uplink.state == "ok",
        )
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

    async def _look_after_journal(self) -> None:
        """Watch its room and its disk, repair its times, and look at the shifts that are over."""
        while True:
            with contextlib.suppress(JournalError):  # it says by itself what is wrong with it
                await asyncio.wrap_future(
                    self._journal.transact(lambda work: repair(work, self._clock.now()))
                )
                await asyncio.wrap_future(self._journal.tidy())
                await self._shift_keeper.look()
            await asyncio.sleep(LOOK_S)

    async def _run_uplink(self) -> None:
        if self._uplink is not None:
            await self._uplink.run()
