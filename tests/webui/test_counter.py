from typing import TYPE_CHECKING

from flask.testing import FlaskClient

from gateway.customers.messages import RedeemScanned

if TYPE_CHECKING:
    from tests.webui.fake_gateway import FakeGateway

HTMX = {"HX-Request": "true"}


def test_a_code_is_redeemed_once(signed_in: FlaskClient, gateway: "FakeGateway") -> None:
    gateway.issue("ABCD-1234")
    sent = signed_in.post("/counter/redeem", data={"code": "  abcd-1234\n"})
    assert (sent.status_code, sent.location) == (303, "/counter")
    text = signed_in.get("/counter").text
    assert 'class="result redeemed"' in text
    assert "<span>Hand over:</span> <strong>Free coffee</strong>" in text
    assert gateway.asked(RedeemScanned) == [RedeemScanned(text="abcd-1234")]
    assert 'class="result' not in signed_in.get("/counter").text
    signed_in.post("/counter/redeem", data={"code": "ABCD-1234"})
    text = signed_in.get("/counter").text
    assert "<strong>Do not hand over</strong> <span>This code has already been redeemed." in text


def test_an_unknown_code_is_shown_as_it_was_typed(signed_in: FlaskClient) -> None:
    signed_in.post("/counter/redeem", data={"code": "<b>7</b>"})
    text = signed_in.get("/counter").text
    assert "No grant has this code." in text
    assert "&lt;b&gt;7&lt;/b&gt;" in text


def test_a_script_gets_the_panel_with_the_result(
    signed_in: FlaskClient, gateway: "FakeGateway"
) -> None:
    gateway.issue("ABCD-1234")
    sent = signed_in.post("/counter/redeem", data={"code": "ABCD-1234"}, headers=HTMX)
    assert sent.location == "/counter/panel?said=1"
    panel = signed_in.get(sent.location, headers=HTMX).text
    assert "<html" not in panel
    assert "Free coffee" in panel


def test_an_empty_code_asks_the_gateway_nothing(
    signed_in: FlaskClient, gateway: "FakeGateway"
) -> None:
    assert signed_in.post("/counter/redeem", data={"code": "  "}).status_code == 303
    assert gateway.asked(RedeemScanned) == []


def test_open_grants_are_listed_and_can_be_taken(
    signed_in: FlaskClient, gateway: "FakeGateway"
) -> None:
    assert "every promise has been kept" in signed_in.get("/counter").text
    gateway.issue("ABCD-1234")
    text = signed_in.get("/counter/grants").text
    assert "from Anna, until" in " ".join(text.split())
    assert 'href="/counter?code=ABCD-1234"' in text
    assert 'value="ABCD-1234"' in signed_in.get("/counter?code=ABCD-1234").text
    assert gateway.asked(RedeemScanned) == []
    signed_in.post("/counter/redeem", data={"code": "ABCD-1234"})
    assert "every promise has been kept" in signed_in.get("/counter/grants").text
