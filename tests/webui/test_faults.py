"""Every fault of the gateway has its sentence."""

import re
from typing import TYPE_CHECKING

import pytest
from flask.testing import FlaskClient

from gateway.journal.retention import Room
from gateway.overview import room_words
from gateway.sync.pushed import PART
from webui import faults
from webui.look import STATIC

if TYPE_CHECKING:
    from tests.webui.conftest import FakeGateway

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
    language: str, sentence: str, signed_in: FlaskClient, gateway: "FakeGateway"
) -> None:
    signed_in.set_cookie("language", language)
    gateway.faults = ("uplink/aside: box-1.e.7", "moon: too full")
    text = signed_in.get("/status/parts").text
    assert sentence in text
    assert "moon." in text
    assert '<span class="soft" lang="en">too full</span>' in text
