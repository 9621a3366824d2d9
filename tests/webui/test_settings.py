"""Settings and devices, with the real gateway behind."""

import io
import re
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from flask.testing import FlaskClient

from gateway.messages import GetSettings, GetStatus, PutSettings
from gateway.model import Label
from gateway.setup.messages import GetSetup, ReplaceSettings, SetTransmitter
from tests.webui.live_shop import LiveShop, claimed
from webui import forms
from webui.look import STATIC
from webui.sections import KEYS, SECTIONS, TAGS
from webui.structures import Button, Staff


@pytest.fixture(scope="module")
def owner(shared_live: LiveShop) -> FlaskClient:
    """The signed-in owner of a box with a transmitter."""
    client = claimed(shared_live, "Owner")
    (port,) = shared_live.ask(GetSetup()).ports
    shared_live.ask(SetTransmitter(port=port.path, driver="tap", address="1001"))
    client.post("/settings/gateway/restart")
    return client


@pytest.fixture
def live(shared_live: LiveShop, owner: FlaskClient) -> Iterator[LiveShop]:
    """The box of that owner; each test finds it with the same settings."""
    before = shared_live.ask(GetSettings())
    yield shared_live
    owner.get("/settings")  # takes the messages that nobody looked at
    after = shared_live.ask(GetSettings())
    if after.text != before.text:
        shared_live.ask(ReplaceSettings(text=before.text, replaces_sha256=after.sha256))
        owner.post("/settings/gateway/restart")


def sha(client: FlaskClient, path: str) -> str:
    found = re.search(r'name="sha256" value="(\w+)"', client.get(path).text)
    assert found
    return found[1]


def put(client: FlaskClient, path: str, data: dict[str, str]) -> Any:
    return client.post(f"{path}/set", data={"sha256": sha(client, path), **data})


RED = {"name": "exit", "pin": "17", "kind": "unhappy", "label.ru": "Плохо", "label.en": "Bad"}


class TestForms:
    def test_every_key_of_every_section_has_its_words(self) -> None:
        keys = {
            field.key
            for section in SECTIONS.values()
            for table in section.kinds.values()
            for field in forms.fields(table)
        }
        assert keys == KEYS.keys()
        tags = {tag for section in SECTIONS.values() for tag in section.kinds if tag}
        assert tags == TAGS.keys()

    def test_what_is_shown_is_read_back_as_it_was(self) -> None:
        button = {
            "name": "exit",
            "pin": 17,
            "kind": "unhappy",
            "label": {"ru": "Плохо", "en": "Bad"},
            "normally_closed": True,
        }
        shift = {"days": ["mon", "tue"], "start": "09:00", "end": "18:00"}
        person = {"name": "Anna", "zones": ["hall", "exit"], "shifts": [shift]}
        tables: list[tuple[type[msgspec.Struct], dict[str, Any]]] = [
            (Button, button),
            (Staff, person),
        ]
        for struct, table in tables:
            rows = forms.fields(struct)
            typed = {name: text for row in rows for name, text in forms.show(row, table).items()}
            read = {row.key: forms.read(row, typed) for row in rows}
            assert forms.changes(table, read).items() <= dict.fromkeys(read).items()
            assert {key: value for key, value in read.items() if value is not None} == table

    @pytest.mark.parametrize(
        ("kind", "typed", "value"),
        [
            ("float", "0,5", 0.5),
            ("float", "40", 40),
            ("range", "1-3", [1, 3]),
            ("range", "4", [4, 4]),
            ("pairs", "red = A5\ncall=B6", {"red": "A5", "call": "B6"}),
            ("words", " a, b ,", ["a", "b"]),
        ],
    )
    def test_people_type_as_they_do(self, kind: str, typed: str, value: object) -> None:
        field = forms.Field("x", kind, (), required=False, default="")
        assert forms.read(field, {"x": typed}) == value

    @pytest.mark.parametrize(
        ("kind", "typed"),
        [
            ("int", "many"),
            ("float", "1.2.3"),
            ("bool", "perhaps"),
            ("range", "x-y"),
            ("float", "nan"),
            ("float", "inf"),
        ],
    )
    def test_what_is_none_of_its_kind_is_not_understood(self, kind: str, typed: str) -> None:
        field = forms.Field("x", kind, (), required=False, default="")
        with pytest.raises(forms.NotUnderstood):
            forms.read(field, {"x": typed})

    def test_defaults_are_shown_as_the_file_would_say_them(self) -> None:
        shown = {field.key: field.default for field in forms.fields(Button)}
        assert (shown["zone"], shown["normally_closed"], shown["led_pin"]) == ("main", "no", "")


