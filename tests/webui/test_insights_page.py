"""What the page makes of answers that a small shop does not give: huge, late, hostile, none."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from flask.testing import FlaskClient

from gateway.config import Ladder
from gateway.errors import Refused
from gateway.insights.messages import (
    Bar,
    Difference,
    Figure,
    GetInsights,
    GetRules,
    InsightsView,
    RulesView,
    Total,
    TrialView,
    TryRules,
)
from gateway.status import Status
from gateway.sync.messages import GetLeaderBoards, LeaderBoardView, LeaderLine
from tests.webui.fake_gateway import PINS, FakeGateway
from webui import charts
from webui.app import create_app
from webui.options import Options

HUGE = 10**15
SCRIPT = "<script>alert(1)</script>"
UNSENT = Figure(name="sync_completeness", unit="percent", n=4, least=1, value=0.0)
VIEW = InsightsView(
    since="2026-11-01",
    until="2026-11-07",
    timezone="UTC",
    at_s=0,
    least=30,
    contact_target_s=120,
    presses=HUGE + 1,
    unsure=2,
    incidents=HUGE,
    figures=(
        Figure(name="cost_per_recovery", unit="cost", n=HUGE, least=30, value=HUGE + 0.5),
        Figure(name="time_to_close", unit="s", n=HUGE, least=30, value=9.95, p90=HUGE),
        Figure(name="of a newer gateway", unit="index", n=1, least=30, value=None),
    ),
    hours=tuple(Bar(name=f"{hour:02}", n=HUGE, value=100.0) for hour in range(24)),
    weekdays=tuple(
        Bar(name=day, n=0, value=None) for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
    ),
    zones=(Bar(name=SCRIPT, n=HUGE, value=0.0),),
    points=(Bar(name="=1+1", n=HUGE, value=0.0),),
    staff=(),
)
BOARDS = (
    LeaderBoardView(
        name="shops",
        lines=(
            LeaderLine(rank=1, account="chain:shop-0071", score=1234.5, shop=True),
            LeaderLine(rank=2, account="chain:shop-0072", score=7, shop=True, name="Corner shop"),
            LeaderLine(rank=3, account="staff-1", score=5, name="Anna"),
            LeaderLine(rank=4, account="staff-9876", score=1),
        ),
        updated_at="2026-11-07T10:00:00Z",
        age_s=7200,
    ),
)
TRIAL = TrialView(
    presses=HUGE,
    by_rule=(Total("red", HUGE, HUGE, 1, 1),),
    by_day=(Total("2026-11-07", 1, 1, 1, 1),),
    by_calls=(Total("00000", HUGE, 0, 1, 0), Total("00016", 1, 1, HUGE, HUGE)),
    differences=(Difference(at_s=0, name=SCRIPT, zone="hall", button=None, would=True),),
    more=HUGE,
)


class Gateway(FakeGateway):
    """Gives these answers."""

    told = VIEW
    uplink = "none"

    def _do(self, request: Any, who: str, token: str | None) -> object:
        known: dict[type[Any], object] = {
            GetInsights: self.told,
            GetLeaderBoards: BOARDS,
            GetRules: RulesView(rules=(), ladder=Ladder(), sha256="x"),
            TryRules: TRIAL,
        }
        return known.get(type(request)) or super()._do(request, who, token)

    def _status(self) -> Status:
        status = super()._status()
        uplink = msgspec.structs.replace(status.uplink, kind=self.uplink)
        return msgspec.structs.replace(status, uplink=uplink)


@pytest.fixture
def gateway(place: Path) -> Iterator[Gateway]:
    fake = Gateway(place / "control.sock")
    yield fake
    fake.stop()


@pytest.fixture
def boris(gateway: Gateway) -> FlaskClient:
    app = create_app(Options(control=gateway.path, secret_key="k" * 32))
    app.config["WTF_CSRF_CHECK_DEFAULT"] = False
    client = app.test_client()
    client.post("/login", data={"staff": "Boris", "pin": PINS["Boris"]})
    return client


def _text(page: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", page).split())


def test_huge_numbers_are_grouped_and_counted(boris: FlaskClient) -> None:
    text = _text(boris.get("/insights").text)
    assert "1,000,000,000,000,001 presses · 1,000,000,000,000,000 incidents" in text
    assert "Cost of a recovery 1,000,000,000,000,000.5" in text
    assert "2 presses while nobody knew the right time" in text
    assert "of a newer gateway too few: 1 of 30" in text
    boris.set_cookie("language", "ru")
    assert "000 001 нажатие ·" in _text(boris.get("/insights").text).replace("\xa0", " ")


def test_the_centres_leader_boards_are_shown_with_their_age(boris: FlaskClient) -> None:
    text = _text(boris.get("/insights").text)
    assert (
        "shops 2 h 0 min old Who Rank Points another shop, …0071 1 1,234.5"
        " Corner shop 2 7 Anna 3 5 a colleague elsewhere, …9876 4 1"
    ) in text
    assert "staff-" not in text
    assert "shop-00" not in text


@pytest.mark.parametrize(
    ("uplink", "figure", "why"),
    [
        ("none", UNSENT, "No central server is set up"),
        ("mqtt", UNSENT, "The server has confirmed nothing yet"),
        ("mqtt", msgspec.structs.replace(UNSENT, n=0, value=None), "Nothing has happened yet"),
        ("none", msgspec.structs.replace(UNSENT, n=0, value=None), "No central server is set up"),
        ("mqtt", msgspec.structs.replace(UNSENT, value=0.5), None),
        ("none", msgspec.structs.replace(UNSENT, name="sla_rate"), None),
    ],
)
def test_a_server_that_has_nothing_yet_is_explained(
    uplink: str, figure: Figure, why: str | None, boris: FlaskClient, gateway: Gateway
) -> None:
    gateway.told = msgspec.structs.replace(VIEW, figures=(figure,))
    gateway.uplink = uplink
    card = boris.get("/insights").text.partition(f'id="{figure.name}"')[2].partition("<details>")[0]
    told = re.findall(r"<p>(.*?)</p>", card)
    assert len(told) == (why is not None)
    assert why is None or told[0].startswith(why)


def test_names_are_text_and_no_formula(boris: FlaskClient) -> None:
    for path in ("/insights", "/insights/rules?try=1"):
        text = boris.get(path).text
        assert SCRIPT not in text
        assert "&lt;script&gt;" in text
    assert "points,'=1+1,index" in boris.get("/insights/table.csv").text


@pytest.mark.parametrize(
    ("path", "request_"), [("/insights", GetInsights), ("/insights/rules?try=1", TryRules)]
)
def test_what_is_still_being_worked_out_is_looked_at_again(
    path: str, request_: type[Any], boris: FlaskClient, gateway: Gateway
) -> None:
    gateway.refuse[request_] = Refused("still_counting", "ask again")
    answer = boris.get(path)
    assert answer.status_code == 200
    assert 'http-equiv="refresh"' in answer.text
    assert "This page looks again by itself." in answer.text
    gateway.refuse.clear()
    assert 'http-equiv="refresh"' not in boris.get(path).text


def test_a_gateway_that_is_away_is_said(boris: FlaskClient, gateway: Gateway) -> None:
    gateway.stop()
    assert boris.get("/insights").status_code == 503


@pytest.mark.parametrize("value", [-5.0, 0.0, 50.0, 100.0, 1e9, None])
def test_columns_stay_within_the_drawing(value: float | None) -> None:
    for each in charts.columns([str(name) for name in range(24)], [value] * 24):
        assert 0 <= each.y <= each.y + each.height <= charts.HEIGHT
        assert 0 <= each.x <= each.x + each.width <= charts.WIDTH
        assert each.told is (value is not None)


def test_only_as_many_labels_as_there_is_room_for() -> None:
    names = [str(name) for name in range(24)]
    labels = [each.label for each in charts.columns(names, [None] * 24) if each.label]
    assert labels == ["0", "3", "6", "9", "12", "15", "18", "21"]
    assert charts.columns([], []) == ()
