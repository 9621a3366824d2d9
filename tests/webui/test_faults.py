"""Every fault of the gateway has its sentence."""

import html
import re
import time
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from gateway.events import FaultCleared, FaultRaised
from gateway.journal.retention import Room
from gateway.overview import room_words
from gateway.sync.pushed import PART
from tests.insights.filling import at, fill
from tests.webui.fake_gateway import FakeGateway
from tests.webui.live_shop import LiveShop, signed_in_at
from webui import faults
from webui.look import STATIC

GATEWAY = STATIC.parents[1] / "gateway"
_SET = re.compile(r'(?:faults\.(?:set|replace)|self\._tell|part =)\(?\s*f?"([\w/-]+)')


def parts_of_the_gateway() -> set[str]:
    """The parts that its sources name, a name that is filled in left out."""
    found = {
        part
        for source in GATEWAY.rglob("*.py")
        if "simulator" not in source.parts
        for part in _SET.findall(source.read_text())
    }
    return found | {PART} | set(room_words(Room()))


def test_the_sources_are_read() -> None:
    parts = parts_of_the_gateway()
    assert {"transmitter/", "button/", "input/", "pager/", "uplink/aside", "personal"} <= parts
    assert {"settings", "box/factory-reset", "journal/old", "journal/room", "centre"} <= parts


def test_every_part_has_a_sentence_of_its_own() -> None:
    assert [part for part in parts_of_the_gateway() if not faults.is_known(part)] == []


@pytest.mark.parametrize(
    ("language", "sentence"),
    [
        ("en", "One event could not be booked on the server, and is set aside for good."),
        ("ru", "Одно событие нельзя записать на сервере, оно отложено навсегда."),
    ],
)
def test_it_is_told_in_the_readers_language(
    language: str, sentence: str, signed_in: FlaskClient, gateway: FakeGateway
) -> None:
    signed_in.set_cookie("language", language)
    gateway.faults = ("uplink/aside: box-1.e.7", "moon: too full")
    text = signed_in.get("/status/parts").text
    assert sentence in text
    assert "moon." in text
    assert '<span class="soft" lang="en">too full</span>' in text


# --- the log, on the real gateway --------------------------------------------------------------


@pytest.fixture(scope="module")
def barista(shared_shop: LiveShop) -> FlaskClient:
    """One of the staff of a shop in which something has broken sixty times."""
    shared_shop.do(shared_shop.shop.stop_gateway())
    began = time.time() - 3600
    fill(
        Path(shared_shop.shop.config.paths.journal),
        (
            entry
            for number in range(60)
            for entry in (
                (FaultRaised("moon", f"no. {number}"), at(began + 10 * number)),
                (FaultCleared("moon"), at(began + 10 * number + 5)),
            )
        ),
    )
    shared_shop.do(shared_shop.shop.start_gateway())
    return signed_in_at(shared_shop, "barista")


def link(page: str, name: str) -> str:
    found = re.search(f'id="{name}" href="([^"]+)"', page)
    assert found
    return html.unescape(found[1])


def numbers(page: str) -> list[int]:
    return [int(each) for each in re.findall(r"no\. (\d+)", page)]


def test_the_page_of_devices_shows_the_latest_and_leads_to_the_log(barista: FlaskClient) -> None:
    page = barista.get("/status").text
    assert numbers(page) == [59, 58, 57, 56, 55]
    assert 'href="/status/faults">The whole log</a>' in page


def test_the_log_is_read_page_by_page_and_back(barista: FlaskClient) -> None:
    first = barista.get("/status/faults").text
    assert 'id="newer"' not in first
    second = barista.get(link(first, "older")).text
    third = barista.get(link(second, "older")).text
    assert numbers(first + second + third) == list(range(59, -1, -1))
    assert 'id="older"' not in third
    assert numbers(barista.get(link(third, "newer")).text) == numbers(second)
    assert numbers(barista.get(link(second, "newer")).text) == numbers(first)


@pytest.mark.parametrize(
    "query", ["before=x", "before=-1", f"after={10**30}", "before=", "after=²"]
)
def test_an_address_that_leads_nowhere_shows_the_latest(query: str, barista: FlaskClient) -> None:
    answer = barista.get(f"/status/faults?{query}")
    assert answer.status_code == 200
    assert numbers(answer.text)[0] == 59


def test_before_the_first_there_is_nothing(barista: FlaskClient) -> None:
    page = barista.get("/status/faults?before=0").text
    assert "None in this part of the journal." in page
    assert numbers(barista.get(link(page, "newer")).text)[-1] == 0
