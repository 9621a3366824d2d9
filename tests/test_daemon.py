"""The daemon as a process: killed, starved of its disk, stopped, with the page gone."""

import asyncio
import contextlib
import itertools
import shutil
import signal
import socket
import sqlite3
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from gateway.client import Client, Unreachable
from gateway.errors import Refused
from gateway.events import Paged
from gateway.journal import reading, schema
from gateway.messages import (
    Acknowledge,
    GetAlerts,
    GetGrants,
    GetStatus,
    IssueGrant,
    Redeem,
    SendPage,
    SimulatePress,
)
from gateway.model import AlertState, ReceiptState
from gateway.simulator import demo, once
from gateway.simulator.children import Child
from gateway.simulator.shop import SimulatedShop

RED = "exit-very-unhappy"
STOP_S = 10.0
"""`TimeoutStopSec=` of the unit: then systemd kills it."""


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[SimulatedShop]:
    async with SimulatedShop(tmp_path) as opened:
        yield opened


async def until(shop: SimulatedShop, look: Callable[[], bool]) -> None:
    """Look again at each ring of the gateway's doorbell, at most some seconds."""

    def wait() -> None:
        with Client(shop.control_socket, timeout_s=10.0) as client:
            rings = itertools.islice(client.changes(), 50)
            assert any(look() for _ in rings)

    await asyncio.to_thread(wait)


async def kill(shop: SimulatedShop) -> None:
    assert shop.gateway is not None
    shop.gateway.process.send_signal(signal.SIGKILL)
    await shop.gateway.process.wait()


def receipts(shop: SimulatedShop) -> list[Paged]:
    connection = schema.open_reader(shop.config.paths.journal)
    with contextlib.closing(connection):
        records = reading.all_records(connection)
        return [record.event for record in records if isinstance(record.event, Paged)]


async def page_and_receipt(shop: SimulatedShop) -> str:
    """Press red, and wait until its page's receipt is on disk; returns the alert's id."""
    await shop.ask(SimulatePress(button=RED))
    assert await asyncio.to_thread(shop.terminal.wait_for_page, 5.0) is not None
    await until(shop, lambda: len(receipts(shop)) == 1)
    (view,) = await shop.ask(GetAlerts())
    return view.alert.id


async def test_once_every_hop_happens(shop: SimulatedShop) -> None:
    report = await once.play(shop)
    assert report.page.text.startswith("exit: Very unhappy")
    assert report.page.receipt == ReceiptState.ACCEPTED
    kinds = [(entry.account, entry.action) for entry in report.sync.actions]
    assert (once.CUSTOMER, "RecoveryTokens") in kinds
    assert ("staff-barista", "AlertAnswered") in kinds
    assert kinds.count(("shop-demo-cafe", "PressVeryUnhappy")) == 1


async def test_killed_after_the_receipt_it_goes_on_and_pages_nobody_twice(
    shop: SimulatedShop,
) -> None:
    alert = await page_and_receipt(shop)
    await kill(shop)
    await shop.start_gateway()
    (view,) = await shop.ask(GetAlerts())
    assert view.alert.id == alert
    assert view.alert.state is AlertState.OPEN
    # Whatever the restart wanted to page is in the queue before this test page.
    assert await asyncio.to_thread(_test_page, shop) == ReceiptState.ACCEPTED
    assert len([page for page in shop.terminal.pages if page.text != "AFTER"]) == 1
    taken = await shop.ask(Acknowledge(alert=alert))
    assert taken.alert.state is AlertState.ACKNOWLEDGED


def _test_page(shop: SimulatedShop) -> ReceiptState:
    with Client(shop.control_socket, timeout_s=20.0) as client:
        return client.call(SendPage(to="watch-1", text="AFTER")).receipt.state


async def test_killed_before_the_receipt_it_pages_when_it_is_back(shop: SimulatedShop) -> None:
    shop.terminal.stop()  # nobody answers: the page cannot have gone out
    await shop.ask(SimulatePress(button=RED))
    await shop.ask(GetAlerts())
    await until(shop, lambda: _alerts_on_disk(shop) == 1)
    await kill(shop)
    shop.terminal.start()
    await shop.start_gateway()
    page = await asyncio.to_thread(shop.terminal.wait_for_page, 10.0)
    assert page is not None
    assert "Very unhappy" in page.text


def _alerts_on_disk(shop: SimulatedShop) -> int:
    with contextlib.closing(sqlite3.connect(shop.config.paths.journal)) as connection:
        return int(connection.execute("SELECT count(*) FROM alert").fetchone()[0])


async def test_killed_at_random_moments_nothing_committed_is_lost(shop: SimulatedShop) -> None:
    codes: set[str] = set()
    for round_ in range(3):
        grant = IssueGrant(request=f"r{round_}", offer="souvenir")
        codes.add((await shop.ask(grant)).grant.code)
        presses = asyncio.create_task(shop.ask(SimulatePress(button="exit-happy", count=20)))
        await asyncio.wait([presses], timeout=0.05 * (round_ + 1))
        await kill(shop)
        with contextlib.suppress(Unreachable):
            await presses
        await shop.start_gateway()
    kept = {view.grant.code for view in await shop.ask(GetGrants())}
    assert codes == kept
    seqs = _seqs(shop)
    assert seqs == list(range(1, len(seqs) + 1))


