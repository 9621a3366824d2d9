"""`achivx-gateway insights`: the key figures of the shop."""

import argparse
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Final

from gateway.client import Client
from gateway.commands.common import Commands, add_command, add_json, gateway, print_json
from gateway.errors import CannotStart, Refused
from gateway.insights import spreadsheet
from gateway.insights.messages import Figure, GetInsights, InsightsView

ASK_S: Final = 120.0
"""How long the command goes on asking for figures that are being worked out."""

_UNITS: Final = {"index": "", "percent": " %", "s": " s", "cost": ""}


def add_to(commands: Commands) -> None:
    """Add it."""
    parser = add_command(
        commands,
        "insights",
        _insights,
        "show the key figures: happiness, answers, recoveries, grants",
        details="Asks the running gateway. Without --since: the last 7 days, today included. A"
        " figure that is made of too few is not told; n says how many there were.",
    )
    parser.add_argument("--since", type=_day, help="the first day, as in 2026-11-01")
    parser.add_argument("--until", type=_day, help="the last day; today without it")
    parser.add_argument("--csv", type=Path, metavar="FILE", help="write everything into a table")
    add_json(parser)


def _day(text: str) -> str:
    return date.fromisoformat(text).isoformat()


def _insights(options: argparse.Namespace) -> int:
    wish = GetInsights(since=options.since or "", until=options.until or "")
    with gateway(options) as client:
        view = _asked(client, wish)
    if options.csv is not None:
        try:
            with options.csv.open("w", encoding="utf-8", newline="") as file:
                file.writelines(spreadsheet.lines(spreadsheet.rows(view)))
        except OSError as error:
            raise CannotStart(f"cannot write {options.csv}: {error.strerror}") from error
    if options.json:
        print_json(view)
    elif options.csv is None:
        print("\n".join(_lines(view)))
    return 0


def _asked(client: Client, wish: GetInsights) -> InsightsView:
    """Ask until it is worked out; each answer of the gateway comes after some seconds."""
    until = time.monotonic() + ASK_S
    while True:
        try:
            return client.call(wish)
        except Refused as refused:
            if refused.code != "still_counting" or time.monotonic() >= until:
                raise


def _lines(view: InsightsView) -> Iterator[str]:
    yield f"{view.since} to {view.until} ({view.timezone}), {view.presses} presses"
    for each in view.figures:
        yield f"  {each.name:<22}{_told(each):>22}   n {each.n}"
    for title, bars in (("zones", view.zones), ("points", view.points)):
        yield f"happy index by {title}"
        for bar in bars:
            value = f"too few: {bar.n} of {view.least}" if bar.value is None else f"{bar.value:.0f}"
            yield f"  {bar.name:<22}{value:>22}   n {bar.n}"


def _told(figure: Figure) -> str:
    if figure.value is None:
        return f"too few: {figure.n} of {figure.least}"
    unit = _UNITS.get(figure.unit, "")
    if figure.p90 is None:
        return f"{figure.value:.1f}{unit}"
    return f"p50 {figure.value:.1f}{unit}, p90 {figure.p90:.1f}{unit}"
