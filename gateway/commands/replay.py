"""`achivx-gateway replay`: what other settings would have alerted, before anyone saves them."""

import argparse
import re
from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from gateway.alerts import hours
from gateway.alerts.replay import Alerted
from gateway.clock import Clock, SystemClock
from gateway.commands.common import Commands, add_command, add_json, load, print_json
from gateway.config import Config, Shop
from gateway.config.check import ConfigError, format_problem
from gateway.errors import CannotStart, JournalError
from gateway.insights.messages import Total
from gateway.insights.trial import Report, report

_AGO: Final = re.compile(r"(\d{1,5})([dh])")


def add_to(commands: Commands) -> None:
    """Add it."""
    parser = add_command(
        commands,
        "replay",
        _replay,
        "run the recorded presses through other settings and show what would have alerted",
        details="Changes nothing, and works while the daemon runs. Buttons' pages, opening hours,"
        " ladder, bursts and rules are those of the other file; which presses counted is as"
        " it was recorded. Lines: '=' alerts in both, '~' in both but otherwise, '+' only with"
        " the other settings, '-' only as it really was.",
    )
    parser.add_argument(
        "--rules", type=Path, required=True, metavar="NEW.toml", help="the other settings, whole"
    )
    parser.add_argument(
        "--since", required=True, help="30d, 12h, 2026-11-01 or 2026-11-01T08:00 in the shop's time"
    )
    parser.add_argument("--until", help="the same; a date alone means its end")
    add_json(parser)


def _replay(options: argparse.Namespace) -> int:
    config = _rules(options.rules)
    clock = SystemClock()
    since = moment(options.since, "--since", config.shop, clock)
    until = None
    if options.until is not None:
        until = moment(options.until, "--until", config.shop, clock, ends=True)
        if until <= since:
            raise CannotStart("--until is not after --since")
    path = load(options.config).paths.journal
    if not path.exists():
        raise JournalError(f"there is no journal at {path}")
    told = report(config, path, since, until, clock)
    if options.json:
        print_json(told)
    else:
        print("\n".join(lines(told, config.shop)))
    return 0


def _rules(path: Path) -> Config:
    """The other settings.

    Raises:
        CannotStart: They cannot be used; one line says why.
    """
    try:
        return load(path)
    except ConfigError as error:
        first, *others = error.problems
        more = f" (and {len(others)} more: achivx-gateway check tells all)" if others else ""
        words = format_problem(first)
        where = "" if words.startswith(str(path)) else f"{path}: "
        raise CannotStart(f"{where}{words}{more}") from error


def moment(text: str, option: str, shop: Shop, clock: Clock, *, ends: bool = False) -> datetime:
    """The moment that `--since` or `--until` means.

    Args:
        text: `30d`, `12h`, or a date or time of ISO 8601; without an offset it is the shop's.
        option: How to call it in an error.
        shop: Its time zone.
        clock: What is now.
        ends: Whether a date alone means its end.

    Raises:
        CannotStart: It means none.
    """
    zone = ZoneInfo(shop.timezone)
    ago = _AGO.fullmatch(text)
    try:
        if ago is not None:
            count = int(ago[1])
            back = timedelta(days=count) if ago[2] == "d" else timedelta(hours=count)
            return hours.local(shop, clock.now()) - back
        if re.fullmatch(r"\d{4}-\d\d-\d\d", text):
            day = date.fromisoformat(text) + timedelta(days=int(ends))
            return datetime(day.year, day.month, day.day, tzinfo=zone)
        found = datetime.fromisoformat(text)
    except (ValueError, OverflowError) as error:
        words = f"{option} {text!r}: should be 30d, 12h, 2026-11-01 or 2026-11-01T08:00"
        raise CannotStart(words) from error
    return found if found.tzinfo is not None else found.replace(tzinfo=zone)


# --- for a person ------------------------------------------------------------------------------


def lines(told: Report, shop: Shop) -> Iterator[str]:
    """The report for a person."""
    until = "now" if told.until is None else told.until
    yield f"{told.replayed.presses} presses from {told.since} to {until} ({told.timezone})"
    if told.replayed.unknown_buttons:
        yield "not in the other settings: " + ", ".join(told.replayed.unknown_buttons)
    for would, really in told.replayed.pairs():
        alert = would or really
        if alert is not None:
            yield f"{_mark(would, really)} {_what(alert, shop)}  {_both(would, really)}"
    yield from _table("by rule", told.by_rule)
    yield from _table("by day", told.by_day)


def _mark(would: Alerted | None, really: Alerted | None) -> str:
    if would is None or really is None:
        return "+" if really is None else "-"
    return "=" if _reached(would) == _reached(really) else "~"


def _what(alert: Alerted, shop: Shop) -> str:
    sure = "" if alert.at.synced else "?"
    words = "" if alert.words is None else f" ({alert.words.text(shop.language)})"
    place = ", ".join(each for each in (alert.button, alert.zone) if each)
    return f"{hours.local(shop, alert.at):%Y-%m-%d %H:%M:%S}{sure}  {alert.name}{words}  {place}"


def _both(would: Alerted | None, really: Alerted | None) -> str:
    told = [_reached(each) for each in (would, really) if each is not None]
    return told[0] if len(set(told)) == 1 else f"{told[0]}; really: {told[1]}"


def _reached(alert: Alerted) -> str:
    if alert.quiet:
        return "shown, not paged"
    if alert.level < 0:
        return "waited for the first step of the ladder"
    climbed = f", climbed to step {alert.highest + 1}" if alert.highest > alert.level else ""
    return f"step {alert.level + 1} to {', '.join(alert.pagers) or 'nobody'}{climbed}"


def _table(title: str, totals: Iterable[Total]) -> Iterator[str]:
    yield f"{title:<24}  would (paged)  really (paged)"
    for total in totals:
        yield (
            f"  {total.name:<22}  {total.would:>5} {f'({total.would_page})':>7}"
            f"  {total.really:>6} {f'({total.really_paged})':>7}"
        )
