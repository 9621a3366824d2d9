"""Other settings tried on the recorded presses: the report, and a process of its own for it.

A replay is a minute's work for a small box, and all of it inside the interpreter. The gateway has
it done by another process, of the lowest priority where that is allowed: it takes its memory with
it when it ends.
"""

import asyncio
import contextlib
import os
import sqlite3
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Final

import msgspec

from gateway.alerts import hours
from gateway.alerts.replay import Alerted, Replayed, replay
from gateway.alerts.rules import PRIMED_FROM
from gateway.clock import NS_PER_S, Clock, SystemClock
from gateway.config import Config, check
from gateway.config.check import ConfigError
from gateway.errors import GatewayError, JournalError
from gateway.insights.messages import Difference, Total, TrialView
from gateway.insights.reading import first_since
from gateway.journal import reading, schema

TRIAL_S: Final = 300.0
"""The longest a trial may take."""
DIFFERENCES_MOST: Final = 100
_LOWEST: Final = 19  # nice(2)


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """Both stories of a span of time; days are the shop's own."""

    since: str
    until: str | None
    timezone: str
    replayed: Replayed
    by_rule: tuple[Total, ...]
    by_day: tuple[Total, ...]


class Trial(msgspec.Struct, frozen=True):
    """What the other process is told: the settings' text, and the first moment, Unix time."""

    settings: str
    since_s: float


def report(
    config: Config, path: Path, since: datetime, until: datetime | None, clock: Clock
) -> Report:
    """Replay what a journal has of a span of time.

    Raises:
        JournalError: It cannot be read.
    """
    since_ns, until_ns = _ns(since), None if until is None else _ns(until)
    try:
        connection = schema.open_reader(path)
        try:
            first = first_since(connection, since_ns)
            replayed = replay(
                config,
                reading.all_records(connection, max(0, first - 1 - PRIMED_FROM)),
                first=first,
                since_ns=since_ns,
                until_ns=until_ns,
                end=clock.now(),
            )
        finally:
            connection.close()
    except sqlite3.Error as error:
        raise JournalError(f"cannot read the journal {path}: {error}") from error
    return Report(
        since=since.isoformat(),
        until=None if until is None else until.isoformat(),
        timezone=config.shop.timezone,
        replayed=replayed,
        by_rule=_totals(replayed, lambda alert: alert.name),
        by_day=_totals(replayed, lambda alert: f"{hours.local(config.shop, alert.at):%Y-%m-%d}"),
    )


def brief(told: Report) -> TrialView:
    """The totals, and the latest alerts that only one of the stories has."""
    differences = [
        Difference(
            at_s=alert.at.wall_ns / NS_PER_S,
            name=alert.name,
            zone=alert.zone,
            button=alert.button,
            would=would is not None,
        )
        for would, really in told.replayed.pairs()
        if (alert := would or really) is not None and (would is None or really is None)
    ]
    return TrialView(
        presses=told.replayed.presses,
        by_rule=told.by_rule,
        by_day=told.by_day,
        by_calls=_totals(told.replayed, _calls),
        differences=tuple(differences[-DIFFERENCES_MOST:]),
        more=max(0, len(differences) - DIFFERENCES_MOST),
    )


async def tried(trial: Trial) -> TrialView:
    """Have another process try it.

    Raises:
        JournalError: It could not, and says why.
    """
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "gateway.insights.trial"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(TRIAL_S):
            said, complaint = await process.communicate(msgspec.json.encode(trial))
    except TimeoutError as error:
        raise JournalError(f"nothing came of the trial within {TRIAL_S:.0f} s") from error
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        raise JournalError(f"the trial failed: {complaint.decode(errors='replace')[-300:]}")
    return msgspec.json.decode(said, type=TrialView)


def main() -> int:
    """The other process: a `Trial` comes in by its standard input, a `TrialView` goes out."""
    with contextlib.suppress(PermissionError):  # the unit may forbid it: then it is as any other
        os.nice(_LOWEST)
    trial = msgspec.json.decode(sys.stdin.buffer.read(), type=Trial)
    try:
        config, problems, _ = check.check(trial.settings)
        if config is None:
            raise ConfigError(problems)
        since = datetime.fromtimestamp(trial.since_s).astimezone()
        told = brief(report(config, config.paths.journal, since, None, SystemClock()))
    except GatewayError as error:
        print(error, file=sys.stderr)
        return 1
    sys.stdout.buffer.write(msgspec.json.encode(told))
    return 0


def _ns(when: datetime) -> int:
    return round(when.timestamp() * NS_PER_S)


def _calls(alert: Alerted) -> str:
    """How often the ladder called somebody, its last step again and again, in five digits."""
    return f"{0 if alert.quiet else alert.highest + 1:05}"


def _totals(replayed: Replayed, name: Callable[[Alerted], str]) -> tuple[Total, ...]:
    """Counts by name, in the order of the alphabet, which is that of days too."""
    counts: dict[str, list[int]] = {}
    for column, alerts in ((0, replayed.would), (2, replayed.really)):
        for alert in alerts:
            row = counts.setdefault(name(alert), [0, 0, 0, 0])
            row[column] += 1
            row[column + 1] += not alert.quiet
    return tuple(Total(key, *counts[key]) for key in sorted(counts))


if __name__ == "__main__":
    sys.exit(main())
