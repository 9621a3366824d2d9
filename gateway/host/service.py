"""What the gateway does for whoever asks for something of root's: it asks the host, and tells."""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
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
from gateway.host.messages import PIECE_BYTES, HostView, Job, Uploaded
from gateway.host.releases import Releases
from gateway.host.trial import HOME
from gateway.paging.lane import PageLane
from gateway.request import Done, Request

GRACE_S: Final = 30.0


class HostService:
    """Answers what concerns the box itself.

    Args:
        config: What the gateway runs on.
        clock: The time.
        lane: Knows which transmitters work.
        gestures: Leaves the mark of a factory reset.
        on_change: Called after anything that a page shows has changed.
        tell: Keeps who did what.
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
        self._upload: Final = Path(config.paths.state) / verbs.SPOOL / verbs.UPLOAD
        self._job = Job()
        self._doing: asyncio.Task[None] | None = None
        self._closing: asyncio.TimerHandle | None = None

    def handlers(self) -> dict[type[Request[Any]], Any]:
        """What answers which request."""
        return {
            messages.GetHost: self._get,
            messages.SetBoxClock: self._set_clock,
            messages.SetBoxName: self._set_name,
            messages.SetBoxWifi: self._set_wifi,
            messages.SetAccessPoint: self._set_access_point,
            messages.PutUpdate: self._put,
            messages.ApplyUpdate: self._apply,
            messages.RestartBox: self._restart,
            messages.FactoryReset: self._factory_reset,
        }

    def setup_finished(self) -> None:
        """Close the set-up access point, once whoever finished has seen the next screen."""
        if self._host.is_there:
            loop = asyncio.get_running_loop()
            self._closing = loop.call_later(GRACE_S, self._close_access_point)

    def close(self) -> None:
        """Stop waiting for the host: what it does, it does to the end."""
        if self._doing is not None:
            self._doing.cancel()
        if self._closing is not None:
            self._closing.cancel()

    def _close_access_point(self) -> None:
        if not self._job.running:
            self._start("wifi", verbs.CloseAccessPoint())

    async def _get(self, _: messages.GetHost, __: Asker) -> HostView:
        bundles: tuple[str, ...] = ()
        if self._host.is_there:
            bundles = (await self._host.ask(verbs.ListBundles())).bundles
        trial = self._releases.trial()
        outcome = self._releases.outcome()
        return HostView(
            is_there=self._host.is_there,
            bundles=bundles,
            uploaded=self._size(),
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
        await self._begin("wifi", verbs.SetWifi(request.ssid, request.password))
        await self._tell(asker, Deed.WIFI_SET, request.ssid)
        return Done()

    async def _set_access_point(self, request: messages.SetAccessPoint, asker: Asker) -> Done:
        verb, deed = (
            (verbs.OpenAccessPoint(), Deed.ACCESS_POINT_OPENED)
            if request.is_open
            else (verbs.CloseAccessPoint(), Deed.ACCESS_POINT_CLOSED)
        )
        await self._begin("wifi", verb)
        await self._tell(asker, deed)
        return Done()

    # --- updates ---------------------------------------------------------------------------

    async def _put(self, request: messages.PutUpdate, _: Asker) -> Uploaded:
        self._host.need()
        if len(request.data) > PIECE_BYTES:
            raise Refused("bad_request", f"a piece has {PIECE_BYTES} bytes at most")
        if request.offset + len(request.data) > BUNDLE_BYTES:
            raise Refused("too_big", "this is bigger than any update of this box")
        if request.offset not in (0, self._size()):
            raise Refused("bad_request", "this is not where the upload ended: begin again")
        if self._job.running:
            raise Refused("busy", "an update is under way: wait for its end")
        try:
            await asyncio.to_thread(_write, self._upload, request.offset, request.data)
        except OSError as error:
            raise Refused("not_kept", f"the upload cannot be kept: {error.strerror}") from error
        return Uploaded(size=self._size())

    async def _apply(self, request: messages.ApplyUpdate, asker: Asker) -> Done:
        pagers = self._config.pagers
        verb = verbs.ApplyUpdate(
            stick=request.stick,
            allow_older=request.allow_older,
            working=tuple(each.name for each in self._lane.transmitters if each.is_usable),
            pager=pagers[0].name if pagers else "",
        )
        await self._begin("update", verb)
        await self._tell(asker, Deed.UPDATE_BEGUN, request.stick or None)
        return Done()

    def _size(self) -> int:
        return self._upload.stat().st_size if self._upload.exists() else 0

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

    async def _begin(self, name: str, verb: verbs.AnyVerb) -> None:
        """Begin something slow: whoever asks need not wait, and may be cut off by it."""
        self._host.need()
        if self._job.running:
            raise Refused("busy", "something else is under way: wait for its end")
        self._start(name, verb)

    def _start(self, name: str, verb: verbs.AnyVerb) -> None:
        self._job = Job(name=name, running=True)
        self._doing = asyncio.create_task(self._do(name, verb), name=f"host {name}")

    async def _do(self, name: str, verb: verbs.AnyVerb) -> None:
        try:
            await self._host.ask(verb, SLOW_S)
        except Refused as refusal:
            self._job = Job(name=name, code=refusal.code, words=str(refusal))
        else:
            self._job = Job(name=name)
        self._on_change()


def _write(place: Path, offset: int, data: bytes) -> None:
    place.parent.mkdir(mode=0o700, exist_ok=True)
    handle = os.open(place, os.O_WRONLY | os.O_CREAT | (os.O_TRUNC if offset == 0 else 0), 0o600)
    with os.fdopen(handle, "wb") as file:
        file.seek(offset)
        file.write(data)
