"""Commands that reach for the hardware: press a simulated button, send one test page."""

import argparse
import secrets
import threading
import time

from gateway.client import Client, Unreachable
from gateway.commands.common import (
    WAIT_S,
    Commands,
    add_command,
    add_json,
    control_socket,
    gateway,
    load,
    print_json,
)
from gateway.config import Config
from gateway.errors import CannotStart, Refused
from gateway.messages import ConfirmTest, ReceiptView, SendPage, SimulatePress
from gateway.model import Page, Receipt
from gateway.paging.text import NUMERIC_CODES


def add_to(commands: Commands) -> None:
    """Add them."""
    press = add_command(
        commands,
        "press",
        _press,
        "press a simulated button",
        details="Refused on real pins: only where `[inputs] simulated = true`.",
    )
    press.add_argument("button", metavar="BUTTON", help="a name of [[buttons]]")
    press.add_argument("--count", type=int, default=1, metavar="N", help="so many times")
    page = add_command(
        commands,
        "page",
        _page,
        "send one test page and print its receipt as JSON",
        details="Through the running gateway, or straight to the transmitter when none runs."
        " Exits 1 unless the transmitter took it.",
    )
    page.add_argument("--to", required=True, metavar="NAME", help="a name of [[pagers]]")
    page.add_argument("--text", required=True)
    page.add_argument(
        "--kind",
        default="test",
        choices=tuple(NUMERIC_CODES),
        help="what a watch that learns is sent the code of, default test",
    )
    confirm = add_command(
        commands,
        "confirm-test",
        _confirm_test,
        "say that the daily test page buzzed",
        details="Until the next test is sent; without a name, for all pagers that it went to.",
    )
    confirm.add_argument("pager", nargs="?", metavar="PAGER", help="a name of [[pagers]]")
    add_json(confirm)


def _press(options: argparse.Namespace) -> int:
    with gateway(options) as client:
        view = client.call(SimulatePress(button=options.button, count=options.count))
    print_json(view)
    return 0


def _confirm_test(options: argparse.Namespace) -> int:
    with gateway(options) as client:
        done = client.call(ConfirmTest(pager=options.pager))
    if options.json:
        print_json(done)
    else:
        left = f"; not yet: {', '.join(done.waiting)}" if done.waiting else ""
        print(f"confirmed: {', '.join(done.confirmed)}{left}")
    return 0


def _page(options: argparse.Namespace) -> int:
    try:
        client = Client(control_socket(options.config), timeout_s=WAIT_S)
    except Unreachable:
        view = _page_directly(load(options.config), options.to, options.text, options.kind)
    else:
        with client:
            view = client.call(SendPage(to=options.to, text=options.text, kind=options.kind))
    print_json(view)
    return 0 if view.receipt.is_durable else 1


def _page_directly(config: Config, to: str, text: str, kind: str) -> ReceiptView:
    """What the daemon would do, in this process: for a transmitter that is just being set up."""
    from gateway.paging.drivers.choice import make_driver  # noqa: PLC0415 - slow to import
    from gateway.paging.lane import PageLane  # noqa: PLC0415
    from gateway.paging.transmitter import Transmitter  # noqa: PLC0415

    if to not in {pager.name for pager in config.pagers}:
        names = ", ".join(pager.name for pager in config.pagers) or "none"
        raise Refused("unknown_pager", f"no pager named {to!r}; there is {names}")
    if not config.transmitters:
        raise CannotStart("the settings have no [[transmitters]]")
    received = threading.Event()
    receipts: list[Receipt] = []

    def on_receipt(_: Page, receipt: Receipt) -> None:
        receipts.append(receipt)
        received.set()

    transmitters = tuple(
        Transmitter(
            each.name, make_driver(each), supervise_s=each.supervise_s, on_state=lambda: None
        )
        for each in config.transmitters
    )
    lane = PageLane(config.pagers, transmitters, on_receipt)
    page = Page(id=f"test.{secrets.token_hex(6)}", pager=to, text=text, kind=kind)
    began = time.monotonic()
    lane.start()
    try:
        lane.submit(page)
        lane.rouse()
        if not received.wait(WAIT_S):
            raise Refused("no_receipt", f"no receipt after {WAIT_S:.0f} s")
    finally:
        lane.stop(1.0)
    ms = round((time.monotonic() - began) * 1000, 1)
    return ReceiptView(page=page.id, pager=to, text=text, receipt=receipts[0], ms=ms)
