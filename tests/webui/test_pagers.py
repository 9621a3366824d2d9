"""The page of one pager: a watch is taught by it, and letters show a pager's table."""

import re
from collections.abc import Iterator

import pytest
from flask.testing import FlaskClient

from gateway.messages import GetSettings
from gateway.setup.messages import ReplaceSettings
from gateway.setup.pager_messages import GetPager
from gateway.simulator.rf_bridges import SimulatedEfm8
from tests.webui.live_shop import LiveShop, signed_in_at

WATCH = """
[[transmitters]]
name = "watches"
driver = "ev1527"
port = "{port}"
hardware = "sonoff-efm8"

[[pagers]]
name = "learner"
address = "A5C3E4"
transmitter = "watches"
"""
PATH = "/status/pager/learner"


@pytest.fixture(scope="module")
def owner(shared_shop: LiveShop) -> FlaskClient:
    return signed_in_at(shared_shop, "owner")


@pytest.fixture
def radio() -> Iterator[SimulatedEfm8]:
    with SimulatedEfm8() as bridge:
        yield bridge


@pytest.fixture
def live(shared_shop: LiveShop, owner: FlaskClient, radio: SimulatedEfm8) -> Iterator[LiveShop]:
    """The shop with one watch more, and as it was before afterwards."""
    before = shared_shop.ask(GetSettings())
    text = before.text + WATCH.format(port=radio.port)
    shared_shop.ask(ReplaceSettings(text=text, replaces_sha256=before.sha256))
    owner.post("/settings/gateway/restart")
    yield shared_shop
    after = shared_shop.ask(GetSettings())
    shared_shop.ask(ReplaceSettings(text=before.text, replaces_sha256=after.sha256))
    owner.post("/settings/gateway/restart")


def codes(page: str) -> dict[str, str]:
    """By kind, the code that stands beside its button."""
    found = re.findall(r'"soft">([0-9A-F]{6}).*?value="(\w+)"', page, re.DOTALL)
    return {kind: code for code, kind in found}


def test_a_watch_is_taught_line_by_line(
    live: LiveShop, owner: FlaskClient, radio: SimulatedEfm8
) -> None:
    before = owner.get(PATH).text
    assert "Hold LEARN on the watch" in before
    assert set(codes(before).values()) == {"A5C3E4"}
    said = owner.post(f"{PATH}/codes", follow_redirects=True).text
    assert "Saved, and in force." in said
    own = codes(said)
    assert {"test", "red", "call"} <= set(own)
    assert len(set(own.values())) == len(own)
    for kind, code in own.items():
        radio.air.clear()
        said = owner.post(f"{PATH}/lesson", data={"kind": kind}, follow_redirects=True).text
        assert "learner: The page was on the air." in said
        assert {f"{each.code:06X}" for each in radio.air} == {code}
    assert live.ask(GetPager(pager="learner")).applied


def test_a_wrong_kind_is_refused_with_words(live: LiveShop, owner: FlaskClient) -> None:
    del live
    said = owner.post(f"{PATH}/lesson", data={"kind": "joy"}, follow_redirects=True)
    assert (said.status_code, "note bad" in said.text) == (200, True)


def test_letters_are_sent_and_their_table_is_taken(
    shared_shop: LiveShop, owner: FlaskClient
) -> None:
    path = "/status/pager/watch-1"
    view = shared_shop.ask(GetPager(pager="watch-1"))
    for charset, text in view.samples.items():
        said = owner.post(f"{path}/sample", data={"charset": charset}, follow_redirects=True).text
        assert "watch-1: The transmitter took the page." in said
        assert text in said
    for charset in ("philips_prg", "latin"):
        said = owner.post(f"{path}/table", data={"charset": charset}, follow_redirects=True).text
        assert "Saved, and in force." in said
        assert shared_shop.ask(GetPager(pager="watch-1")).charset == charset


def test_who_may_what(shared_shop: LiveShop, owner: FlaskClient) -> None:
    gone = owner.get("/status/pager/nobody")
    assert gone.status_code == 403
    assert "There is no such pager any more." in gone.text
    manager, barista = (signed_in_at(shared_shop, name) for name in ("manager", "barista"))
    page = manager.get("/status/pager/watch-1").text
    assert "send-philips_prg" in page
    assert "use-philips_prg" not in page
    said = manager.post("/status/pager/watch-1/table", data={"charset": "philips_prg"})
    assert shared_shop.ask(GetPager(pager="watch-1")).charset == "latin"
    assert said.status_code == 303
    assert barista.get("/status/pager/watch-1").status_code == 403
