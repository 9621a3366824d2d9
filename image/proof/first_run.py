"""The wizard and the board as people use them, over HTTP, with real presses of real lines."""

import re
from pathlib import Path
from typing import Final

from gateway.simulator.tap_terminal import TapTerminal
from image.proof.machine import Machine
from image.proof.report import demand, expect, holds, until
from image.proof.visitor import Visitor

CODE: Final = "ACHJ-VX01"
PASSWORD: Final = "coffee and cake"  # noqa: S105 - of a box that lives for minutes
PIN: Final = 13
LINE: Final = "/dev/ttyS0"
PAGER: Final = "1001"
_FOUND: Final = re.compile(r'name="pin" value="(\d+)"')
_ALERT: Final = re.compile(r'id="going" name="alert" value="([^"]+)"')
_REFUSED: Final = re.compile(
    r'<h2 id="update">(?:(?!</section>).)*?<p class="health bad">([^<]*)</p>', re.DOTALL
)
LOOK_S: Final = 600.0
_CASE: Final = re.compile(r'action="/board/([^"/]+)/acknowledge"')


def first(sought: re.Pattern[str], text: str) -> str:
    """What a pattern's group first matches, or nothing."""
    match = sought.search(text)
    return match[1] if match else ""


def arrived(terminal: TapTerminal, seen: int, what: str) -> None:
    """A page arrives at the transmitter, after so many others.

    Raises:
        Failed: None comes, or one for another pager.
    """
    page = until(lambda: terminal.pages[seen:], f"{what}: a page at the transmitter")[0]
    expect(page.pager, PAGER, f"{what}: the transmitter took {page.text!r} for the right pager")


def page_again(machine: Machine, terminal: TapTerminal, what: str) -> None:
    """A press of the line becomes a page.

    Raises:
        Failed: It does not.
    """
    seen = len(terminal.pages)
    machine.press(PIN)
    arrived(terminal, seen, f"a press {what}")


def set_up(machine: Machine, terminal: TapTerminal) -> None:
    """From a new box to a working one, as its owner does it with a phone.

    Raises:
        Failed: A step does not do what it should.
    """
    phone = visitor(machine, "http", 8080)
    phone.send("/setup", "/language", language="en", to="/setup")
    seen = phone.send("/setup", "/setup/claim/set", code=CODE, password=PASSWORD, name="Owner")
    demand("What is the shop called?" in seen, "wizard: the label's code makes its owner")
    phone.send("/setup/shop", "/setup/shop/set", name="Morning", timezone="Europe/Moscow")
    line = {"other": LINE, "driver": "tap", "address": PAGER}
    phone.send("/setup/transmitter?change=1", "/setup/transmitter/set", **line)
    arrived(terminal, 0, "wizard")
    phone.send("/setup/transmitter", "/setup/transmitter/done")
    place_button(machine, phone)
    phone.send("/setup/buttons", "/setup/buttons/done")
    phone.send("/setup/staff", "/setup/staff/add", name="Anna", role="manager", pin="2580")
    phone.send("/setup/staff", "/setup/staff/done")
    phone.send("/setup/server", "/setup/server/skip")
    rehearse(machine, terminal, phone)


def place_button(machine: Machine, phone: Visitor) -> None:
    """Press a line that nobody named yet, and say what it is.

    Raises:
        Failed: The press is not found.
    """
    phone.send("/setup/buttons", "/setup/buttons/learn")
    machine.do(machine.press_command(PIN, held_s=0.5))

    found = until(lambda: first(_FOUND, phone.see("/setup/buttons/live")), "the pressed line")
    expect(found, str(PIN), "wizard: the box found the line that was pressed")
    placed = {"pin": str(PIN), "kind": "very_unhappy"}
    seen = phone.send("/setup/buttons", "/setup/buttons/place", **placed)
    demand("no-very-unhappy" in seen, "wizard: the button has its place")


def rehearse(machine: Machine, terminal: TapTerminal, phone: Visitor) -> None:
    """The last step: a press, a page, somebody goes.

    Raises:
        Failed: One of them does not come.
    """
    demand("checks" in phone.see("/setup/rehearsal"), "wizard: the box runs on what was set up")
    page_again(machine, terminal, "at the wizard's rehearsal")
    alert = until(lambda: first(_ALERT, phone.see("/setup/rehearsal/live")), "its alert")
    phone.send("/setup/rehearsal", "/setup/rehearsal/acknowledge", alert=alert)
    seen = phone.send("/setup/rehearsal", "/setup/rehearsal/finish")
    demand("PIN" in seen, "wizard: finished, and led on to the page with TLS")


def visitor(machine: Machine, scheme: str, port: int) -> Visitor:
    """Somebody whose device has been told to trust the box's authority."""
    root = Visitor(f"http://{machine.address}:8080").fetch("/certificate/achivx-box.crt")
    return Visitor(f"{scheme}://{machine.address}:{port}", trusted=root)


def sign_in(machine: Machine, staff: str = "Anna", pin: str = "2580") -> Visitor:
    """A tablet and who uses it.

    Raises:
        Failed: They are not let in.
    """
    tablet = visitor(machine, "https", 8443)
    tablet.send("/login", "/language", language="en", to="/login")
    seen = tablet.send("/login", "/login", staff=staff, pin=pin)
    demand("Sign out" in seen, f"page: {staff} is signed in, over TLS")
    return tablet


def give_update(machine: Machine, bundle: Path) -> str:
    """Hand an update over as the box's owner; why the box refuses it, or nothing.

    Raises:
        Failed: The page does not take it, or never says what came of it.
    """
    # The page starts anew with the gateway's release, and may just be gone.
    owner = until(lambda: sign_in(machine, "Owner", PASSWORD), "the page", LOOK_S)
    until(lambda: owner.see("/settings/box"), "the page about the box itself", LOOK_S)
    owner.upload("/settings/box", "/settings/box/update", bundle)

    def said() -> str:
        seen = owner.see("/settings/box")
        return "" if "An update is under way." in seen else seen

    return refused(until(said, "the box's look at the update", LOOK_S))


def refused(page: str) -> str:
    """Why the page about the box says that an update was refused, or nothing."""
    return first(_REFUSED, page)


def answer_incident(machine: Machine, terminal: TapTerminal, tablet: Visitor) -> None:
    """A press through the kernel becomes a page, an incident on the board, and a promise kept.

    Raises:
        Failed: Something on the way is missing.
    """
    page_again(machine, terminal, "of the line")
    alert = until(lambda: first(_CASE, tablet.see("/board")), "the incident on the board")
    seen = tablet.send("/board", f"/board/{alert}/acknowledge")
    demand("On the way: Anna" in seen, "board: the incident is there, and Anna is on the way")
    there = f"/case/{alert}"
    seen = tablet.send(there, f"{there}/contact")
    demand("With the customer: Anna" in seen, "card: Anna is with the customer")
    tablet.send(there, f"{there}/describe", severity="3")
    granted = tablet.send(there, f"{there}/grant", form=alert, offer="coffee")
    demand("The code is" in granted, "card: a coffee is granted")
    tablet.send(there, f"{there}/resolve", outcome="recovered")
    until(lambda: f"name-{alert}" not in tablet.see("/board"), "the end of the incident")
    holds("board: the incident is over, once nobody has taken that back")
