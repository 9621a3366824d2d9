"""The set-up access point from the control socket down to nmcli: gateway and helper are real."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from gateway.errors import Refused
from gateway.guard.messages import AuditEntry, GetAudit
from gateway.host.keyfiles import ACCESS_POINT
from gateway.host.messages import GetHost, Job, SetAccessPoint
from gateway.host.work import Places
from gateway.simulator.shop import SimulatedShop
from tests.host.conftest import Activated
from tests.webui.fake_host import gateway_with_host

NMCLI = """#!/bin/sh
# Notes what it is asked, waits where there is a gate, and fails at what it is told to fail at.
echo "$*" >>{place}/said
case "$*" in *" up "*) [ ! -e {place}/gate ] || read -r _ <{place}/gate ;; esac
case "$*" in *"$(cat {place}/fails)"*) echo "Error: no such luck."; exit 4 ;; esac
"""


class Radio:
    """NetworkManager's command, as the helper finds it."""

    def __init__(self, place: Path) -> None:
        place.mkdir()
        (place / "nmcli").write_text(NMCLI.format(place=place))
        (place / "nmcli").chmod(0o755)
        (place / "said").touch()
        self.gate = place / "gate"
        self.place = place
        self.fail("nothing of this kind")

    def fail(self, words: str) -> None:
        (self.place / "fails").write_text(words)

    def said(self) -> list[str]:
        return (self.place / "said").read_text().splitlines()


@pytest.fixture
def radio(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Radio:
    made = Radio(tmp_path / "radio")
    monkeypatch.setenv("PATH", f"{made.place}:{os.environ['PATH']}")
    return made


@pytest.fixture
async def shop(radio: Radio, helper: Activated, tmp_path: Path) -> AsyncIterator[SimulatedShop]:
    """A shop whose gateway asks root's helper, which asks the radio."""
    assert radio.said() == []
    place = tmp_path / "shop"
    place.mkdir()
    async with SimulatedShop(place, under=gateway_with_host(helper.path)) as opened:
        yield opened


@pytest.fixture
def places(root: Path) -> Places:
    found = Places(root)
    found.profiles.mkdir(parents=True)
    found.access_point_secret.parent.mkdir(parents=True)
    return found


async def token_of(shop: SimulatedShop, name: str) -> str:
    return (await shop.sign_in(name)).token


async def settled(shop: SimulatedShop) -> Job:
    """What came of it, once the helper has answered."""
    async with asyncio.timeout(30):
        while (job := (await shop.ask(GetHost())).job).running:
            pass
    return job


async def deeds(shop: SimulatedShop) -> list[tuple[str, str]]:
    audit: tuple[AuditEntry, ...] = await shop.ask(GetAudit())
    return [(each.deed, each.by) for each in audit if each.deed.startswith("access_point")]


def answer_to(shop: SimulatedShop, line: bytes) -> str:
    """The code that the gateway refuses a line with, said as no client of ours says it."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(20)
        connection.connect(str(shop.control_socket))
        connection.sendall(line + b"\n")
        with connection.makefile("rb") as answer:
            code: str = msgspec.json.decode(answer.readline())["error"]["code"]
    return code


async def test_an_owner_opens_and_closes_it(
    shop: SimulatedShop, radio: Radio, places: Places
) -> None:
    owner = await token_of(shop, "owner")
    await shop.ask(SetAccessPoint(is_open=True), owner)
    assert await settled(shop) == Job(name="wifi")
    profile = places.profiles / f"{ACCESS_POINT}.nmconnection"
    assert radio.said() == [
        "--terse --fields RUNNING general",
        f"connection load {profile}",
        f"--wait=45 connection up id {ACCESS_POINT}",
    ]
    assert profile.stat().st_mode & 0o777 == 0o600
    password = places.access_point_secret.read_text().strip()
    assert f"psk={password}\n" in profile.read_text()

    await shop.ask(SetAccessPoint(is_open=False), owner)
    assert await settled(shop) == Job(name="wifi")
    assert radio.said()[-1] == f"connection down id {ACCESS_POINT}"
    assert await deeds(shop) == [("access_point_closed", "owner"), ("access_point_opened", "owner")]
    assert password not in repr(await shop.ask(GetAudit()))


@pytest.mark.parametrize("name", ["barista", "manager"])
async def test_nobody_below_an_owner_may(shop: SimulatedShop, radio: Radio, name: str) -> None:
    for is_open in (True, False):
        with pytest.raises(Refused) as caught:
            await shop.ask(SetAccessPoint(is_open=is_open), await token_of(shop, name))
        assert caught.value.code == "forbidden"
    assert radio.said() == []
    assert await deeds(shop) == []


@pytest.mark.parametrize("value", ["", ',"is_open":null', ',"is_open":"yes"', ',"is_open":1'])
async def test_only_open_or_closed_can_be_asked_for(
    shop: SimulatedShop, radio: Radio, value: str
) -> None:
    line = f'{{"id":1,"request":{{"op":"set_access_point"{value}}}}}'
    assert await asyncio.to_thread(answer_to, shop, line.encode()) == "bad_request"
    assert radio.said() == []
    assert await deeds(shop) == []


@pytest.mark.parametrize(
    ("fails", "code", "words"),
    [
        ("general", "no_network_manager", "NetworkManager does not run here"),
        (" up ", "no_access_point", "Error: no such luck."),
    ],
)
async def test_why_it_could_not_be_opened_is_told_afterwards(
    shop: SimulatedShop, radio: Radio, places: Places, fails: str, code: str, words: str
) -> None:
    assert places.profiles.is_dir()
    radio.fail(fails)
    await shop.ask(SetAccessPoint(is_open=True))
    job = await settled(shop)
    assert (job.name, job.code) == ("wifi", code)
    assert words in job.words
    radio.fail("nothing of this kind")
    await shop.ask(SetAccessPoint(is_open=True))
    assert await settled(shop) == Job(name="wifi")


async def test_one_at_a_time(shop: SimulatedShop, radio: Radio, places: Places) -> None:
    assert places.profiles.is_dir()
    os.mkfifo(radio.gate)
    gate = os.open(radio.gate, os.O_RDWR)
    try:
        await shop.ask(SetAccessPoint(is_open=True))
        with pytest.raises(Refused) as caught:
            await shop.ask(SetAccessPoint(is_open=False))
        assert caught.value.code == "busy"
        os.write(gate, b"\n")
        assert await settled(shop) == Job(name="wifi")
    finally:
        os.close(gate)
    assert not [line for line in radio.said() if " down " in line]
