"""Every page of the box, in every state that looks different: the one list of them.

The browser tests and `scripts/screenshots` walk along it, on boxes whose gateway is the real one.
A page that no stop leads to makes `test_axe.py` fail. Stops follow one another, and the later ones
find what the earlier ones left. They speak no language: what is waited for and pressed is found by
address, name or id.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec
from playwright.sync_api import Page, expect

from gateway.clock import NS_PER_S, SystemClock
from gateway.events import (
    AlertAcknowledged,
    AlertContacted,
    AlertRaised,
    FaultCleared,
    FaultRaised,
)
from gateway.messages import GetOffers, IssueGrant, SimulatePress
from gateway.model import AlertCause, ButtonKind, Outcome
from gateway.setup.messages import PressPin
from gateway.simulator.shop import PINS
from tests.insights.filling import Entry, at, fill, incident, press
from tests.webui.live_shop import LiveShop
from tests.webui.sites import Site
from webui.sections import SECTIONS

PASSWORD = "coffee and cake"
NOBODY, STAFF, MANAGER, OWNER = "", "barista", "manager", "owner"
RED, CALL, ZONE = "exit-very-unhappy", "hall-call", "exit"
INCIDENTS = 40
FAULTS = 40
DAY_S = 86_400
CARD = "29123456"
"""A customer's, as the shop's settings know them."""


def name_of(age_s: int) -> str:
    """The id of the alert that was raised so long before the gateway starts."""
    return f"alert-{age_s}"


SLIP, LATE = name_of(60), name_of(200)
CASE = name_of(31)
BOARD = f"#name-{CASE}"


class Tour:
    """A box, its page, and a browser window for everybody who looks at it.

    Args:
        live: The box.
        site: Its page.
        language: What everybody reads, `ru` or `en`.
    """

    def __init__(self, live: LiveShop, site: Site, language: str) -> None:
        self.live = live
        self.site = site
        self.codes: list[str] = []
        self._language = language
        self._windows: dict[str, Page] = {}

    def window(self, who: str) -> Page:
        """The window of this person, signed in where the box knows them."""
        if who not in self._windows:
            page = self._windows[who] = self.site.window(timezone_id="Europe/Moscow")
            kept = {"name": "language", "value": self._language, "url": self.site.url}
            page.context.add_cookies([kept])  # type: ignore[list-item]
            if who and not self.live.code:
                page.goto("/login")
                sign_in(page, who, PINS[who])
                page.wait_for_url(lambda url: "login" not in url)
        return self._windows[who]


Deed = Callable[[Tour, Page], None]


@dataclass(frozen=True)
class Stop:
    """One page in one state.

    Attributes:
        name: What a picture of it is called.
        path: Where it is, with the latest promise's `{code}`; None where the stop before, or
            `then`, leads there.
        who: Whose window.
        shows: A selector of what makes this state another one: it must be seen.
        before: What happens in the shop first.
        then: What the person does on the page.
        status: Of the page's answer.
        complains: The status of a later answer, where it is one that browsers complain about.
    """

    name: str
    path: str | None
    shows: str = "main h1"
    who: str = OWNER
    before: Callable[[Tour], None] | None = None
    then: Deed | None = None
    status: int = 200
    complains: int = 0

    def reach(self, tour: Tour) -> Page:
        """Bring this person's window there; everything that opens on it is opened."""
        page = tour.window(self.who)
        if self.before is not None:
            self.before(tour)
        if self.path is not None:
            answer = page.goto(self.path.format(code=tour.codes[-1] if tour.codes else ""))
            assert answer is not None
            assert answer.status == self.status, self.name
        if self.then is not None:
            self.then(tour, page)
        expect(page.locator(self.shows).first).to_be_attached()
        page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true; })")
        return page


def sign_in(page: Page, name: str, pin: str) -> None:
    """Fill the login in."""
    page.locator(f"[name=staff][value={name}]").check()
    page.locator("[name=pin]").fill(pin)
    page.locator("main .big").click()


# --- what people do ----------------------------------------------------------------------------


def _click(selector: str) -> Deed:
    return lambda _, page: page.locator(selector).first.click()


def _send(**fields: str) -> Deed:
    """Fill in fields of the page's main form, and send it."""

    def do(_: Tour, page: Page) -> None:
        for name, text in fields.items():
            page.locator(f"form.card [name={name}]").first.fill(text)
        page.locator("form.card .big").click()

    return do


def _claim(tour: Tour, page: Page) -> None:
    _send(code=tour.live.code, password=PASSWORD)(tour, page)
    page.wait_for_url("**/setup/shop")


def _redeem(tour: Tour, page: Page) -> None:
    page.locator("#code").fill(tour.codes[-2])
    page.locator("#panel .big").click()


def _ask_for_the_language(_: Tour, page: Page) -> None:
    page.context.clear_cookies(name="language")
    page.reload()


def _mistype(_: Tour, page: Page) -> None:
    sign_in(page, STAFF, "0000")


def _press_on_the_wall(tour: Tour, _: Page) -> None:
    tour.live.ask(PressPin(pin=17))