def _seqs(shop: SimulatedShop) -> list[int]:
    with contextlib.closing(sqlite3.connect(shop.config.paths.journal)) as connection:
        return [seq for (seq,) in connection.execute("SELECT seq FROM event ORDER BY seq")]


async def test_a_page_does_not_wait_for_a_disk_that_hangs(tmp_path: Path) -> None:
    """Every fdatasync of the daemon takes a second: the page is on the wire long before."""
    strace = shutil.which("strace")
    assert strace is not None, "install strace: scripts/test does"
    calls = "fdatasync,fsync"
    slow: tuple[str, ...] = (
        strace,
        "-f",
        "-qq",
        "-o",
        "/dev/null",
        "--seccomp-bpf",
        "-e",
        f"trace={calls}",
    )
    slow = (*slow, "-e", f"inject={calls}:delay_exit=1000000")
    async with SimulatedShop(tmp_path, signed_up=False, under=slow) as shop:
        status = await shop.ask(GetStatus())
        while status.journal.waiting:
            status = await shop.ask(GetStatus())
        before = status.journal.last_seq
        pressed = await shop.ask(SimulatePress(button=RED))
        page = await asyncio.to_thread(shop.terminal.wait_for_page, 5.0)
        assert page is not None
        status = await shop.ask(GetStatus())
        # The press is not on disk yet, and its page is decoded at the other end.
        assert status.journal.last_seq == before
        assert status.journal.waiting
        assert (page.mono_ns - pressed.pressed_ns) / 1e9 < 0.9


async def test_a_locked_journal_answers_in_words_and_catches_up(shop: SimulatedShop) -> None:
    with contextlib.closing(sqlite3.connect(shop.config.paths.journal)) as thief:
        thief.execute("BEGIN IMMEDIATE")
        await shop.ask(SimulatePress(button=RED))
        assert await asyncio.to_thread(shop.terminal.wait_for_page, 5.0) is not None
        (view,) = await shop.ask(GetAlerts())
        with pytest.raises(Refused, match="not on disk yet"):
            await shop.ask(Acknowledge(alert=view.alert.id))
        thief.rollback()
    taken = await shop.ask(Acknowledge(alert=view.alert.id))
    assert taken.alert.state is AlertState.ACKNOWLEDGED
    await until(shop, lambda: _alerts_on_disk(shop) == 1)


async def test_a_code_is_redeemed_once_by_sixteen_at_once(shop: SimulatedShop) -> None:
    issued = await shop.ask(IssueGrant(request="once", offer="souvenir"))
    asked = [shop.ask(Redeem(code=issued.grant.code)) for _ in range(16)]
    answers = await asyncio.gather(*asked, return_exceptions=True)
    refused = [answer for answer in answers if isinstance(answer, Refused)]
    assert len(refused) == 15
    assert {refusal.code for refusal in refused} == {"already_redeemed"}


async def test_sigterm_stops_it_before_systemd_would_kill_it_with_open_subscribers(
    shop: SimulatedShop,
) -> None:
    assert shop.gateway is not None
    with Client(shop.control_socket) as client:
        rings = client.changes()
        next(rings)
        shop.gateway.process.terminate()
        assert await asyncio.wait_for(shop.gateway.process.wait(), STOP_S) == 0
        with pytest.raises(Unreachable):
            for _ in rings:
                pass
    assert not shop.control_socket.exists()


async def test_a_second_daemon_is_told_to_go(shop: SimulatedShop) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "gateway", "run", "--config", str(shop.config_file)),
        stderr=asyncio.subprocess.PIPE,
    )
    _, words = await process.communicate()
    assert process.returncode == 1
    assert "another gateway is running already" in words.decode().splitlines()[-1]
    await shop.ask(GetStatus())  # the first one lives


async def test_killing_the_page_changes_nothing_for_a_press(shop: SimulatedShop) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = ["webui.cli", "--listen", f"127.0.0.1:{port}", "--control", str(shop.control_socket)]
    words += ["--state", str(shop.directory / "webui")]
    page = await Child.start("the page", words, shop.directory / "web.log")
    try:
        await demo._until_answered(page, port)
        page.process.send_signal(signal.SIGKILL)
        await page.process.wait()
        await page_and_receipt(shop)
    finally:
        await page.stop()


async def test_a_broken_file_falls_back_to_the_last_good_one(shop: SimulatedShop) -> None:
    await shop.stop_gateway()
    shop.config_file.write_text("[device\n")
    await shop.start_gateway()
    status = await shop.ask(GetStatus())
    assert any("last good" in fault for fault in status.faults)
    await page_and_receipt(shop)
