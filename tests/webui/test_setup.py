"""The first run of a box, with the real gateway, as its owner and others try it."""

import re
import signal
from typing import TYPE_CHECKING, Any

import pytest
from flask.testing import FlaskClient
from playwright.sync_api import Locator, Page, expect

from gateway.messages import GetAlerts, GetSettings, GetStatus, Hello
from gateway.model import ButtonKind, Outcome, Role
from gateway.setup.messages import AddPerson, GetSetup, PressPin, SetShop, SetupStep, StepState
from webui.app import create_app
from webui.options import Options

if TYPE_CHECKING:
    from tests.webui.live_shop import LiveShop
    from tests.webui.sites import Site

TAPS = 17
PASSWORD = "coffee and cake"
SCRIPT = "<script>alert(1)</script>"
OWNER = {"ru": "Владелец", "en": "Owner"}
TINY = """[...document.querySelectorAll('a, button, summary, select, input:not([type=hidden])')]
    .map(one => [(one.closest('label.choice') || one).getBoundingClientRect(), one.outerHTML])
    .filter(([box]) => box.width > 1 && (box.height < 44 || box.width < 44))
    .map(([box, text]) => text)"""


class Finger:
    """Taps and types as a person with a phone does, and counts the taps."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.taps = 0

    def tap(self, target: Locator) -> None:
        target.tap()
        self.taps += 1

    def write(self, name: str, text: str) -> None:
        """Type into a field; a tap only where the page has not put the cursor there itself."""
        field = self.page.locator(f"[name={name}]")
        if not field.evaluate("one => one === document.activeElement"):
            self.tap(field)
        self.page.keyboard.type(text)

    def arrive(self, path: str) -> None:
        """A page is there; everything fits a narrow phone, and everything can be hit."""
        self.page.wait_for_url(f"**{path}")
        self.check()

    def check(self) -> None:
        """Everything fits a narrow phone, and everything can be hit."""
        assert self.page.evaluate("document.documentElement.scrollWidth") <= 360, self.page.url
        assert self.page.evaluate(TINY) == [], self.page.url


@pytest.fixture
def phone(live_site: "Site") -> Page:
    return live_site.window(has_touch=True, timezone_id="Asia/Yekaterinburg")


@pytest.fixture
def client(live: "LiveShop") -> FlaskClient:
    """The page without a browser, with every guard in earnest."""
    options = Options(control=live.shop.control_socket, secret_key="k" * 32)
    return create_app(options).test_client()


def csrf(client: FlaskClient, path: str) -> str:
    found = re.search(
        r'name="csrf_token" value="([^"]+)"', client.get(path, follow_redirects=True).text
    )
    assert found
    return found[1]


def post(client: FlaskClient, path: str, data: dict[str, str], *, seen: str = "/setup") -> Any:
    sent = {**data, "csrf_token": csrf(client, seen)}
    return client.post(path, data=sent)


def claim(client: FlaskClient, code: str, password: str = PASSWORD) -> Any:
    client.set_cookie("language", "en")
    return post(client, "/setup/claim/set", {"code": code, "password": password, "name": "Owner"})


def place(finger: Finger, live: "LiveShop", pin: int, kind: ButtonKind) -> None:
    expect(finger.page.locator(".calm .icon")).to_be_visible()
    live.ask(PressPin(pin=pin))  # the button on the wall
    face = finger.page.locator(f"#kind-{kind}")
    expect(face).to_be_visible()
    finger.check()
    finger.tap(face)


@pytest.mark.parametrize("language", ["ru", "en"])
def test_a_box_is_set_up_in_seventeen_taps(
    language: str, phone: Page, live_site: "Site", live: "LiveShop"
) -> None:
    finger = Finger(phone)
    phone.goto("/")
    finger.arrive("/setup")
    finger.tap(phone.locator(f"button[value={language}]"))
    expect(phone.locator("[name=code]")).to_be_focused()
    finger.check()
    finger.write("code", f"{live.code[:4]} {live.code[5:].lower()}")
    finger.write("password", PASSWORD)
    finger.tap(phone.locator("form.card .big"))
    finger.arrive("/setup/shop")
    finger.write("name", "Кофейня «Утро»")
    finger.tap(phone.locator("form.card .big"))
    finger.arrive("/setup/transmitter")
    finger.write("address", "1001")
    finger.tap(phone.locator("form.card .big"))
    expect(phone.locator(".watch.buzzing")).to_have_count(1)
    finger.check()
    finger.tap(phone.locator("#buzzed"))
    finger.arrive("/setup/buttons")
    place(finger, live, 17, ButtonKind.VERY_HAPPY)
    place(finger, live, 27, ButtonKind.VERY_UNHAPPY)
    place(finger, live, 22, ButtonKind.CALL)
    expect(phone.locator(".rows > li")).to_have_count(3)
    finger.tap(phone.locator("#all"))
    finger.arrive("/setup/staff")
    finger.write("name", "Anna")
    finger.tap(phone.locator("form.card button"))
    expect(phone.locator(".rows > li")).to_have_count(2)
    finger.tap(phone.locator("main > form .big"))
    finger.arrive("/setup/server")
    finger.tap(phone.locator("main > form .big"))
    finger.arrive("/setup/rehearsal")
    live.ask(PressPin(pin=27))
    expect(phone.locator(".checks .done")).to_have_count(2)
    finger.check()
    finger.tap(phone.locator("#going"))
    finger.tap(phone.locator("#finish"))
    expect(phone.locator("#messages .good")).to_be_visible()
    assert finger.taps <= TAPS
    view = live.ask(GetSetup())
    assert view.finished
    assert view.applied
    assert (view.shop.name, view.shop.timezone) == ("Кофейня «Утро»", "Asia/Yekaterinburg")
    assert [(each.pin, each.kind) for each in view.buttons] == [
        (17, ButtonKind.VERY_HAPPY),
        (27, ButtonKind.VERY_UNHAPPY),
        (22, ButtonKind.CALL),
    ]
    assert [(each.name, each.pager) for each in view.staff] == [
        (OWNER[language], None),
        ("Anna", "pager-1"),
    ]
    (alert,) = live.ask(GetAlerts(closed=1))
    assert alert.alert.outcome is Outcome.FALSE_ALARM
    assert live_site.complaints == []


def test_another_browser_goes_on_where_the_first_stopped_even_over_a_kill(
    phone: Page, live_site: "Site", live: "LiveShop"
) -> None:
    first = Finger(phone)
    phone.goto("/setup")
    first.tap(phone.locator("button[value=en]"))
    first.write("code", live.code)
    first.write("password", PASSWORD)
    first.tap(phone.locator("form.card .big"))
    first.write("name", "Morning Coffee")
    first.tap(phone.locator("form.card .big"))
    expect(phone.get_by_label("The number on the pager")).to_be_focused()
    assert live.shop.gateway is not None
    live.shop.gateway.process.send_signal(signal.SIGKILL)
    phone.get_by_role("link", name="Your shop").click()
    expect(phone.get_by_text("The gateway does not answer")).to_be_visible()
    live.do(live.shop.start_gateway())
    expect(phone.get_by_label("What is the shop called?")).to_have_value("Morning Coffee")
    second = live_site.window()
    second.goto("/setup")
    second.get_by_label("Owner").check()
    second.get_by_label("PIN").fill(PASSWORD)
    second.get_by_role("button", name="Sign in").click()
    expect(second.get_by_role("heading", name="Transmitter and pager")).to_be_visible()
    second.get_by_label("The number on the pager").fill("1002")
    second.get_by_role("button", name="Page now").click()
    expect(second.locator(".watch.buzzing")).to_have_count(1)
    second.get_by_role("button", name="Yes, it buzzed").click()
    phone.goto("/setup")
    expect(phone.get_by_role("heading", name="Press the button you want to place")).to_be_visible()
    live.ask(PressPin(pin=4))  # both see it
    for page in (phone, second):
        expect(page.get_by_role("heading", name="What is this button?")).to_be_visible()


def test_a_placed_button_is_warned_of_removed_and_a_step_undone(
    phone: Page, live: "LiveShop"
) -> None:
    finger = Finger(phone)
    phone.goto(f"/setup?code={live.code}")  # as the QR code leads
    finger.tap(phone.locator("button[value=en]"))
    finger.write("password", PASSWORD)
    finger.tap(phone.locator("form.card .big"))
    phone.get_by_role("button", name="Skip for now").click()
    phone.get_by_role("button", name="Skip for now").click()
    place(finger, live, 5, ButtonKind.HAPPY)
    expect(phone.locator(".calm .icon")).to_be_visible()
    live.ask(PressPin(pin=5))
    expect(phone.get_by_text("It has its place already: happy.")).to_be_visible()
    phone.locator("#kind-very_happy").click()
    expect(phone.get_by_role("button", name="Remove: very-happy")).to_be_visible()
    live.ask(PressPin(pin=6))
    phone.locator("#kind-unhappy").click()  # which pages, and there is no pager
    expect(phone.get_by_text("set up a transmitter and a pager first")).to_be_visible()
    phone.get_by_role("button", name="Remove: very-happy").click()
    expect(phone.get_by_role("button", name="Remove: very-happy")).to_have_count(0)
    phone.get_by_role("link", name="Your shop").click()
    phone.get_by_label("What is the shop called?").fill("A shop")
    phone.get_by_role("button", name="Next").click()
    phone.get_by_role("link", name="Your shop").click()
    phone.get_by_role("button", name="Undo this step").click()
    expect(phone.get_by_text("Undone")).to_be_visible()
    view = live.ask(GetSetup())
    assert view.shop.name == "ACHIVX"
    assert view.states[SetupStep.SHOP] is StepState.OPEN


def test_all_of_it_goes_without_scripts(live_site: "Site", live: "LiveShop") -> None:
    page = live_site.window(java_script_enabled=False)
    page.goto("/")
    page.get_by_role("button", name="English").click()
    page.get_by_label("Code from the box").fill(live.code)
    page.get_by_label("A password of your own").fill(PASSWORD)
    page.get_by_role("button", name="It is my box").click()
    page.get_by_label("What is the shop called?").fill("A shop")
    page.get_by_role("button", name="Next").click()
    page.get_by_label("The number on the pager").fill("1001")
    page.get_by_role("button", name="Page now").click()
    page.get_by_role("button", name="Yes, it buzzed").click()
    page.get_by_role("button", name="Press what is wired to pin 17").click()
    page.get_by_role("button", name="Very unhappy").click()
    page.get_by_role("button", name="These are all").click()
    page.get_by_role("button", name="Next").click()
    page.get_by_role("button", name="Later").click()
    page.get_by_role("button", name="Press what is wired to pin 17").click()
    page.get_by_role("button", name="I am going").click()
    page.get_by_role("button", name="Finish", exact=True).click()
    expect(page.get_by_text("The box is set up.")).to_be_visible()


# --- hostile -----------------------------------------------------------------------------------


def test_the_code_cannot_be_guessed_not_even_over_a_restart(
    client: FlaskClient, live: "LiveShop"
) -> None:
    for _ in range(6):  # the fifth locks
        assert claim(client, "0000-0000").status_code == 303
    assert "Too many wrong tries" in client.get("/setup").text
    live.do(live.shop.stop_gateway())
    live.do(live.shop.start_gateway())
    claim(client, live.code)  # the right one does not help while it is locked
    assert "Too many wrong tries" in client.get("/setup").text
    assert not live.ask(Hello()).claimed


def test_a_claimed_box_is_nobody_elses(client: FlaskClient, live: "LiveShop") -> None:
    assert claim(client, live.code).location == "/setup"
    stranger = client.application.test_client()
    assert stranger.get("/setup").location == "/login?next=/setup"
    stolen = {"code": live.code, "password": "another one", "name": "Owner"}
    post(stranger, "/setup/claim/set", stolen, seen="/login")
    assert "This box has an owner already" in stranger.get("/login").text
    for path in ("/setup/shop", "/setup/buttons/live", "/settings", "/settings/text"):
        assert stranger.get(path).status_code in (302, 303), path
    set_shop = post(stranger, "/setup/shop/set", {"name": "Mine"}, seen="/login")
    assert set_shop.location.startswith("/login")
    assert live.ask(GetSetup()).shop.name == "ACHIVX"


def test_staff_are_not_owners(client: FlaskClient, live: "LiveShop") -> None:
    claim(client, live.code)
    live.ask(AddPerson(name="Anna", role=Role.MANAGER, pin="2580"))
    anna = client.application.test_client()
    anna.set_cookie("language", "en")
    post(anna, "/login", {"staff": "Anna", "pin": "2580"}, seen="/login")
    assert anna.get("/status").status_code == 200
    for path in ("/setup", "/setup/shop", "/settings", "/settings/buttons", "/settings/history"):
        answer = anna.get(path)
        assert answer.status_code == 403, path
        assert "Ask a manager" in answer.text
    wanted = {"name": "Mine", "timezone": "UTC"}
    assert post(anna, "/setup/shop/set", wanted, seen="/status").status_code == 403
    assert ">Settings<" not in anna.get("/status").text


def test_without_the_forms_token_nothing_is_done(client: FlaskClient, live: "LiveShop") -> None:
    claim(client, live.code)
    life = live.ask(Hello()).life
    data = {"code": live.code, "password": PASSWORD, "name": "x", "timezone": "UTC", "text": ""}
    foreign = {"Origin": "http://evil.test"}
    for part in ("setup/claim", "setup/shop", "settings/text", "settings/ladder"):
        for headers in ({}, foreign):
            answer = client.post(f"/{part}/set", data=data, headers=headers)
            assert answer.status_code == 400, part
    assert client.post("/settings/gateway/restart").status_code == 400
    assert live.ask(GetSetup()).shop.name == "ACHIVX"
    assert live.ask(Hello()).life == life


def test_what_people_type_is_never_a_script(client: FlaskClient, live: "LiveShop") -> None:
    claim(client, live.code)
    name, address = SCRIPT[:40], SCRIPT[:20]
    post(client, "/setup/shop/set", {"name": SCRIPT, "timezone": "UTC"})
    where = {"other": "socket://<b>:1", "driver": "tap", "address": address}
    post(client, "/setup/transmitter/set", where, seen="/setup/shop")
    post(client, "/setup/staff/add", {"name": name, "address": address}, seen="/setup/shop")
    post(client, "/settings/buttons/0/set", {"name": SCRIPT, "pin": SCRIPT}, seen="/setup/shop")
    view = live.ask(GetSetup())
    assert view.shop.name == SCRIPT
    assert view.staff[-1].name == name
    pages = ["/status", "/settings/staff", "/settings/staff/1", "/settings/shop", "/settings/text"]
    for path in [*pages, *(f"/setup/{step}" for step in SetupStep), "/setup?code=%3Cscript%3E"]:
        text = client.get(path, follow_redirects=True).text
        assert "<script>alert" not in text, path
        assert not re.search(r"<b>|\sstyle=|\son\w+=|javascript:", text), path


NONSENSE: list[tuple[str, dict[str, str]]] = [
    ("/setup/shop/set", {"name": "x" * 17_000}),
    ("/setup/shop/set", {"name": "x" * 90, "timezone": "Mars/Phobos"}),
    ("/setup/transmitter/set", {"driver": "../../x", "address": "1", "port": "/dev/null"}),
    ("/setup/transmitter/set", {"driver": "mmdvm", "address": "1", "frequency": "1e999"}),
    ("/setup/buttons/place", {"pin": "9" * 5000, "kind": "happy"}),
    ("/setup/buttons/place", {"pin": "-1", "kind": "robot"}),
    ("/setup/buttons/press", {"pin": "999"}),
    ("/setup/staff/add", {"name": "", "pin": "1111"}),
    ("/setup/server/set", {"address": "nowhere", "token": "two\nlines"}),
    ("/setup/nothing/skip", {}),
    ("/settings/text/set", {"text": "x" * 900_000}),
    ("/settings/nothing/set", {}),
    ("/settings/buttons/7/set", {}),
]


def test_nonsense_changes_nothing(client: FlaskClient, live: "LiveShop") -> None:
    claim(client, live.code)
    before = live.ask(GetSettings())
    for path, data in NONSENSE:
        answer = post(client, path, {"step": "buttons", **data}, seen="/setup/shop")
        assert answer.status_code in (303, 404, 413, 422), path
        assert live.ask(GetSettings()) == before, path
    assert live.ask(GetStatus()).faults == ()


def test_a_weak_password_owns_nothing(client: FlaskClient, live: "LiveShop") -> None:
    for password in ("short", "12345678", "aaaaaaaa"):
        claim(client, live.code, password)
        assert not live.ask(Hello()).claimed, password
    assert claim(client, live.code).location == "/setup"


def test_a_phone_with_another_time_is_told(client: FlaskClient, live: "LiveShop") -> None:
    claim(client, live.code)
    shop = {"name": "A shop", "timezone": "UTC"}
    post(client, "/setup/shop/set", {**shop, "now": "1000"})
    assert "The clocks of this phone and of the box differ" in client.get("/setup/shop").text


def test_opening_hours_come_back_as_they_were_typed(client: FlaskClient, live: "LiveShop") -> None:
    claim(client, live.code)
    hours = {"workdays_open": "08:00", "workdays_close": "20:00"}
    post(client, "/setup/shop/set", {"name": "A shop", "timezone": "UTC", **hours})
    text = client.get("/setup/shop").text
    assert 'name="workdays_open" value="08:00"' in text
    assert 'name="weekend_open" value=""' in text
    live.ask(SetShop(name="A shop", timezone="UTC"))
    assert live.ask(GetSetup()).shop.hours == ()