def test_a_button_is_added_changed_and_removed(owner: FlaskClient, live: LiveShop) -> None:
    assert put(owner, "/settings/buttons/0", RED).status_code == 303
    assert "Saved, and in force." in owner.get("/settings/buttons").text
    (button,) = live.ask(GetSetup()).buttons
    assert (button.pin, button.label) == (17, Label("Плохо", "Bad"))
    changed = {**RED, "zone": "hall", "led_pin": "18"}
    assert put(owner, "/settings/buttons/0", changed).status_code == 303
    view = live.ask(GetSetup())
    assert (view.buttons[0].zone, view.buttons[0].led_pin) == ("hall", 18)
    assert view.applied
    gone = {"sha256": sha(owner, "/settings/buttons")}
    owner.post("/settings/buttons/0/remove", data=gone)
    assert live.ask(GetSetup()).buttons == ()


def test_what_is_wrong_stands_at_its_field_and_nothing_is_lost(
    owner: FlaskClient, live: LiveShop
) -> None:
    before = live.ask(GetSettings())
    answer = put(owner, "/settings/buttons/0", {**RED, "pin": "99"})
    assert answer.status_code == 422
    assert 'id="wrong-pin"' in answer.text
    assert 'value="99"' in answer.text
    assert 'value="Плохо"' in answer.text
    answer = put(owner, "/settings/buttons/0", {**RED, "pin": "seventeen"})
    assert answer.status_code == 422
    assert "This is not understood." in answer.text
    assert live.ask(GetSettings()) == before


def test_comments_survive_a_change_of_a_key(owner: FlaskClient, live: LiveShop) -> None:
    put(owner, "/settings/ladder", {"repeat_s": "55"})
    text = live.ask(GetSettings()).text
    assert "repeat_s = 55" in text
    assert "as it comes out of its parcel" in text


PARTS: list[tuple[str, dict[str, str], str]] = [
    ("/settings/steps/0", {"after_s": "0", "to.zone": "yes", "to.everyone": "yes"}, "everyone"),
    (
        "/settings/rules/0",
        {"tag": "fault", "name": "broken", "to.everyone": "yes"},
        'kind = "fault"',
    ),
    (
        "/settings/offers/0",
        {"name": "tea", "kind": "coupon", "label.ru": "Чай", "label.en": "Tea"},
        'name = "tea"',
    ),
    ("/settings/hours/0", {"days.mon": "yes", "open": "08:00", "close": "20:00"}, '"08:00"'),
    ("/settings/daily-test", {"at": "09:30"}, 'at = "09:30"'),
    ("/settings/access", {"lockout_after": "3"}, "lockout_after = 3"),
    (
        "/settings/staff/1",
        {"name": "Anna", "role": "staff", "shifts": "mon tue 10:15-18:00"},
        '"10:15"',
    ),
]


def test_every_kind_of_part_can_be_set(owner: FlaskClient, live: LiveShop) -> None:
    for path, data, said in PARTS:
        answer = put(owner, path, data)
        assert answer.status_code == 303, answer.text
        assert said in live.ask(GetSettings()).text
        assert live.ask(GetSetup()).applied


