from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from flask import Flask
from flask.testing import FlaskClient

from webui.client import Refused, Unreachable
from webui.streams import MOST, Doorbell, Stream, doorbell

if TYPE_CHECKING:
    from tests.webui.fake_gateway import FakeGateway

WAIT_S = 10


def opened(bell: Doorbell, gateway: "FakeGateway") -> Stream:
    gateway.tokens["t"] = "Anna"
    stream = bell.open(gateway.path, "t")
    assert stream is not None
    assert next(stream) == b"retry: 3000\n\n"
    return stream


def count_subscribers(gateway: "FakeGateway", wanted: int) -> bool:
    with gateway.rung:
        return gateway.rung.wait_for(lambda: gateway.subscribers == wanted, WAIT_S)


def test_a_ring_of_the_gateway_comes_through(gateway: "FakeGateway") -> None:
    stream = opened(Doorbell(), gateway)
    assert count_subscribers(gateway, 1)
    gateway.raise_alert()
    assert next(stream) == b"event: changed\ndata: 1\n\n"
    stream.close()


def test_a_closed_stream_ends_at_once_and_hangs_up_at_the_next_ring(
    gateway: "FakeGateway",
) -> None:
    stream = opened(Doorbell(), gateway)
    assert count_subscribers(gateway, 1)
    stream.close()
    stream.close()
    assert list(stream) == []
    gateway.ring()
    gateway.ring()
    gateway.beat_s = 0.01
    assert count_subscribers(gateway, 0)


def test_a_gateway_that_goes_away_ends_the_stream(gateway: "FakeGateway") -> None:
    stream = opened(Doorbell(), gateway)
    assert count_subscribers(gateway, 1)
    gateway.stop()
    assert list(stream) == []
    stream.close()


def test_there_are_only_so_many(gateway: "FakeGateway") -> None:
    bell = Doorbell()
    streams = [opened(bell, gateway) for _ in range(MOST)]
    assert bell.open(gateway.path, "t") is None
    streams[3].close()
    streams[3].close()  # gives its place back once only
    opened(bell, gateway)
    assert bell.open(gateway.path, "t") is None
    bell.close()
    assert [list(stream) for stream in streams] == [[]] * MOST


def test_a_refused_stream_takes_no_place(gateway: "FakeGateway") -> None:
    bell = Doorbell()
    for _ in range(MOST + 1):
        with pytest.raises(Refused):
            bell.open(gateway.path, None)
    for _ in range(MOST + 1):
        with pytest.raises(Unreachable):
            bell.open(Path("/nowhere"), "t")
    opened(bell, gateway).close()


def test_the_address_of_the_stream(
    app: Flask, signed_in: FlaskClient, gateway: "FakeGateway"
) -> None:
    with signed_in.get("/events", buffered=False) as answer:
        assert answer.mimetype == "text/event-stream"
        assert next(iter(answer.response)) == b"retry: 3000\n\n"
    bell = doorbell(app.extensions)
    for _ in range(MOST):
        opened(bell, gateway)
    assert signed_in.get("/events").status_code == 204
    bell.close()
    gateway.tokens.clear()
    assert signed_in.get("/events").status_code == 401


def test_many_rings_before_its_turn_are_one(gateway: "FakeGateway") -> None:
    bell = Doorbell()
    stream = opened(bell, gateway)
    for version in range(1, 1001):
        bell.ring(stream, version)
    told = [0]
    while told[-1] < 1000:
        told.append(int(next(stream).split()[-1]))
    assert told == sorted(told)
    assert len(told) < 100
    bell.close()
