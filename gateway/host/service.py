"""What the gateway does for whoever asks for something of root's: it asks the host, and tells."""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any, Final

from gateway.clock import Clock
from gateway.config import Config
from gateway.control import Asker
from gateway.errors import Refused
from gateway.events import Deed
from gateway.gestures import Gestures
from gateway.guard.told import Tell
from gateway.host import messages, verbs
from gateway.host.bundle import BUNDLE_BYTES
from gateway.host.client import SLOW_S, HostClient
from gateway.host.messages import HostView, Job
from gateway.host.releases import Releases
from gateway.host.trial import HOME
from gateway.paging.lane import PageLane
from gateway.request import Done, Request
from gateway.transfer.files import Transfer
from gateway.transfer.service import on_disk


class HostService:
    """Answers what concerns the box itself.

    Args:
        config: What the gateway runs on.
        clock: The time.
        lane: Knows which transmitters work.
        gestures: Leaves the mark of a factory reset.
        on_change: Called after anything that a page shows has changed.
        tell: Keeps who did what.
        files: Those on their way, of which one may be an update.
        client: The way to the host.
        releases: The trees of the application, to read from.
    """

    def __init__(
        self,
        *,
        config: Config,
        clock: Clock,
        lane: PageLane,
        gestures: Gestures,
        on_change: Callable[[], None],
        tell: Tell,
        files: Transfer,
        client: HostClient | None = None,
        releases: Releases | None = None,
    ) -> None:
        self._config: Final = config
        self._clock: Final = clock
        self._lane: Final = lane
        self._gestures: Final = gestures
        self._on_change: Final = on_change
        self._tell: Final = tell
        self._host: Final = client or HostClient()
        self._releases: Final = releases or Releases(HOME)
        self._files: Final = files
        self._job = Job()
        self._doing: asyncio.Task[None] | None = None

    def handlers(self) -> dict[type[Request[Any]], Any]:
        """What answers which request."""
        return {
            messages.GetHost: self._get,
            messages.SetBoxClock: self._set_clock,
            messages.SetBoxName: self._set_name,
            messages.SetBoxWifi: self._set_wifi,
            messages.SetAccessPoint: self._set_access_point,
            messages.ApplyUpdate: self._apply,
            messages.RestartBox: self._restart,
            messages.FactoryReset: self._factory_reset,
        }

    def close(self) -> None:
        """Stop waiting for the host: what it does, it does to the end."""
        if self._doing is not None:
            self._doing.cancel()

    async def _get(self, _: messages.GetHost, __: Asker) -> HostView:
        sticks: tuple[verbs.Stick, ...] = ()
        if self._host.is_there:
            sticks = (await self._host.ask(verbs.ListSticks())).sticks
        trial = await on_disk(self._releases.trial)
        outcome = await on_disk(self._releases.outcome)
        return HostView(
            is_there=self._host.is_there,
            sticks=sticks,
            job=self._job,
            on_trial="" if trial is None else trial.release,
            latest="" if outcome is None else outcome.release,
            kept=outcome is not None and outcome.kept,
            why="" if outcome is None else outcome.words,
        )

    # --- clock and network -----------------------------------------------------------------

    async def _set_clock(self, request: messages.SetBoxClock, asker: Asker) -> Done:
        if self._clock.now().synced:
            raise Refused("clock_synced", "the time comes from the network and is right")
        await self._host.ask(verbs.SetClock(request.unix_s))
        await self._tell(asker, Deed.CLOCK_SET)
        return Done()

    async def _set_name(self, request: messages.SetBoxName, asker: Asker) -> Done:
        await self._host.ask(verbs.SetHostname(request.name))
        await self._tell(asker, Deed.BOX_NAMED, request.name)
        return Done()

    async def _set_wifi(self, request: messages.SetBoxWifi, asker: Asker) -> Done:
        self._need_idle()
        self._start("wifi", verbs.SetWifi(request.ssid, request.password))
        await self._tell(asker, Deed.WIFI_SET, request.ssid)
        return Done()

    async def _set_access_point(self, request: messages.SetAccessPoint, asker: Asker) -> Done:
        verb, deed = (
            (verbs.OpenAccessPoint(), Deed.ACCESS_POINT_OPENED)
            if request.is_open
            else (verbs.CloseAccessPoint(), Deed.ACCESS_POINT_CLOSED)
        )
        self._need_idle()
        self._start("wifi", verb)
        await self._tell(asker, deed)
        return Done()

    # --- updates ---------------------------------------------------------------------------

    def check_upload(self, size: int) -> int:
        """Pass an update of so many bytes; how much of the disk it takes with the host's copy.

        Raises:
            Refused: `no_host`, `busy`, `no_bundle` or `too_big`.
        """
        self._need_idle()
        if size <= 0:
            raise Refused("no_bundle", "the file is empty")
        if size > BUNDLE_BYTES:
            raise Refused("too_big", "this is bigger than any update of this box")
        return 2 * size

    async def _apply(self, request: messages.ApplyUpdate, asker: Asker) -> Done:
        self._need_idle()
        if not request.stick:
            self._leave_to_host(request.file)
        pagers = self._config.pagers
        verb = verbs.ApplyUpdate(
            stick=request.stick,
            allow_older=request.allow_older,
            working=tuple(each.name for each in self._lane.transmitters if each.is_usable),
            pager=pagers[0].name if pagers else "",
        )
        self._start("update", verb)
        await self._tell(asker, Deed.UPDATE_BEGUN, request.stick or None)
        return Done()

    def _leave_to_host(self, file: str) -> None:
        try:
            is_whole = self._files.hand_over(file, verbs.UPLOAD)
        except OSError as error:
            raise Refused("not_kept", f"the update cannot be kept: {error.strerror}") from error
        if not is_whole:
            raise Refused("no_bundle", "the file is cut short")

    # --- the box ---------------------------------------------------------------------------

    async def _restart(self, _: messages.RestartBox, asker: Asker) -> Done:
        self._host.need()
        await self._tell(asker, Deed.BOX_RESTARTED)  # afterwards there may be no time for it
        await self._host.ask(verbs.RestartBox())
        return Done()

    async def _factory_reset(self, request: messages.FactoryReset, asker: Asker) -> Done:
        self._host.need()
        if request.device != self._config.device.id:
            raise Refused("other_device", f"the id of this box is {self._config.device.id}")
        await self._tell(asker, Deed.RESET_REQUESTED)
        await self._gestures.request_reset("")
        return Done()

    # --- how -------------------------------------------------------------------------------

    def _need_idle(self) -> None:
        self._host.need()
        if self._job.running:
            raise Refused("busy", "something else is under way: wait for its end")

    def _start(self, name: str, verb: verbs.AnyVerb) -> None:
        """Begin something slow: whoever asks need not wait, and may be cut off by it."""
        self._job = Job(name=name, running=True)
        self._doing = asyncio.create_task(self._do(name, verb), name=f"host {name}")

    async def _do(self, name: str, verb: verbs.AnyVerb) -> None:
        try:
            await self._host.ask(verb, SLOW_S)
            done = Job(name=name)
        except Refused as refusal:
            done = Job(name=name, code=refusal.code, words=str(refusal))
        with contextlib.suppress(OSError):  # then it goes at the next start
            # Now, and not when this is stopped: then the host may have yet to read it.
            await asyncio.to_thread(self._files.forget, verbs.UPLOAD)
        self._job = done
        self._on_change()
