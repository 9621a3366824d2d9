"""Where a fixed list is the truth, a form of the settings offers it: nobody types such words."""

from collections.abc import Iterator
from html.parser import HTMLParser

import pytest
from flask.testing import FlaskClient

from gateway.config.values import RULES, Choice, Each
from gateway.messages import GetSettings
from gateway.setup.messages import ReplaceSettings
from tests.webui.live_shop import LiveShop, signed_in_at
from webui.sections import SECTIONS


class Form(HTMLParser):
    """The settings form of a page: what a browser would send, and what can be chosen.

    `sent` is by the names of the inputs, `offered` the options of each select and the tick boxes
    of each group under what stands before their last dot.
    """

    def __init__(self, page: str) -> None:
        super().__init__()
        self.sent: dict[str, str] = {}
        self.offered: dict[str, list[str]] = {}
        self.hints: dict[str, list[str]] = {}
        self._list: list[str] = []
        self._text = ""
        self._name = ""
        self.feed(page.partition('<form class="card"')[2].partition("</form>")[0])

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {key: value or "" for key, value in attrs}
        name = found.get("name", "")
        if tag == "input" and found.get("type") == "checkbox":
            key, _, choice = name.partition(".")
            self.offered.setdefault(key, []).append(choice)
            if "checked" in found:
                self.sent[name] = found["value"]
        elif tag == "input":
            self.sent[name] = found.get("value", "")
        elif tag == "select":
            self._name, self._list = name, self.offered.setdefault(name, [])
        elif tag == "datalist":
            self._name, self._list = "", self.hints.setdefault(found["id"], [])
        elif tag == "option":
            self._list.append(found["value"])
            if self._name and (self._name not in self.sent or "selected" in found):
                self.sent[self._name] = found["value"]
        elif tag == "textarea":
            self._name, self._text = name, ""

    def handle_data(self, data: str) -> None:
        self._text += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea":
            self.sent[self._name] = self._text


@pytest.fixture(scope="module")
def owner(shared_shop: LiveShop) -> FlaskClient:
    return signed_in_at(shared_shop, "owner")


@pytest.fixture
def live(shared_shop: LiveShop, owner: FlaskClient) -> Iterator[LiveShop]:
    """The shop of that owner, with the settings that every test finds."""
    before = shared_shop.ask(GetSettings())
    yield shared_shop
    after = shared_shop.ask(GetSettings())
    if after.text != before.text:
        shared_shop.ask(ReplaceSettings(text=before.text, replaces_sha256=after.sha256))
        owner.post("/settings/gateway/restart")


def form(client: FlaskClient, path: str) -> Form:
    answer = client.get(f"/settings/{path}")
    assert answer.status_code == 200
    return Form(answer.text)


def count(client: FlaskClient, name: str) -> int:
    """How many there are in a section with a list."""
    return client.get(f"/settings/{name}").text.count('class="row"')


def lists() -> Iterator[tuple[str, str, str, tuple[str, ...]]]:
    """Every value whose rule is a list: its section, the section's kind, its key, and the list."""
    for name, section in SECTIONS.items():
        for tag, table in section.kinds.items():
            for struct, key in RULES:
                rule = RULES[struct, key]
                rule = rule.rule if isinstance(rule, Each) else rule
                if struct is table and isinstance(rule, Choice):
                    yield name, tag, key, tuple(map(str, rule.values))


LISTS = list(lists())


def test_lists_are_found() -> None:
    assert {"keep", "pull", "plaintext", "rate", "charset", "days", "baud", "hardware"} <= {
        key for _, _, key, _ in LISTS
    }


@pytest.mark.parametrize(
    ("name", "tag", "key", "values"), LISTS, ids=["-".join(each[:3]) for each in LISTS]
)
def test_a_value_of_a_fixed_list_is_chosen(
    name: str, tag: str, key: str, values: tuple[str, ...], owner: FlaskClient
) -> None:
    new = f"{name}/{count(owner, name)}" if SECTIONS[name].is_list else name
    offered = form(owner, f"{new}?kind={tag}").offered[key]
    assert [value for value in offered if value] == list(values)


@pytest.mark.parametrize(
    ("path", "key", "some"),
    [
        ("pagers/0", "transmitter", ["", "radio"]),
        ("staff/0", "pager", ["", "watch-1", "watch-2"]),
        ("daily-test", "pagers", ["watch-1", "watch-2"]),
        ("staff/0", "zones", ["exit", "hall"]),
        ("steps/0", "to", ["zone", "managers", "everyone", "staff:barista", "staff:manager"]),
        ("security", "to", ["zone", "managers", "everyone", "staff:barista", "staff:manager"]),
        ("rules/0", "panels", ["exit", "hall", "counter"]),
    ],
)
def test_names_of_the_settings_are_chosen(
    path: str, key: str, some: list[str], owner: FlaskClient
) -> None:
    assert form(owner, path).offered[key] == some