def _name_the_customer(_: Tour, page: Page) -> None:
    page.locator("[name=customer]").fill(CARD)
    page.keyboard.press("Enter")


def _grant(tour: Tour, page: Page) -> None:
    page.locator("[name=offer]").first.click()
    tour.codes.append(page.locator(".promise .code").first.inner_text())


def _ask_who(_: Tour, page: Page) -> None:
    page.locator("#code").fill(CARD)
    page.locator("[formaction$='/customer']").click()


def _check_nonsense(_: Tour, page: Page) -> None:
    page.locator("textarea").fill("[shop]\nname = 7\n")
    page.locator("button[value=check]").click()


def _lose_the_gateway(tour: Tour, _: Page) -> None:
    tour.live.do(tour.live.shop.stop_gateway())


def _lose_the_token(tour: Tour, page: Page) -> None:
    page.locator("form.card [name=csrf_token]").evaluate("field => { field.value = 'old'; }")
    page.locator("[name=old]").fill(PINS[OWNER])
    _send(new=PINS[OWNER])(tour, page)


# --- what happens in the shop ------------------------------------------------------------------


def _a_month_goes_by(tour: Tour) -> None:
    """Forty incidents of the last weeks, and four alerts that are open now."""
    live = tour.live
    live.do(live.shop.stop_gateway())
    fill(Path(live.shop.config.paths.journal), [*_month(), *_faults(), *_open_alerts()])
    live.do(live.shop.start_gateway())
    live.ask(SimulatePress(button=CALL))


