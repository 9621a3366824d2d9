"""What bridges acknowledge and when: repeats, two bridges, a broker or a server in trouble."""

import asyncio
from collections import Counter
from typing import Any

import msgspec
import pytest

from gateway.events import Started
from gateway.simulator import achivx_faults as faults
from gateway.simulator.achivx_server import AchivxServer
from gateway.simulator.mosquitto import Mosquitto
from gateway.simulator.tcp_proxy import TcpProxy
from gateway.sync import bridge as module
from gateway.sync.wire import Done
from tests.sync.batches import PRESS, batch, booked, canaries, contact, until
from tests.sync.bridges import Bridges, Who
from tests.sync.raw_box import Box, box_at, message, stands


async def test_duplicates_and_any_order_are_recorded_once(
    box: Box, bridges: Bridges, server: AchivxServer
) -> None:
    await bridges.start()
    parts = [batch(PRESS, contact("anna"), first=at) for at in (5, 1, 3, 1, 5)]
    for part in parts:
        answer = await box.ask(message(part))
        assert (answer.first, getattr(answer, "last", 0)) == (part.first, part.last)
    assert Counter(seq for _, _, seq in booked(server)) == Counter(map(str, range(1, 7)))


async def test_the_same_batch_twice_at_once_is_answered_once(
    box: Box, bridges: Bridges, server: AchivxServer
) -> None:
    running = await bridges.start()
    await stuck(box, server)
    await box.send(message(batch(PRESS, first=2)))
    server.thaw()
    assert isinstance(await box.answer(), Done)
    assert isinstance(await box.ask(message(batch(PRESS, first=3))), Done)
    assert running.health.batches == {"done": 3, "dropped": 1}


async def test_two_bridges_share_the_work(who: Who, bridges: Bridges, server: AchivxServer) -> None:
    both = [await bridges.start(), await bridges.start()]
    async with box_at(who) as box:
        for at in range(1, 21):
            assert isinstance(await box.ask(message(batch(PRESS, contact("anna"), first=at))), Done)
    assert all(each.health.batches["done"] for each in both)
    assert max(Counter(booked(server)).values()) == 1
    assert len(booked(server)) == 20 + 20  # PRESS of 1…20, contact of 2…21
    assert canaries(server) == {"bridge-0.canary": 1, "bridge-1.canary": 1}


async def stuck(box: Box, server: AchivxServer) -> None:
    """One batch is done with, and the next waits for a server that does nothing."""
    await box.ask(message(batch(PRESS)))
    server.freeze()
    await box.send(message(batch(PRESS, first=2)))
    await server.until_busy()


async def test_nothing_is_acknowledged_to_the_broker_before_the_server_has_it(
    box: Box, bridges: Bridges, server: AchivxServer
) -> None:
    """The bridge dies in the middle; the broker still has the batch, and another bridge gets it."""
    first = await bridges.start()
    await stuck(box, server)
    assert first._link is not None
    first._link._paho._sock_close()
    first._link._lose("killed by the test")
    server.thaw()
    assert isinstance(await box.answer(), Done)  # over the bridge's next connection
    assert [seq for _, _, seq in booked(server)] == ["1", "2"]


async def test_an_answer_waits_for_the_broker(
    who: Who, broker: Mosquitto, bridges: Bridges, server: AchivxServer
) -> None:
    async with TcpProxy(broker.port) as proxy, box_at(who) as box:
        running = await bridges.start(settings=who("bridge", port=proxy.port))
        await stuck(box, server)
        proxy.close()
        server.thaw()
        await until(lambda: len(booked(server)) == 2)
        assert running.health.problems() != []
        await proxy.open()
        assert isinstance(await box.answer(), Done)
        assert running.health.problems() == []


async def test_answers_that_the_broker_refuses_are_logged(
    tmp_path: Any, server: AchivxServer, caplog: pytest.LogCaptureFixture
) -> None:
    acl = "user bridge\ntopic read #\npattern write achivx/v1/%u/events\n"
    users = {"bridge": "bridge-secret", "box-1": "box-1-secret"}
    async with Mosquitto(tmp_path / "strict", users, acl=acl) as strict:
        here = Who(tmp_path, strict.port)
        bridges = Bridges(server, here("bridge"))
        await bridges.start()
        async with box_at(here) as box:
            await box.send(message(batch(PRESS)))
            await until(lambda: "box-1 gets no answer: the broker refuses" in caplog.text)
        await bridges.stop()


async def test_stopping_finishes_what_is_under_way(
    box: Box, bridges: Bridges, server: AchivxServer
) -> None:
    running = await bridges.start()
    await stuck(box, server)
    stopping = asyncio.create_task(bridges.stop())
    for _ in range(1000):
        if not await box.send(message(batch(Started(version="1"), first=90))):
            break  # nobody listens any more
    assert not stopping.done()
    server.thaw()
    await stopping
    assert getattr(await box.answer(), "first", 0) in (2, 90)
    assert [seq for _, _, seq in booked(server)] == ["1", "2"]
    assert running.health.in_flight() == 0


async def test_stopping_does_not_wait_for_ever(
    box: Box, bridges: Bridges, server: AchivxServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    running = await bridges.start()
    monkeypatch.setattr(running, "_config", msgspec.structs.replace(running._config, drain_s=0.2))
    await stuck(box, server)
    async with asyncio.timeout(3):
        await bridges.stop()
    server.thaw()


async def test_the_canary_goes_first_and_again_after_every_doubt(
    box: Box, bridges: Bridges, server: AchivxServer
) -> None:
    running = await bridges.start()
    await box.ask(message(batch(PRESS)))
    assert server.ledger.actions[0].action == "GatewayCanary"
    server.faults.append(faults.CUT_OFF)
    assert stands(await box.ask(message(batch(PRESS, first=2))))[0] == "away"
    assert running.health.server == "UNAVAILABLE: Connection dropped"
    server.ledger.index_missing = True
    assert stands(await box.ask(message(batch(PRESS, first=2))))[0] == "server"
    assert "twice" in str(running.health.server)
    server.ledger.index_missing = False
    assert isinstance(await box.ask(message(batch(PRESS, first=2))), Done)
    assert running.health.problems() == []


async def test_a_server_that_comes_back_is_found_without_a_batch(
    bridges: Bridges, server: AchivxServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PROVE_S", 0.02)
    await server.kill()
    running = await bridges.start()
    await until(lambda: "not asked yet" not in running.health.problems()[0])
    assert running.health.problems()[0].startswith("server: UNAVAILABLE")
    await server.start()
    await until(lambda: not running.health.problems())