def test_causes_time_zones_and_hints_are_the_boxs(owner: FlaskClient) -> None:
    causes = form(owner, "offers/0").offered["causes"]
    assert "delay" in causes
    assert form(owner, "buttons/0").offered["cause"] == ["", *causes]
    zones = form(owner, "shop").offered["timezone"]
    assert {"UTC", "Europe/Moscow", "Asia/Vladivostok"} <= set(zones)
    assert zones[1:] == sorted(zones[1:])
    found = form(owner, "transmitters/0")
    assert any("TAP" in port for port in found.hints["hints-port"])
    assert form(owner, "buttons/0").hints["hints-zone"] == ["exit", "hall"]
    assert "waveware" in form(owner, "transmitters/1?kind=template").hints["hints-template"]


def test_what_is_chosen_is_told_in_words(owner: FlaskClient) -> None:
    page = owner.get("/settings/customers").text
    assert "as usual: a fingerprint alone</option>" in page
    assert ">the account itself</option>" in page
    page = owner.get("/settings/steps/0").text
    assert "<span>whoever is on duty in the zone</span>" in page
    assert "<span>barista</span>" in page
    owner.set_cookie("language", "ru")
    assert "<span>понедельник</span>" in owner.get("/settings/hours/0").text
    owner.set_cookie("language", "en")


def test_a_name_that_nothing_has_any_more_is_not_lost(owner: FlaskClient, live: LiveShop) -> None:
    now = live.ask(GetSettings())
    text = now.text.replace('zones = ["hall"]', 'zones = ["cellar", "hall"]')
    result = live.ask(ReplaceSettings(text=text, replaces_sha256=now.sha256))
    assert result.problems == ()
    found = form(owner, "staff/1")
    assert found.offered["zones"] == ["exit", "hall", "cellar"]
    assert (found.sent["zones.cellar"], found.sent["zones.hall"]) == ("yes", "yes")
    assert "zones.exit" not in found.sent


def elements(client: FlaskClient) -> Iterator[str]:
    """The address of every form that there is something in."""
    for name, section in SECTIONS.items():
        if not section.is_list:
            yield name
            continue
        yield from (f"{name}/{at}" for at in range(count(client, name)))


def test_a_form_that_is_sent_back_untouched_changes_nothing(
    owner: FlaskClient, live: LiveShop
) -> None:
    before = live.ask(GetSettings()).text
    # There is no daily test in this shop: its time would have to be said first.
    paths = [path for path in elements(owner) if path != "daily-test"]
    assert len(paths) > 20
    for path in paths:
        sent = form(owner, path).sent
        assert owner.post(f"/settings/{path}/set", data=sent).status_code == 303, path
        assert live.ask(GetSettings()).text == before, path


def test_days_of_shifts_are_written_in_the_readers_language(
    owner: FlaskClient, live: LiveShop
) -> None:
    owner.set_cookie("language", "ru")
    try:
        sent = {**form(owner, "staff/0").sent, "shifts": "Пн, вт 10:15-18:00\nsat 10:00–12:00"}
        assert owner.post("/settings/staff/0/set", data=sent).status_code == 303
        assert form(owner, "staff/0").sent["shifts"] == "пн вт 10:15–18:00\nсб 10:00–12:00"
    finally:
        owner.set_cookie("language", "en")
    text = live.ask(GetSettings()).text
    assert 'days = ["mon", "tue"]' in text
    assert form(owner, "staff/0").sent["shifts"] == "mon tue 10:15–18:00\nsat 10:00–12:00"


def test_several_are_ticked_and_unticked(owner: FlaskClient, live: LiveShop) -> None:
    path = "security"
    sent = form(owner, path).sent
    assert owner.post(f"/settings/{path}/set", data={**sent, "to.staff:barista": "yes"}).status_code
    assert 'to = ["managers", "staff:barista"]' in live.ask(GetSettings()).text
    sent = form(owner, path).sent
    del sent["to.managers"]
    owner.post(f"/settings/{path}/set", data=sent)
    assert 'to = ["staff:barista"]' in live.ask(GetSettings()).text
    refused = owner.post(
        "/settings/staff/0/set",
        data={**form(owner, "staff/0").sent, "name": "", "zones.hall": "yes"},
    )
    assert refused.status_code == 422
    again = Form(refused.text)
    assert again.sent["zones.hall"] == "yes"
    assert "zones.exit" not in again.sent