def test_the_server_is_changed_to_another_kind_and_back(owner: FlaskClient, live: LiveShop) -> None:
    put(owner, "/settings/uplink", {"tag": "none"})
    assert live.ask(GetSetup()).uplink == "none"
    assert "Its token" not in owner.get("/settings/uplink?kind=mqtt").text
    assert "Name or address of the broker" in owner.get("/settings/uplink?kind=mqtt").text
    answer = put(owner, "/settings/uplink", {"tag": "achivx", "address": "nowhere"})
    assert answer.status_code == 422


def test_two_who_change_at_once_do_not_overwrite(owner: FlaskClient, live: LiveShop) -> None:
    old = sha(owner, "/settings/ladder")
    put(owner, "/settings/ladder", {"repeat_s": "55"})
    answer = owner.post("/settings/ladder/set", data={"sha256": old, "repeat_s": "66"})
    assert answer.status_code == 422
    assert "changed meanwhile" in answer.text
    assert 'name="repeat_s" value="66"' in answer.text  # what was typed is not lost
    text = live.ask(GetSettings()).text
    assert "repeat_s = 55" in text
    form = {"sha256": old, "text": "# all of it\n" + text, "do": "save"}
    answer = owner.post("/settings/text/set", data=form)
    assert answer.status_code == 422
    assert "changed meanwhile" in answer.text
    assert "# all of it" in answer.text
    assert live.ask(GetSettings()).text == text


class TestText:
    def test_problems_are_told_line_by_line(self, owner: FlaskClient, live: LiveShop) -> None:
        now = live.ask(GetSettings())
        bad = now.text.replace('name = "ACHIVX"', 'name = "ACHIVX"\nnmae = "x"')
        answer = put(owner, "/settings/text", {"text": bad, "do": "save"})
        assert answer.status_code == 422
        line = bad.splitlines().index('nmae = "x"') + 1
        assert f"Line {line}:" in answer.text
        assert "nmae = &#34;x&#34;" in answer.text
        assert live.ask(GetSettings()) == now

    def test_checking_writes_nothing(self, owner: FlaskClient, live: LiveShop) -> None:
        now = live.ask(GetSettings())
        answer = put(owner, "/settings/text", {"text": now.text + "\n# x\n", "do": "check"})
        assert "Nothing is wrong with it." in answer.text
        assert live.ask(GetSettings()) == now

    def test_a_saved_file_comes_back_whole(self, owner: FlaskClient, live: LiveShop) -> None:
        saved = owner.get("/settings/backup")
        assert "attachment" in saved.headers["Content-Disposition"]
        put(owner, "/settings/ladder", {"repeat_s": "55"})
        put(
            owner,
            "/settings/text",
            {"file": (io.BytesIO(saved.data), "gateway.toml"), "text": "", "do": "save"},  # type: ignore[dict-item]
        )
        assert live.ask(GetSettings()).text == saved.text

    def test_a_large_file_passes_and_a_larger_one_does_not(
        self, owner: FlaskClient, live: LiveShop
    ) -> None:
        text = live.ask(GetSettings()).text + "# " + "й" * 100_000 + "\n"
        put(owner, "/settings/text", {"text": text, "do": "save"})
        assert live.ask(GetSettings()).text == text
        assert put(owner, "/settings/text", {"text": "x" * 900_000}).status_code == 413

    def test_earlier_settings_are_taken_up_again(self, owner: FlaskClient, live: LiveShop) -> None:
        before = live.ask(GetSettings()).text
        put(owner, "/settings/ladder", {"repeat_s": "55"})
        history = owner.get("/settings/history").text
        assert "Owner</strong>" in history
        number = re.findall(r"/settings/history/(\d+)", history)[0]
        page = owner.get(f"/settings/history/{number}").text
        assert "repeat_s" not in page
        put(owner, "/settings/text", {"text": before, "do": "save"})
        assert live.ask(GetSettings()).text == before
        missing = owner.get("/settings/history/999", follow_redirects=True)
        assert "no longer kept" in missing.text


