import io
import re
import tomllib
from typing import TYPE_CHECKING

import msgspec
import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from flask import Flask
from flask.testing import FlaskClient

from gateway.errors import Refused
from gateway.messages import Acknowledge
from gateway.model import (
    AlertCause,
    ButtonKind,
    Language,
    Outcome,
    PressFlag,
    ReceiptState,
    Role,
)
from webui import words
from webui.look import STATIC
from webui.refusals import REFUSALS

if TYPE_CHECKING:
    from tests.webui.fake_gateway import FakeGateway

ROOM = STATIC.parent
CATALOGUE = ROOM / "translations" / "ru" / "LC_MESSAGES"
METHODS = [("**.py", "python"), ("templates/**.html", "jinja2")]
RUSSIAN = {"Accept-Language": "ru-RU,ru;q=0.9"}


@pytest.fixture(scope="module")
def russian() -> Catalog:
    with (CATALOGUE / "messages.po").open("rb") as file:
        return read_po(file, locale="ru")


def said_by_the_page() -> set[str | tuple[str, ...]]:
    options = {"templates/**.html": {"trim_blocks": "true", "lstrip_blocks": "true"}}
    keywords = {**DEFAULT_KEYWORDS, "lazy_gettext": None}
    found = extract_from_dir(ROOM, METHODS, options, keywords=keywords)
    return {message for _, _, message, _, _ in found}


class TestCatalogue:
    def test_nothing_is_missing_and_nothing_left_over(self, russian: Catalog) -> None:
        known = {message.id for message in russian if message.id}
        assert said_by_the_page() == known
        assert not russian.obsolete

    def test_everything_is_translated(self, russian: Catalog) -> None:
        for message in russian:
            strings = message.string if isinstance(message.string, tuple) else (message.string,)
            assert all(strings), message.id
            assert not message.fuzzy or not message.id
            assert not list(message.check(russian)), message.id

    def test_the_compiled_catalogue_is_in_step(self, russian: Catalog) -> None:
        compiled = io.BytesIO()
        write_mo(compiled, russian)
        assert (CATALOGUE / "messages.mo").read_bytes() == compiled.getvalue()

    def test_it_goes_with_the_package(self) -> None:
        project = tomllib.loads((ROOM.parent / "pyproject.toml").read_text())
        assert "translations/**" in project["tool"]["setuptools"]["package-data"]["webui"]


class TestChoice:
    def test_the_shops_language_is_the_default(
        self, client: FlaskClient, gateway: "FakeGateway"
    ) -> None:
        assert '<html lang="en">' in client.get("/login", headers=RUSSIAN).text
        gateway.info = msgspec.structs.replace(gateway.info, language=Language.RU)
        text = client.get("/login", headers={"Accept-Language": "en"}).text
        assert '<html lang="ru">' in text
        assert "Кто вы?" in text

    def test_without_the_gateway_the_browser_decides(
        self, client: FlaskClient, gateway: "FakeGateway"
    ) -> None:
        gateway.stop()
        assert "Шлюз не отвечает" in client.get("/login", headers=RUSSIAN).text
        other = client.get("/login", headers={"Accept-Language": "fi"})
        assert "The gateway does not answer" in other.text

    def test_the_readers_choice_is_remembered(self, client: FlaskClient) -> None:
        sent = client.post("/language", data={"language": "ru", "to": "/login?staff=Anna"})
        assert sent.location == "/login?staff=Anna"
        assert "Кто вы?" in client.get("/login").text

    def test_a_made_up_choice_changes_nothing(self, client: FlaskClient) -> None:
        assert client.post("/language", data={"language": "xx"}).status_code == 400
        client.set_cookie("language", "../../etc")
        assert '<html lang="en">' in client.get("/login").text

    def test_the_way_back_stays_here(self, client: FlaskClient) -> None:
        sent = client.post("/language", data={"language": "ru", "to": "//evil.example"})
        assert sent.location == "/"


class TestWords:
    @pytest.mark.parametrize(
        ("number", "words_of_it"),
        [
            (1, "1 нажатие"),
            (2, "2 нажатия"),
            (5, "5 нажатий"),
            (11, "11 нажатий"),
            (21, "21 нажатие"),
        ],
    )
    def test_russian_counts_as_russians_do(
        self, number: int, words_of_it: str, signed_in: FlaskClient, gateway: "FakeGateway"
    ) -> None:
        signed_in.set_cookie("language", "ru")
        gateway.raise_alert(presses=number)
        assert re.search(rf"\b{words_of_it}\b", signed_in.get("/board/alerts").text)

    def test_labels_are_in_the_readers_language(
        self, signed_in: FlaskClient, gateway: "FakeGateway"
    ) -> None:
        gateway.raise_alert()
        assert ">Exit</h2>" in signed_in.get("/board").text
        signed_in.set_cookie("language", "ru")
        assert ">Выход</h2>" in signed_in.get("/board").text

    def test_refusals_too(self, signed_in: FlaskClient, gateway: "FakeGateway") -> None:
        signed_in.set_cookie("language", "ru")
        gateway.refuse[Acknowledge] = Refused("not_open", "it has ended")
        signed_in.post("/board/a1/acknowledge")
        assert "Этот вызов уже закрыт." in signed_in.get("/board").text

    def test_every_code_of_the_gateway_has_a_sentence(self) -> None:
        """The codes in its sources, but for those that no page can hear."""
        codes = {
            code
            for source in (ROOM.parent / "gateway").rglob("*.py")
            if source.parent.name != "simulator"
            for code in re.findall(r'Refused\(\s*"(\w+)"', source.read_text())
        }
        of_commands = {"no_receipt", "no_test"}
        told_with_its_own_words = {"not_valid"}
        assert codes - REFUSALS.keys() == of_commands | told_with_its_own_words

    def test_every_word_of_the_model_has_its_words(self) -> None:
        for table, vocabulary in (
            (words.CAUSES, AlertCause),
            (words.OUTCOMES, Outcome),
            (words.RECEIPTS, ReceiptState),
            (words.FLAGS, PressFlag),
            (words.KINDS, ButtonKind),
            (words.ROLES, Role),
        ):
            assert set(table) == set(vocabulary)

    def test_lengths_of_time(self, app: Flask) -> None:
        with app.test_request_context(headers={"Cookie": "language=en"}):
            spoken = [words.duration(s) for s in (-1, 0, 59.9, 60, 3599, 3600, 90000)]
        assert spoken == [
            "0 s",
            "0 s",
            "59 s",
            "1 min 0 s",
            "59 min 59 s",
            "1 h 0 min",
            "25 h 0 min",
        ]

    def test_a_word_that_this_page_does_not_know_is_shown_as_it_is(self) -> None:
        assert words.word(words.ROLES, "astronaut") == "astronaut"
