from typing import TYPE_CHECKING

from flask.testing import FlaskClient

from gateway.model import AlertState
from gateway.simulator.messages import Buzz, Shop, Watch
from webui.closing import closing
from webui.screens.demo import wrists

if TYPE_CHECKING:
    from tests.webui.fake_gateway import FakeGateway
    from tests.webui.fake_shop import FakeShop

ANNA = {"staff": "Anna", "pin": "1234"}


def test_the_root_greets_a_visitor_with_what_to_do(demo: FlaskClient) -> None:
    assert demo.get("/").location == "/demo"
    text = demo.get("/demo").text
    assert "Press a red face, watch the pager buzz" in text
    assert text.count('class="push ') == 6
    assert "PIN 1234" in text
    assert "Sign in as Boris" in text


def test_a_press_buzzes_the_watch_and_fills_the_ledger(demo: FlaskClient, shop: "FakeShop") -> None:
    assert demo.post("/demo/press", data={"button": "exit"}).location == "/demo"
    text = demo.get("/demo").text
    assert "Pressed. It counts." in text
    assert "RED Exit hall" in demo.get("/demo/watches").text
    assert 'class="watch buzzing"' in demo.get("/demo/watches").text
    assert "press_red" in demo.get("/demo/ledger").text
    shop.verdicts = ("repeat",)
    answer = demo.post("/demo/press", data={"button": "exit"}, headers={"HX-Request": "true"})
    assert "it does not count: the same button again too soon." in answer.text
    assert answer.headers["HX-Trigger"] == "refetch"


def test_a_button_that_is_not_there_is_refused_in_words(demo: FlaskClient) -> None:
    demo.post("/demo/press", data={"button": "nope"})
    assert "There is no such button any more." in demo.get("/demo").text


def test_staff_answer_and_the_counter_redeems_without_leaving_the_page(
    demo: FlaskClient, gateway: "FakeGateway"
) -> None:
    assert demo.post("/login", data={**ANNA, "next": "/demo"}).location == "/demo"
    gateway.raise_alert()
    back = {"back": "demo"}
    assert 'name="back" value="demo"' in demo.get("/board/alerts?back=demo").text
    assert demo.post("/board/a1/acknowledge", data=back).location == "/demo"
    demo.post("/board/a1/contact", data=back)
    assert "/demo?case=a1" in demo.get("/demo").text
    assert "How serious is it?" in demo.get("/demo?case=a1").text
    granted = demo.post("/case/a1/grant", data={**back, "form": "f", "offer": "coffee"})
    assert granted.location == "/demo?case=a1#promised"
    assert demo.post("/case/a1/resolve", data={**back, "outcome": "recovered"}).location == "/demo"
    closing(demo.application.extensions).flush()
    assert gateway.alerts["a1"].state is AlertState.RESOLVED
    assert "/demo?code=GIFT-0000#counter" in demo.get("/demo").text
    assert 'value="GIFT-0000"' in demo.get("/demo?code=GIFT-0000").text
    assert demo.post("/counter/redeem", data={**back, "code": "GIFT-0000"}).location == "/demo"
    assert "Hand over:" in demo.get("/demo").text


def test_a_case_that_is_gone_shows_the_board(demo: FlaskClient) -> None:
    demo.post("/login", data=ANNA)
    assert "All calm." in demo.get("/demo?case=nothing").text


def test_without_the_simulator_the_page_says_so(demo: FlaskClient, shop: "FakeShop") -> None:
    shop.stop()
    assert demo.get("/demo").status_code == 503
    assert demo.get("/board").status_code == 303


def test_a_watch_shakes_for_a_few_seconds() -> None:
    watch = Watch(pager="w", address="1", worn_by="Anna", buzzes=(Buzz(text="t", at=100.0),))
    still = Watch(pager="w", address="1", worn_by="Anna", buzzes=())
    shop = Shop(buttons=(), watches=(watch, still), staff=(), accounts=(), ledger=())
    assert [wrist.is_buzzing for wrist in wrists(shop, 105.9)] == [True, False]
    assert [wrist.is_buzzing for wrist in wrists(shop, 106.1)] == [False, False]
