"""A close that is held for a while, with a socket at the other end."""

from typing import TYPE_CHECKING

import pytest
from flask.testing import FlaskClient

from gateway.errors import Refused
from gateway.messages import Resolve
from gateway.model import AlertState, Outcome
from webui.client import Gateway
from webui.closing import UNDO_S, Closing, closing

if TYPE_CHECKING:
    from tests.webui.fake_gateway import FakeGateway

WAIT_S = 10
LONG_S = 600.0
CLOSE = Resolve(alert="a1", outcome=Outcome.RECOVERED)


def token_of(gateway: "FakeGateway", who: str = "Anna", pin: str = "1234") -> str:
    with Gateway(gateway.path) as client:
        return client.login(who, pin).token


def await_end(gateway: "FakeGateway") -> None:
    with gateway.rung:
        assert gateway.rung.wait_for(lambda: not gateway.alerts["a1"].is_live, WAIT_S)


def test_it_goes_out_by_itself_in_the_persons_own_name(gateway: "FakeGateway") -> None:
    gateway.raise_alert(state=AlertState.CONTACTED)
    held = Closing(gateway.path, 0.01).hold(CLOSE, "Anna", token_of(gateway))
    assert held.outcome is Outcome.RECOVERED
    await_end(gateway)
    assert ("Anna", CLOSE) in gateway.said


def test_it_can_be_taken_back_by_whoever_said_it(gateway: "FakeGateway") -> None:
    gateway.raise_alert(state=AlertState.CONTACTED)
    waiting = Closing(gateway.path, LONG_S)
    held = waiting.hold(CLOSE, "Anna", token_of(gateway))
    assert LONG_S - WAIT_S < held.left_s <= LONG_S
    assert waiting.hold(CLOSE, "Boris", None) is held
    assert not waiting.undo("a1", "Boris")
    assert waiting.undo("a1", "Anna")
    assert not waiting.undo("a1", "Anna")
    waiting.flush()
    assert gateway.asked(Resolve) == []


def test_said_anew_only_the_latest_counts(gateway: "FakeGateway") -> None:
    gateway.raise_alert(state=AlertState.CONTACTED)
    waiting = Closing(gateway.path, LONG_S)
    token = token_of(gateway)
    waiting.hold(CLOSE, "Anna", token)
    other = Resolve(alert="a1", outcome=Outcome.LEFT)
    waiting.hold(other, "Anna", token)
    waiting.flush(token)
    waiting.flush(token)
    assert gateway.asked(Resolve) == [other]


def test_while_the_gateway_is_away_it_is_tried_again(gateway: "FakeGateway") -> None:
    gateway.raise_alert(state=AlertState.CONTACTED)
    token = token_of(gateway)
    gateway.stop()
    waiting = Closing(gateway.path, 0.01, 0.01)
    waiting.hold(CLOSE, "Anna", token)
    gateway.start_again()
    await_end(gateway)
    assert waiting.of("a1") is None


def test_what_is_refused_is_logged_and_stays_on_the_board(
    gateway: "FakeGateway", caplog: pytest.LogCaptureFixture
) -> None:
    gateway.raise_alert(state=AlertState.CONTACTED)
    gateway.refuse[Resolve] = Refused("unknown_cause", "no such cause")
    waiting = Closing(gateway.path, LONG_S)
    waiting.hold(CLOSE, "Anna", token_of(gateway))
    waiting.flush()
    assert "alert a1 is not closed: no such cause" in caplog.text
    assert gateway.alerts["a1"].is_live


class TestOnTheBoard:
    @pytest.fixture(autouse=True)
    def closed(self, signed_in: FlaskClient, gateway: "FakeGateway") -> None:
        gateway.raise_alert(state=AlertState.CONTACTED)
        signed_in.post("/case/a1/resolve", data={"outcome": "misuse"})

    def test_everybody_sees_it_and_its_author_can_undo_it(
        self, signed_in: FlaskClient, gateway: "FakeGateway"
    ) -> None:
        text = signed_in.get("/board").text
        assert "Misuse · Anna" in text
        assert f'data-seconds="{int(UNDO_S) - 1}"' in text
        assert "Undo: it is not over" in text
        assert "How did it end?" not in signed_in.get("/case/a1").text
        boris = signed_in.application.test_client()
        boris.post("/login", data={"staff": "Boris", "pin": "5678"})
        assert "Misuse · Anna" in boris.get("/board").text
        assert "Undo: it is not over" not in boris.get("/board").text
        boris.post("/case/a1/resolve", data={"outcome": "recovered"})
        assert "Anna is closing this already." in boris.get("/board").text
        boris.post("/board/a1/undo")
        assert "too late to take this back" in boris.get("/board").text
        assert signed_in.post("/board/a1/undo").location == "/board"
        assert "Put it right and close" in signed_in.get("/board").text
        assert gateway.asked(Resolve) == []

    def test_signing_out_sends_it(self, signed_in: FlaskClient, gateway: "FakeGateway") -> None:
        signed_in.post("/logout")
        assert gateway.alerts["a1"].outcome is Outcome.MISUSE

    def test_an_alert_that_has_ended_is_not_closed_again(
        self, signed_in: FlaskClient, gateway: "FakeGateway"
    ) -> None:
        closing(signed_in.application.extensions).flush()
        signed_in.post("/case/a1/resolve", data={"outcome": "left"})
        assert "This alert has already ended." in signed_in.get("/board").text
        assert gateway.alerts["a1"].outcome is Outcome.MISUSE