def _month() -> Iterator[Entry]:
    begin = (time.time() // DAY_S - INCIDENTS / 2) * DAY_S
    for number in range(INCIDENTS):
        when = begin + number * DAY_S / 2 + 10 * 3600
        yield from incident(f"case{number}", when, Outcome.RECOVERED, RED)
        for each in range(10):
            yield press(ButtonKind.VERY_HAPPY), at(when + 400 + each)


def _faults() -> Iterator[Entry]:
    """More than one page of the log shows."""
    began = time.time() - DAY_S
    for number in range(FAULTS):
        yield FaultRaised("transmitter/radio", "no answer for 60 s"), at(began + 60 * number)
        yield FaultCleared("transmitter/radio"), at(began + 60 * number + 30)


def _open_alerts() -> Iterator[Entry]:
    """One that waits, one that is late, one taken, one met: what only time makes of a press."""
    now = SystemClock(trusted=True).now()

    def ago(seconds: int) -> Entry:
        raised = AlertRaised(name_of(seconds), AlertCause.RED, ZONE, RED, level=0)
        back_ns = seconds * NS_PER_S
        moment = msgspec.structs.replace(
            now, mono_ns=now.mono_ns - back_ns, wall_ns=now.wall_ns - back_ns
        )
        return raised, moment

    yield ago(200)
    yield ago(60)
    yield ago(30)
    yield AlertAcknowledged(name_of(30), "barista", "page", after_s=20), now
    yield ago(31)
    yield AlertAcknowledged(name_of(31), "manager", "page", after_s=20), now
    yield AlertContacted(name_of(31), "manager", after_s=30), now


def _promise(tour: Tour) -> None:
    """Two grants that wait at the counter."""
    offer = tour.live.ask(GetOffers(severity=2))[0].offer.name
    for number in (1, 2):
        order = IssueGrant(request=f"tour {number}", offer=offer)
        tour.codes.append(tour.live.ask(order).grant.code)


# --- the stops ---------------------------------------------------------------------------------

SETUP = (
    Stop("setup-language", "/setup", "button[value=ru]", "a visitor", then=_ask_for_the_language),
    Stop("setup-claim", "/setup", "[name=code]"),
    Stop("setup-claim-wrong", None, ".note.bad", then=_send(code="0000-0000", password=PASSWORD)),
    Stop("setup-shop", None, "[name=timezone]", then=_claim),
    Stop("setup-transmitter", None, "[name=address]", then=_send(name="Кофейня «Утро»")),
    Stop("setup-transmitter-paged", None, ".watch.buzzing", then=_send(address="1001")),
    Stop("setup-buttons", None, ".calm .icon", then=_click("#buzzed")),
    Stop("setup-buttons-learned", None, "#kind-happy", then=_press_on_the_wall),
    Stop("setup-buttons-placed", None, "#all", then=_click("#kind-very_unhappy")),
    Stop("setup-staff", None, "[name=role]", then=_click("#all")),
    Stop("setup-server", None, "[name=token]", then=_click("main > form .big")),
    Stop("setup-rehearsal", None, ".checks", then=_click("main > form .big")),
    Stop("setup-rehearsal-pressed", None, "#going", then=_press_on_the_wall),
    Stop("setup-rehearsal-taken", None, "#finish", then=_click("#going")),
    Stop("setup-finished", None, ".note.good", then=_click("#finish")),
    Stop("setup-over", "/setup", ".rows"),
    Stop("setup-shop-again", "/setup/shop", ".ways form"),
)
"""A new box, from its language to its first alert."""

_SETTINGS = tuple(
    Stop(f"settings-{name}", f"/settings/{name}", "form.card" if not section.is_list else ".rows")
    for name, section in SECTIONS.items()
)
_ELEMENTS = tuple(
    Stop(f"settings-{name}-one", f"/settings/{name}/0", "form.card")
    for name in ("buttons", "hours", "transmitters", "rules", "staff", "pagers", "steps", "offers")
)

SHOP = (
    Stop("login", "/login", "[name=pin]", NOBODY),
    Stop("login-wrong", None, ".note.bad", NOBODY, then=_mistype),
    Stop("board-empty", "/board", ".calm", STAFF),
    Stop("insights-empty", "/insights", ".figures", MANAGER),
    Stop("demo-nobody", "/demo", ".buttons", NOBODY),
    Stop("certificate", "/certificate", ".code", NOBODY),
    Stop("missing", "/nowhere", "main h1", NOBODY, status=404),
    Stop("not-yours", "/settings", "main h1", STAFF, status=403),
    Stop("board", "/board", BOARD, STAFF, before=_a_month_goes_by),
    Stop("board-withdraw", None, f"#withdraw-{SLIP}", STAFF, then=_click(f"#act-{SLIP}")),
    Stop("demo", "/demo", BOARD),
    Stop("demo-case", f"/demo?case={CASE}", "[name=offer]"),
    Stop("case-before-contact", f"/case/{name_of(30)}", ".guidance", STAFF),
    Stop(
        "case-withdraw",
        f"/case/{LATE}",
        f"#withdraw-{LATE}",
        STAFF,
        then=_click("form[action$='/contact'] .big"),
    ),
    Stop("case", f"/case/{CASE}", "[name=severity]", MANAGER),
    Stop(
        "case-severity",
        None,
        "#severity ~ form [aria-current]",
        MANAGER,
        then=_click("[value='2']"),
    ),
    Stop("case-cause", None, "#cause ~ form [aria-current]", MANAGER, then=_click("[name=cause]")),
    Stop("case-customer", None, "#customer ~ .rows", MANAGER, then=_name_the_customer),
    Stop("case-granted", None, ".promise .qr", MANAGER, then=_grant),
    Stop("case-slip", f"/case/{CASE}/slip/{{code}}", "#print", MANAGER),
    Stop("case-security", f"/case/{CASE}/security", ".late", MANAGER),
    Stop("board-undo", f"/case/{CASE}", f"#undo-{CASE}", MANAGER, then=_click("[name=outcome]")),
    Stop("counter-empty", "/counter", "#code", STAFF),
    Stop("counter", "/counter", "#grants .rows", STAFF, before=_promise),
    Stop("counter-redeemed", None, ".result.redeemed", STAFF, then=_redeem),
    Stop("counter-refused", None, ".result.refused", STAFF, then=_redeem),
    Stop("counter-customer", None, "#who", STAFF, then=_ask_who),
    Stop("counter-undo", "/counter", "#just", STAFF),
    Stop("counter-void", "/counter/void?code={code}", "[name=reason]", MANAGER),
    Stop("status", "/status", "#parts .rows", MANAGER),
    Stop("pager", "/status/pager/watch-1", "#use-philips_prg"),
    Stop("pager-staff", "/status/pager/watch-1", ".note.bad", STAFF, status=403),
    Stop("faults", "/status/faults", "#older", STAFF),
    Stop("faults-older", None, "#newer", STAFF, then=_click("#older")),
    Stop("insights", "/insights?days=28", ".charts", MANAGER),
    Stop("insights-wrong-days", "/insights?days=0", ".note.bad", MANAGER, status=422),
    Stop("insights-rules", "/insights/rules", "form", MANAGER),
    Stop("insights-rules-tried", "/insights/rules?try=1", "#result"),
    Stop("me", "/me", ".rows", STAFF),
    Stop("settings", "/settings", ".link"),
    *_SETTINGS,
    *_ELEMENTS,
    Stop("settings-saved", "/settings/shop", ".note.good", then=_send(name="Кофейня «Утро»")),
    Stop("settings-past", "/settings/history/1", "textarea"),
    Stop("settings-people", "/settings/people", "[name=pin]"),
    Stop("settings-text", "/settings/text", "textarea"),
    Stop("settings-text-wrong", None, ".note.bad", then=_check_nonsense, complains=422),
    Stop("settings-history", "/settings/history", ".rows"),
    Stop("settings-audit", "/settings/audit", ".rows"),
    Stop("box", "/settings/box", "[name=passphrase]"),
    Stop("network", "/settings/network"),
    Stop("form-too-old", "/me", "main .card > h1", then=_lose_the_token, complains=400),
    Stop(
        "board-away",
        "/board",
        "#away:not([hidden])",
        STAFF,
        then=_lose_the_gateway,
        complains=503,
    ),
    Stop("away", "/board", "main", STAFF, status=503),
)
"""A shop that is set up, from its first day to the gateway's last word."""
