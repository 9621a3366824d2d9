from typing import TYPE_CHECKING

import msgspec
from flask.testing import FlaskClient

from gateway.messages import Logout, WhoAmI

if TYPE_CHECKING:
    from tests.webui.fake_gateway import FakeGateway

ANNA = {"staff": "Anna", "pin": "1234"}


def test_the_page_offers_everybody_of_the_shop(client: FlaskClient) -> None:
    text = client.get("/login").text
    assert 'value="Anna"' in text
    assert 'value="Boris"' in text


def test_a_screen_leads_to_the_login_and_the_login_back(client: FlaskClient) -> None:
    sent = client.get("/status?x=1")
    assert (sent.status_code, sent.location) == (303, "/login?next=/status?x%3D1")
    entered = client.post("/login", data={**ANNA, "next": "/status?x=1"})
    assert entered.location == "/status?x=1"


def test_a_fragment_sends_the_whole_page_to_the_login(client: FlaskClient) -> None:
    answer = client.get("/board/alerts", headers={"HX-Request": "true"})
    assert (answer.status_code, answer.headers["HX-Redirect"]) == (401, "/login")


def test_the_way_back_stays_on_this_site(client: FlaskClient) -> None:
    for foreign in ("https://evil.example/", "//evil.example", "/\\evil.example", "javascript:1"):
        answer = client.post("/login", data={**ANNA, "next": foreign})
        assert answer.location == "/", foreign


def test_a_wrong_pin_is_told_and_keeps_the_person(client: FlaskClient) -> None:
    answer = client.post("/login", data={"staff": "Boris", "pin": "0"}, follow_redirects=True)
    assert "Wrong PIN. Try again." in answer.text
    assert 'value="Boris" required checked' in answer.text


def test_a_lock_out_says_how_long(client: FlaskClient) -> None:
    for _ in range(3):
        client.post("/login", data={"staff": "Anna", "pin": "0"})
    answer = client.post("/login", data=ANNA, follow_redirects=True)
    assert "Too many wrong tries. Try again in 30 s." in answer.text


def test_the_cookie_is_not_for_scripts_nor_for_other_sites(client: FlaskClient) -> None:
    cookie = client.post("/login", data=ANNA).headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie


def test_signing_in_begins_a_new_session(client: FlaskClient) -> None:
    client.get("/login")  # makes a CSRF token for nobody
    with client.session_transaction() as session:
        before = session["csrf_token"]
    client.post("/login", data=ANNA)
    with client.session_transaction() as session:
        assert "token" in session
        assert session.get("csrf_token") != before


def test_name_and_role_come_from_the_gateway_each_time(
    signed_in: FlaskClient, gateway: "FakeGateway"
) -> None:
    assert "Anna, staff" in signed_in.get("/board").text
    gateway.tokens = dict.fromkeys(gateway.tokens, "Boris")
    assert "Boris, manager" in signed_in.get("/board").text
    assert gateway.asked(WhoAmI)


def test_an_outlived_session_ends_and_can_begin_anew(
    signed_in: FlaskClient, gateway: "FakeGateway"
) -> None:
    gateway.tokens.clear()
    assert signed_in.get("/board").location == "/login?next=/board"
    signed_in.post("/login", data=ANNA)
    assert signed_in.get("/board").status_code == 200


def test_signing_in_over_an_outlived_session(
    signed_in: FlaskClient, gateway: "FakeGateway"
) -> None:
    gateway.tokens.clear()
    assert signed_in.post("/login", data=ANNA).location == "/"
    assert signed_in.get("/board").status_code == 200


def test_signing_out_ends_the_session_at_the_gateway_too(
    signed_in: FlaskClient, gateway: "FakeGateway"
) -> None:
    assert signed_in.post("/logout").location == "/login"
    assert gateway.asked(Logout)
    assert gateway.tokens == {}
    assert signed_in.get("/board").status_code == 303


def test_the_page_never_uses_the_authority_of_its_process(
    client: FlaskClient, gateway: "FakeGateway"
) -> None:
    """The fake, like the gateway, gives the process that runs this test the owner's authority."""
    client.get("/login")
    client.post("/board/a1/acknowledge")
    assert {who for who, _ in gateway.said} == {None}


def test_a_box_without_an_owner_leads_to_its_set_up(
    client: FlaskClient, gateway: "FakeGateway"
) -> None:
    gateway.info = msgspec.structs.replace(gateway.info, claimed=False, staff=())
    for path in ("/", "/login"):
        assert client.get(path).location == "/setup"
    assert client.get("/board", follow_redirects=True).request.path == "/setup"
