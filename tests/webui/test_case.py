"""The recovery card against the small gateway: its forms, its words, its slip."""

import re
from typing import TYPE_CHECKING

import pytest
import segno
from flask.testing import FlaskClient

from gateway.customers.messages import CallSecurity, DescribeCase
from gateway.errors import Refused
from gateway.messages import IssueGrant, Resolve
from gateway.model import AlertState
from webui.closing import closing

if TYPE_CHECKING:
    from tests.webui.fake_gateway import FakeGateway


def test_a_grant_shows_its_code_and_a_repeat_of_the_form_is_the_same_grant(
    signed_in: FlaskClient, gateway: "FakeGateway"
) -> None:
    gateway.raise_alert(state=AlertState.CONTACTED)
    form = re.search(r'name="form" value="(\w+)"', signed_in.get("/case/a1").text)
    assert form
    data = {"form": form[1], "offer": "coffee"}
    sent = signed_in.post("/case/a1/grant", data=data)
    assert sent.location == "/case/a1#promised"
    signed_in.post("/case/a1/grant", data=data)
    assert len(gateway.grants) == 1
    first, second = gateway.asked(IssueGrant)
    assert first == second
    assert (first.offer, first.alert, first.account) == ("coffee", "a1", None)
    text = signed_in.get("/case/a1").text
    assert "Granted. The code is GIFT-0000." in text
    signed_in.post("/case/a1/grant", data={**data, "offer": "souvenir"})
    assert len(gateway.grants) == 2


def test_enter_in_the_field_of_a_manager_grants_nothing(
    client: FlaskClient, gateway: "FakeGateway"
) -> None:
    """A disabled default button stops implicit submission (HTML, 4.10.22.2)."""
    gateway.raise_alert(state=AlertState.CONTACTED)
    client.post("/login", data={"staff": "Boris", "pin": "5678"})
    case = client.get("/case/a1").text
    form = case[case.index("/grant") :]
    first = re.search(r"<button[^>]*>", form)
    assert first
    assert first[0] == "<button disabled hidden>"


def test_no_outcome_is_asked_for_again(signed_in: FlaskClient, gateway: "FakeGateway") -> None:
    gateway.raise_alert(state=AlertState.CONTACTED)
    sent = signed_in.post("/case/a1/resolve", data={"outcome": ""})
    assert sent.location == "/case/a1#outcome"
    assert "Choose how it ended." in signed_in.get("/case/a1").text
    closing(signed_in.application.extensions).flush()
    assert gateway.asked(Resolve) == []


def test_a_case_that_is_gone_leads_to_the_board(signed_in: FlaskClient) -> None:
    sent = signed_in.get("/case/nothing")
    assert sent.location == "/board"
    assert "no longer on the board" in signed_in.get("/board").text


def test_an_offer_says_why_and_a_manager_may_override(
    client: FlaskClient, gateway: "FakeGateway"
) -> None:
    gateway.raise_alert(state=AlertState.CONTACTED)
    client.post("/login", data={"staff": "Anna", "pin": "1234"})
    case = client.get("/case/a1").text
    assert "It fits." in case
    assert 'name="override"' not in case
    client.post("/login", data={"staff": "Boris", "pin": "5678"})
    assert 'name="override"' in client.get("/case/a1").text
    why = {"form": "f", "offer": "coffee", "override": " a fair claim "}
    client.post("/case/a1/grant", data=why)
    (promise,) = gateway.asked(IssueGrant)
    assert promise.override == "a fair claim"


@pytest.mark.parametrize(("language", "signs"), [("en", "twice today"), ("ru", "дважды за день")])
def test_what_needs_a_manager_says_what_speaks_against_it(
    signed_in: FlaskClient, gateway: "FakeGateway", language: str, signs: str
) -> None:
    gateway.raise_alert()
    signed_in.set_cookie("language", language)
    gateway.refuse[IssueGrant] = Refused("needs_manager", "why: twice today / дважды за день")
    signed_in.post("/case/a1/grant", data={"form": "f", "offer": "coffee"})
    text = signed_in.get("/board").text
    assert signs in text
    assert text.count("twice today") + text.count("дважды за день") == 1


def test_before_the_customer_is_reached_the_card_asks_for_that(
    signed_in: FlaskClient, gateway: "FakeGateway"
) -> None:
    gateway.raise_alert()
    text = signed_in.get("/case/a1").text
    assert "I am with the customer" in text
    assert "How serious is it?" not in text
    assert "False alarm" in text
    assert signed_in.post("/case/a1/contact").location == "/case/a1#severity"
    assert "How serious is it?" in signed_in.get("/case/a1").text


def test_each_answer_leads_to_the_next_question(
    signed_in: FlaskClient, gateway: "FakeGateway"
) -> None:
    gateway.raise_alert(state=AlertState.CONTACTED)
    sent = signed_in.post("/case/a1/describe", data={"severity": "2"})
    assert sent.location == "/case/a1#cause"
    sent = signed_in.post("/case/a1/describe", data={"cause": "queue"})
    assert sent.location == "/case/a1#customer"
    signed_in.post("/case/a1/describe", data={"severity": "9"})
    assert [each.severity for each in gateway.asked(DescribeCase)] == [2, None, None]
    text = signed_in.get("/case/a1").text
    assert re.search(r'value="2" aria-current="true"', text)
    assert re.search(r'value="queue" aria-current="true"', text)


def test_security_is_called_only_after_a_second_thought(
    signed_in: FlaskClient, gateway: "FakeGateway"
) -> None:
    gateway.raise_alert(state=AlertState.CONTACTED)
    assert "Yes, call security" in signed_in.get("/case/a1/security").text
    assert gateway.asked(CallSecurity) == []
    gateway.refuse[CallSecurity] = Refused("unknown_alert", "it has ended")
    sent = signed_in.post("/case/a1/security/call")
    assert sent.location == "/case/a1#outcome"
    assert len(gateway.asked(CallSecurity)) == 1
    assert "no longer on the board" in signed_in.get("/case/a1").text


def test_the_slip_has_the_code_and_a_symbol_that_says_the_same(
    signed_in: FlaskClient, gateway: "FakeGateway"
) -> None:
    gateway.raise_alert(state=AlertState.CONTACTED)
    gateway.issue("ABCD-1234-EFGH", alert="a1")
    text = signed_in.get("/case/a1/slip/ABCD-1234-EFGH").text
    assert "Free coffee" in text
    assert 'class="code">ABCD-1234-EFGH</p>' in text
    assert dark_modules(text) == {
        (row, column)
        for row, modules in enumerate(
            segno.make("ABCD-1234-EFGH", error="m", micro=False).matrix_iter(border=4)
        )
        for column, is_dark in enumerate(modules)
        if is_dark
    }
    assert signed_in.get("/case/a1/slip/NONE").location == "/board"


def dark_modules(html: str) -> set[tuple[int, int]]:
    """What is drawn: rows of strokes one module high, `M`, `m` and `h` with whole modules."""
    path = re.search(r'<path class="qrline" stroke="#000" d="([^"]+)"', html)
    assert path
    found, column, row = set(), 0, 0.0
    for command, numbers in re.findall(r"([Mmh])([^Mmh]*)", path[1]):
        steps = [float(number) for number in re.findall(r"-?[\d.]+", numbers)]
        if command == "h":
            found |= {(int(row), column + at) for at in range(int(steps[0]))}
            column += int(steps[0])
        else:
            column = int(steps[0]) + (column if command == "m" else 0)
            row = steps[1] + (row if command == "m" else 0)
    return found
