"""What owners ask for on the control socket: of a real daemon, and of a service with a host."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from gateway.clock import Stamp
from gateway.config import Config, Device, Pager, Paths, Shop
from gateway.control import Asker
from gateway.errors import Refused
from gateway.events import Deed
from gateway.host import messages, verbs
from gateway.host.bundle import BUNDLE_BYTES
from gateway.host.client import HostClient
from gateway.host.messages import HostView
from gateway.host.releases import Outcome, Releases
from gateway.host.service import HostService
from gateway.host.verbs import AnyVerb, Reply
from gateway.model import Role
from gateway.request import Request
from gateway.simulator.shop import SimulatedShop
from gateway.transfer.files import Transfer
from gateway.transfer.messages import BeginUpload, Purpose

OWNER = Asker("Ann", Role.OWNER, "page")


class TestWithoutHost:
    """The demo, and an installation beside other things that a machine does."""

    @pytest.fixture
    async def shop(self, tmp_path: Path) -> AsyncIterator[SimulatedShop]:
        async with SimulatedShop(tmp_path) as opened:
            yield opened

    async def test_each_says_so_and_what_to_do(self, shop: SimulatedShop) -> None:
        view = await shop.ask(messages.GetHost())
        assert (view.is_there, view.job.running, view.on_trial) == (False, False, "")
        requests: list[Request[Any]] = [
            messages.SetBoxName(name="x"),
            messages.SetBoxWifi(ssid="x"),
            messages.SetAccessPoint(is_open=True),
            BeginUpload(bytes=1, purpose=Purpose.UPDATE),
            messages.ApplyUpdate(),
            messages.RestartBox(),
            messages.FactoryReset(device=shop.config.device.id),
        ]
        for request in requests:
            with pytest.raises(Refused, match="its administrator can") as caught:
                await shop.ask(request)
            assert caught.value.code == "no_host"
        assert not (Path(shop.config.paths.state) / "factory-reset-requested").exists()

    def test_all_of_it_is_the_owners(self) -> None:
        assert {kind.needs for kind in msgspec_union()} == {Role.OWNER}


def msgspec_union() -> tuple[type[Request[Any]], ...]:
    kinds: tuple[type[Request[Any]], ...] = messages.AnyHostRequest.__args__
    return kinds


class FakeHost:
    """A socket that keeps the verbs, and answers as it is told."""

    def __init__(self) -> None:
        self.verbs: list[AnyVerb] = []
        self.reply = Reply()
        self.let_go = asyncio.Event()
        self.let_go.set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.verbs.append(msgspec.json.decode(await reader.readline(), type=AnyVerb))
        await self.let_go.wait()
        writer.write(msgspec.json.encode(self.reply) + b"\n")
        await writer.drain()
        writer.close()


class _Transmitter:
    def __init__(self, name: str, *, is_usable: bool) -> None:
        self.name, self.is_usable = name, is_usable


class _Lane:
    transmitters = (_Transmitter("main", is_usable=True), _Transmitter("old", is_usable=False))


class _Gestures:
    def __init__(self) -> None:
        self.asked: list[str] = []

    async def request_reset(self, button: str) -> None:
        self.asked.append(button)


class _Clock:
    synced = False

    def now(self) -> Stamp:
        return Stamp("boot", 0, 0, synced=self.synced)


class Box:
    def __init__(self, tmp_path: Path, host: FakeHost) -> None:
        self.host = host
        self.gestures = _Gestures()
        self.clock = _Clock()
        self.changed = asyncio.Event()
        self.told: list[tuple[Asker, Deed, str | None]] = []
        self.home = tmp_path / "home"
        self.home.mkdir()
        self.files = Transfer(tmp_path)
        config = Config(
            device=Device(id="box-1"),
            shop=Shop(name="s", account="a"),
            pagers=(Pager(name="watch-1", transmitter="main", address="1001"),),
            paths=Paths(state=str(tmp_path)),
        )
        self.service = HostService(
            config=config,
            clock=self.clock,  # type: ignore[arg-type]
            lane=_Lane(),  # type: ignore[arg-type]
            gestures=self.gestures,  # type: ignore[arg-type]
            on_change=self.changed.set,
            tell=self.tell,
            files=self.files,
            client=HostClient(tmp_path / "host.sock"),
            releases=Releases(self.home),
        )

    async def tell(self, asker: Asker, deed: Deed, about: str | None = None, /) -> None:
        self.told.append((asker, deed, about))

    async def ask(self, request: Request[Any]) -> Any:
        return await self.service.handlers()[type(request)](request, OWNER)

    def upload(self, data: bytes, size: int | None = None) -> str:
        """A file that has come in, of which `size` bytes were announced."""
        name = self.files.announce(len(data) if size is None else size, 0)
        self.files.add(name, 0, data)
        return name

    async def view(self) -> HostView:
        view: HostView = await self.ask(messages.GetHost())
        return view

    async def refused(self, request: Request[Any]) -> str:
        with pytest.raises(Refused) as caught:
            await self.ask(request)
        return caught.value.code

    async def settled(self) -> None:
        async with asyncio.timeout(20):
            await self.changed.wait()
        self.changed.clear()


@pytest.fixture
async def box(tmp_path: Path) -> AsyncIterator[Box]:
    host = FakeHost()
    server = await asyncio.start_unix_server(host.serve, tmp_path / "host.sock")
    made = Box(tmp_path, host)
    yield made
    made.service.close()
    server.close()


async def test_an_upload_is_the_hosts_until_it_has_answered(box: Box) -> None:
    box.host.let_go.clear()
    await box.ask(messages.ApplyUpdate(file=box.upload(b"abcde"), allow_older=True))
    place = box.files.directory / verbs.UPLOAD
    assert place.read_bytes() == b"abcde"
    box.host.let_go.set()
    await box.settled()
    wanted = verbs.ApplyUpdate(allow_older=True, working=("main",), pager="watch-1")
    assert box.host.verbs == [wanted]
    assert (await box.view()).job == messages.Job(name="update")
    assert list(box.files.directory.iterdir()) == []


@pytest.mark.parametrize(("size", "code"), [(0, "no_bundle"), (BUNDLE_BYTES + 1, "too_big")])
async def test_a_size_that_no_update_has(box: Box, size: int, code: str) -> None:
    with pytest.raises(Refused) as caught:
        box.service.check_upload(size)
    assert caught.value.code == code
    assert box.service.check_upload(BUNDLE_BYTES) == 2 * BUNDLE_BYTES


async def test_an_upload_that_is_not_whole_is_not_applied(box: Box) -> None:
    name = box.upload(b"abc", size=4)
    assert await box.refused(messages.ApplyUpdate(file=name)) == "no_bundle"
    box.files.add(name, 3, b"d")
    await box.ask(messages.ApplyUpdate(file=name))
    await box.settled()
    assert await box.refused(messages.ApplyUpdate(file=name)) == "unknown_file"
    assert len(box.host.verbs) == 1


async def test_why_an_update_was_refused_is_told_afterwards(box: Box) -> None:
    box.host.reply = Reply(code="older", words="0.0.9 is older")
    await box.ask(messages.ApplyUpdate(stick="sda1/x.achivx"))
    await box.settled()
    box.host.reply = Reply()
    wanted = messages.Job(name="update", code="older", words="0.0.9 is older")
    assert (await box.view()).job == wanted


async def test_one_slow_thing_at_a_time(box: Box) -> None:
    box.host.let_go.clear()
    await box.ask(messages.SetBoxWifi(ssid="Shop", password="coffee and cake"))
    assert await box.refused(messages.ApplyUpdate()) == "busy"
    with pytest.raises(Refused, match="under way"):
        box.service.check_upload(1)
    box.host.let_go.set()
    await box.settled()
    assert box.host.verbs == [verbs.SetWifi("Shop", "coffee and cake")]


async def test_what_came_of_the_latest_update_is_shown(box: Box) -> None:
    outcome = Outcome(release="0.2.0-bbbbbbbbbbbb", kept=False, words="it does not page")
    (box.home / "update.json").write_bytes(msgspec.json.encode(outcome))
    view = await box.view()
    assert (view.latest, view.kept, view.why) == (outcome.release, False, "it does not page")


async def test_a_card_that_cannot_be_read_is_told(box: Box) -> None:
    (box.home / "trial.json").mkdir()
    assert await box.refused(messages.GetHost()) == "not_kept"


async def test_the_clock_is_set_only_where_no_network_does(box: Box) -> None:
    await box.ask(messages.SetBoxClock(unix_s=1.8e9))
    box.clock.synced = True
    assert await box.refused(messages.SetBoxClock(unix_s=1.8e9)) == "clock_synced"
    assert box.host.verbs == [verbs.SetClock(1.8e9)]


async def test_a_factory_reset_needs_the_boxs_id(box: Box) -> None:
    assert await box.refused(messages.FactoryReset(device="box-2")) == "other_device"
    assert box.gestures.asked == []
    await box.ask(messages.FactoryReset(device="box-1"))
    assert box.gestures.asked == [""]


@pytest.mark.parametrize(
    ("request_", "verb"),
    [
        (messages.SetBoxName(name="pager-1"), verbs.SetHostname("pager-1")),
        (messages.RestartBox(), verbs.RestartBox()),
    ],
)
async def test_quick_things(box: Box, request_: Request[Any], verb: AnyVerb) -> None:
    await box.ask(request_)
    assert box.host.verbs == [verb]