def test_settings_that_cannot_be_started_on_are_taken_back(
    owner: FlaskClient, live: LiveShop
) -> None:
    now = live.ask(GetSettings())
    bad = now.text.replace(str(live.shop.control_socket), "/proc/nowhere/control.sock")
    live.ask(PutSettings(text=bad, replaces_sha256=now.sha256))
    put(owner, "/settings/text", {"text": bad + "\n", "do": "save"})
    assert "the ones before are back" in owner.get("/settings").text


def test_a_new_pin_is_given(owner: FlaskClient) -> None:
    owner.post("/settings/people/pin", data={"staff": "Owner", "pin": "1234"})
    assert "Too easy to guess" in owner.get("/settings/people").text
    owner.post("/settings/people/pin", data={"staff": "Owner", "pin": "tea and cake"})
    login = {"staff": "Owner", "pin": "tea and cake"}
    assert owner.post("/login", data=login).location == "/"


class TestDevices:
    def test_a_test_page_goes_to_a_pager(self, owner: FlaskClient, live: LiveShop) -> None:
        form = {"pager": "pager-1"}
        sent = owner.post("/status/page", data=form, follow_redirects=True)
        assert "The transmitter took the page. Did it buzz?" in sent.text
        page = live.shop.terminal.wait_for_page(5.0)
        assert page is not None
        assert page.pager == "1001"
        took = r"<strong>pager-1</strong><br>.*The transmitter took the page"
        while not re.search(took, owner.get("/status").text):
            pass  # its receipt comes a moment after it

    def test_an_led_and_the_buzzer_are_tried(self, owner: FlaskClient, live: LiveShop) -> None:
        put(owner, "/settings/buttons/0", {**RED, "kind": "happy", "led_pin": "18"})
        assert 'id="try-buzzer"' not in owner.get("/status").text
        put(owner, "/settings/inputs", {"buzzer_pin": "19", "simulated": "yes"})
        text = owner.get("/status").text
        assert 'id="light-exit"' in text
        assert 'id="try-buzzer"' in text
        owner.post("/status/signal", data={"button": "exit"})
        assert "The LED of exit flashes for 5 s." in owner.get("/status").text
        owner.post("/status/signal")
        assert "The buzzer sounds three times." in owner.get("/status").text
        owner.post("/status/signal", data={"button": "nowhere"})
        assert "There is no LED or buzzer to try here." in owner.get("/status").text
        stranger = owner.application.test_client()
        assert stranger.post("/status/signal").location.startswith("/login")
        assert live.ask(GetStatus()).faults == ()

    def test_a_fault_says_what_to_do_and_is_in_the_log(
        self, owner: FlaskClient, live: LiveShop
    ) -> None:
        live.shop.terminal.stop()
        owner.post("/settings/gateway/restart")
        log = ""
        while "The transmitter main does not work: pages may not go out." not in log:
            text = owner.get("/status").text  # the log is the journal's: it comes a moment later
            log = text.partition("Faults of late")[2]
        assert "Look at its power and its cable" in text
        assert 'href="/status/faults"' in log
        whole = owner.get("/status/faults").text
        assert "The transmitter main does not work: pages may not go out." in whole
        assert 'id="older"' not in whole
        live.shop.terminal.start()


def test_a_page_with_all_its_files_is_small(owner: FlaskClient) -> None:
    for path in ("/setup/buttons", "/setup/transmitter", "/settings/buttons/0"):
        text = owner.get(path).text
        names = set(re.findall(r'"/static/([\w./-]+)\?', text))
        files = sum((STATIC / name).stat().st_size for name in names)
        assert len(text.encode()) + files <= 80_000, path
        assert not re.search(r"<style|\sstyle=|\son\w+=|hx-on|javascript:", text), path
