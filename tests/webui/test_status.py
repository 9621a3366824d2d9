import re
from typing import TYPE_CHECKING

import pytest
from flask.testing import FlaskClient

from gateway import messages as say
from gateway.errors import Refused
from gateway.model import Receipt, ReceiptState

if TYPE_CHECKING:
    from tests.webui.fake_gateway import FakeGateway


def test_every_part_is_told_in_words(signed_in: FlaskClient, gateway: "FakeGateway") -> None:
    text = signed_in.get("/status").text
    for words in (
        "Every part works.",
        "Very unhappy",
        "2 presses · 1 does not count",
        "5 pages sent · 1 page waits",
        "no answer for 60 s",
        "21 records",
        "5 kB",
        "2 GB free",
        "not set up: everything is kept on the box",
        "up for 1 h 2 min",
        "not synchronised",
    ):
        assert words in text
    gateway.faults = ("transmitter/main: no answer",)
    text = signed_in.get("/status/parts").text
    assert "What needs you" in text
    assert "The transmitter main does not work: pages may not go out." in text
    assert '<span class="soft" lang="en">no answer</span>' in text


@pytest.mark.parametrize(
    ("state", "said", "kind"),
    [
        (ReceiptState.ACCEPTED, "watch-1: The transmitter took the page. Did it buzz?", "good"),
        (ReceiptState.TRANSMITTED, "watch-1: The page was on the air. Did it buzz?", "good"),
        (ReceiptState.UNKNOWN, "watch-1: No answer from the transmitter: the page may", "bad"),
        (ReceiptState.FAILED, "watch-1: The page did not go out.</p>", "bad"),
    ],
)
def test_a_test_page_tells_what_became_of_it(
    state: ReceiptState, said: str, kind: str, signed_in: FlaskClient, gateway: "FakeGateway"
) -> None:
    gateway.receipt = Receipt(state)
    form = {"pager": "watch-1"}
    text = signed_in.post("/status/page", data=form, follow_redirects=True).text
    assert re.search(rf'class="note {kind}">.*{re.escape(said)}', text)


def test_without_the_gateway_every_page_says_so_and_recovers(
    signed_in: FlaskClient, gateway: "FakeGateway"
) -> None:
    gateway.stop()
    for path in ("/board", "/board/alerts", "/counter", "/status", "/login", "/events"):
        answer = signed_in.get(path)
        assert answer.status_code == 503, path
        assert "The gateway does not answer" in answer.text
        assert 'http-equiv="refresh"' in answer.text
    gateway.start_again()
    assert signed_in.get("/board").status_code == 200


@pytest.mark.parametrize(
    ("stood_on", "at"),
    [
        ("http://localhost/counter/void?code=A&amp;B", "/counter/void?code=A&amp;amp;B"),
        ("http://localhost/counter/void/now", "/"),  # itself an answer to a form
        ("http://evil.example/board", "/"),
        ("http://localhost//evil.example/board", "/"),
        ("http://[", "/"),
        (None, "/"),
    ],
)
def test_a_form_that_met_no_gateway_leads_back_to_its_page(
    stood_on: str | None, at: str, signed_in: FlaskClient, gateway: "FakeGateway"
) -> None:
    gateway.stop()
    headers = {"Referer": stood_on} if stood_on else {}
    answer = signed_in.post("/counter/void/now", headers=headers)
    assert answer.status_code == 503
    assert f'data-at="{at}"' in answer.text
    assert f'content="3; url={at}"' in answer.text
    assert "data-at" not in signed_in.get("/board").text


def test_a_gateway_of_another_version_is_one_that_does_not_answer(
    client: FlaskClient, gateway: "FakeGateway"
) -> None:
    gateway.info = say.Done()  # type: ignore[assignment]
    assert client.get("/login").status_code == 503


def test_a_gateway_with_too_much_to_do_ends_no_session(
    signed_in: FlaskClient, gateway: "FakeGateway"
) -> None:
    gateway.refuse[say.WhoAmI] = Refused("busy", "too many")
    answer = signed_in.get("/board")
    assert answer.status_code == 403
    assert "too much to do just now" in answer.text
    gateway.refuse.clear()
    assert signed_in.get("/board").status_code == 200


def test_no_such_page_is_a_sentence(client: FlaskClient) -> None:
    answer = client.get("/nothing")
    assert answer.status_code == 404
    assert "There is no such page." in answer.text


def test_outside_the_demo_the_root_is_the_board(client: FlaskClient) -> None:
    assert client.get("/").location == "/board"
    assert client.get("/demo").status_code == 404
