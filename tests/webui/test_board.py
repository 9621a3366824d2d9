import re
from typing import TYPE_CHECKING

import msgspec
import pytest
from flask.testing import FlaskClient

from gateway.errors import Refused
from gateway.messages import Acknowledge, AlertView, Resolve
from gateway.model import AlertState, Outcome, ReceiptState
from gateway.sync.messages import LeaderBoardView, LeaderLine
from webui.closing import closing
from webui.screens.board import tone

if TYPE_CHECKING:
    from tests.webui.fake_gateway import FakeGateway

HTMX = {"HX-Request": "true"}


def text_of(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


def test_an_alert_tells_where_how_long_and_what_became_of_the_page(
    signed_in: FlaskClient, gateway: "FakeGateway"
) -> None:
    gateway.raise_alert(age_s=65, presses=3)
    text = text_of(signed_in.get("/board").text)
    assert "Waiting 1 min 5 s ago Exit" in text
    assert "Unhappy customer · zone hall · 3 presses" in text
    assert "The transmitter took the page (watch-1) Next page in" in text


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (ReceiptState.TRANSMITTED, "The page was on the air"),
        (ReceiptState.UNKNOWN, "No answer from the transmitter: the page may be out"),
        (ReceiptState.FAILED, "The page did not go out"),
    ],
)
def test_every_receipt_has_its_words(
    state: ReceiptState, words: str, signed_in: FlaskClient, gateway: "FakeGateway"
) -> None:
    alert = gateway.raise_alert()
    note = msgspec.structs.replace(alert.pages[0], state=state)
    gateway.change("a1", pages=(*alert.pages, note))
    assert words in signed_in.get("/board/alerts").text


def test_the_age_shows_in_a_word_not_only_in_a_colour(gateway: "FakeGateway") -> None:
    alert = gateway.raise_alert()

    def at(age_s: float | None, state: AlertState = AlertState.OPEN) -> str:
        changed = msgspec.structs.replace(alert, state=state)
        return tone(AlertView(alert=changed, age_s=age_s, next_page_s=0, label_ru="", label_en=""))

    assert [at(0), at(39.9), at(40), at(119), at(120)] == [
        "new",
        "new",
        "waiting",
        "waiting",
        "late",
    ]
    assert at(None) == "late"
    assert at(60, AlertState.ACKNOWLEDGED) == "going"
    assert at(121, AlertState.ACKNOWLEDGED) == "late"
    assert at(300, AlertState.CONTACTED) == "met"
    assert at(5, AlertState.MISSED) == "ended"


def test_from_the_first_button_to_the_last_by_plain_forms(
    signed_in: FlaskClient, gateway: "FakeGateway"
) -> None:
    gateway.raise_alert()
    assert "I am going" in signed_in.get("/board").text
    done = signed_in.post("/board/a1/acknowledge")
    assert (done.status_code, done.location) == (303, "/board")
    text = signed_in.get("/board").text
    assert "On the way: Anna" in text
    assert "I am with the customer" in text
    signed_in.post("/board/a1/contact")
    assert "Put it right and close" in signed_in.get("/board").text
    signed_in.post("/case/a1/describe", data={"severity": "1"})
    case = signed_in.get("/case/a1").text
    assert "Souvenir" in case
    assert "Free coffee" not in case
    signed_in.post("/case/a1/resolve", data={"outcome": "recovered", "note": " queue "})
    closing(signed_in.application.extensions).flush()
    assert gateway.asked(Resolve) == [Resolve(alert="a1", outcome=Outcome.RECOVERED, note="queue")]
    text = text_of(signed_in.get("/board").text)
    assert "All calm." in text
    assert "Recovered · Anna" in text


def test_a_script_gets_the_fragment_and_the_messages(
    signed_in: FlaskClient, gateway: "FakeGateway"
) -> None:
    gateway.raise_alert()
    gateway.refuse[Acknowledge] = Refused("already_taken", "taken already by Boris")
    sent = signed_in.post("/board/a1/acknowledge", headers=HTMX)
    assert sent.location == "/board/alerts?said=1"
    fragment = signed_in.get(sent.location, headers=HTMX).text
    assert "<html" not in fragment
    assert 'hx-swap-oob="innerHTML"' in fragment
    assert "Someone else has taken this alert." in fragment


def test_a_poll_takes_no_message_away(signed_in: FlaskClient, gateway: "FakeGateway") -> None:
    gateway.refuse[Acknowledge] = Refused("already_taken", "taken already by Boris")
    signed_in.post("/board/a1/acknowledge")
    assert "has taken" not in signed_in.get("/board/alerts", headers=HTMX).text
    assert "has taken" in signed_in.get("/board").text


def test_an_unknown_refusal_shows_the_gateways_own_words(
    signed_in: FlaskClient, gateway: "FakeGateway"
) -> None:
    gateway.raise_alert()
    gateway.refuse[Acknowledge] = Refused("brand_new", "the moon is <too> full")
    signed_in.post("/board/a1/acknowledge")
    assert "the moon is &lt;too&gt; full" in signed_in.get("/board").text


def test_what_the_shop_wrote_is_never_markup(
    signed_in: FlaskClient, gateway: "FakeGateway"
) -> None:
    gateway.raise_alert(zone="<script>alert(1)</script>")
    text = signed_in.get("/board").text
    assert "<script>alert" not in text
    assert "&lt;script&gt;alert(1)" in text


def test_an_alert_of_another_boot_and_a_quiet_returned_one(
    signed_in: FlaskClient, gateway: "FakeGateway"
) -> None:
    gateway.raise_alert(quiet=True, returns=1, pages=())
    text = signed_in.get("/board").text
    assert "Outside opening hours: shown, not paged." in text
    assert "Back on the board: it was taken, and no outcome came." in text
    assert "transmitter" not in text.lower()


def test_the_best_of_this_shop_are_shown_and_no_other_shop(
    signed_in: FlaskClient, gateway: "FakeGateway"
) -> None:
    assert "Leader boards" not in signed_in.get("/board").text
    lines = (
        LeaderLine(rank=1, account="shop-9", score=50, shop=True),
        LeaderLine(rank=4, account="staff-anna", score=12, name="Anna"),
    )
    board = LeaderBoardView(name="Recoveries", lines=lines, updated_at="", age_s=5)
    gateway.leader_boards = (board,)
    text = text_of(signed_in.get("/board").text)
    assert "Leader boards Customers won back 4. Anna: 12" in text
    assert "shop-9" not in text
