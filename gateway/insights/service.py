"""Key figures and trials behind the control socket."""

import asyncio
import sqlite3
from collections.abc import Callable
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any, Final, TypeVar
from zoneinfo import ZoneInfo

from gateway.alerts import hours
from gateway.clock import NS_PER_S, Clock
from gateway.config import Config, check
from gateway.config.edit import Edit, edited
from gateway.config.settings import Settings
from gateway.control import Asker
from gateway.errors import Refused
from gateway.insights import cases, figures, messages, reading, trial
from gateway.insights.answers import Answers
from gateway.insights.messages import InsightsView, TrialView
from gateway.journal.store import Journal
from gateway.request import Request
from gateway.setup.changes import plain, told
from gateway.sync.uplink import Uplink

DAYS_MOST: Final = 400
TRIAL_DAYS_MOST: Final = 31
_TRIED: Final = ("rules", "ladder")

T = TypeVar("T")


class InsightsService:
    """Answers what the page asks about the shop's figures.

    Args:
        config: What is in force.
        clock: The time.
        journal: What happened.
        uplink: The way to the server, None when there is none.
        settings: The settings file, which is only read.
    """

    def __init__(
        self,
        *,
        config: Config,
        clock: Clock,
        journal: Journal,
        uplink: Uplink | None,
        settings: Settings,
    ) -> None:
        self._config: Final = config
        self._clock: Final = clock
        self._journal: Final = journal
        self._uplink: Final = uplink
        self._settings: Final = settings
        self._zone: Final = ZoneInfo(config.shop.timezone)
        self._points: Final = reading.Points(config.buttons)
        self._views: Final[Answers[InsightsView]] = Answers(self._seconds)
        self._trials: Final[Answers[TrialView]] = Answers(self._seconds)

    def handlers(self) -> dict[type[Request[Any]], Any]:
        """What answers which request."""
        return {
            messages.GetInsights: self._get,
            messages.GetRules: self._rules,
            messages.TryRules: self._try,
        }

    # --- figures ---------------------------------------------------------------------------

    async def _get(self, request: messages.GetInsights, _: Asker) -> InsightsView:
        since, until = self._days(request)
        return await self._views.get((since, until), partial(self._count, since, until))

    def _days(self, request: messages.GetInsights) -> tuple[date, date]:
        today = hours.local(self._config.shop, self._clock.now()).date()
        try:
            until = date.fromisoformat(request.until) if request.until else today
            if request.since:
                since = date.fromisoformat(request.since)
            else:
                since = until - timedelta(days=request.days - 1)
        except (ValueError, OverflowError) as error:
            raise Refused("bad_span", "days are written like 2026-11-01") from error
        if not timedelta(0) <= until - since < timedelta(days=DAYS_MOST):
            raise Refused("bad_span", f"from 1 to {DAYS_MOST} days, the first before the last")
        return since, until

    async def _count(self, since: date, until: date) -> InsightsView:
        span = reading.Span(
            self._midnight_ns(since), self._midnight_ns(until + timedelta(days=1)), self._zone
        )
        tally = figures.Tally()
        found = cases.Cases(span.since_ns, span.until_ns, self._points.panels)
        last = await self._read(reading.last_seq)
        begin = await self._read(
            lambda db: reading.first_since(db, span.since_ns - cases.REPEAT_NS)
        )
        first = await self._read(lambda db: reading.first_since(db, span.since_ns))
        for piece in range(begin, last + 1, reading.PIECE):
            await self._read(partial(reading.follow_cases, first=piece, cases=found))
        for piece in range(first, last + 1, reading.PIECE):
            await self._read(
                partial(
                    reading.count_presses,
                    first=piece,
                    span=span,
                    points=self._points,
                    tally=tally,
                )
            )
        return self._view(since, until, tally, found)

    def _view(
        self, since: date, until: date, tally: figures.Tally, found: cases.Cases
    ) -> InsightsView:
        confirmed = 0 if self._uplink is None else self._uplink.cursor
        return InsightsView(
            since=since.isoformat(),
            until=until.isoformat(),
            timezone=self._config.shop.timezone,
            at_s=self._clock.now().wall_ns / NS_PER_S,
            least=figures.LEAST,
            contact_target_s=cases.CONTACT_TARGET_S,
            presses=tally.presses,
            unsure=tally.unsure,
            incidents=found.incidents,
            figures=figures.figures(tally, found, (confirmed, self._journal.last_seq)),
            hours=figures.bars(tally.hours),
            weekdays=figures.bars(tally.weekdays),
            zones=figures.bars(dict(sorted(tally.zones.items()))),
            points=figures.bars(dict(sorted(tally.points.items()))),
            staff=self._consenting(found),
        )

    def _consenting(self, found: cases.Cases) -> tuple[messages.StaffCount, ...]:
        """Who did most first."""
        counts = [
            messages.StaffCount(
                name=person.name,
                contacts=found.contacts[person.name],
                recovered=found.recoveries[person.name],
            )
            for person in self._config.staff
            if person.leaderboard
        ]
        return tuple(sorted(counts, key=lambda one: (-one.recovered, -one.contacts, one.name)))

    def _midnight_ns(self, day: date) -> int:
        begins = datetime(day.year, day.month, day.day, tzinfo=self._zone)
        return round(begins.timestamp()) * NS_PER_S

    async def _read(self, query: Callable[[sqlite3.Connection], T]) -> T:
        return await asyncio.wrap_future(self._journal.read(query))

    def _seconds(self) -> float:
        return self._clock.mono_ns() / NS_PER_S

    # --- trials ----------------------------------------------------------------------------

    async def _rules(self, _: messages.GetRules, __: Asker) -> messages.RulesView:
        text, sha256 = self._settings.in_force
        config, problems, _warnings = await asyncio.to_thread(check.check, text)
        if config is None:
            raise check.ConfigError(problems)
        return messages.RulesView(rules=config.rules, ladder=config.ladder, sha256=sha256)

    async def _try(self, request: messages.TryRules, _: Asker) -> TrialView:
        if not 1 <= request.days <= TRIAL_DAYS_MOST:
            raise Refused("bad_span", f"from 1 to {TRIAL_DAYS_MOST} days")
        if not all(each.path and each.path[0] in _TRIED for each in request.edits):
            raise Refused("forbidden", "only rules and the ladder can be tried")
        edits = [Edit(tuple(each.path), plain(each.value)) for each in request.edits]
        text = await asyncio.to_thread(edited, self._settings.in_force[0], edits)
        _config, problems, _warnings = await asyncio.to_thread(check.check, text)
        if problems:
            return TrialView(problems=tuple(told(each) for each in problems))
        today = hours.local(self._config.shop, self._clock.now()).date()
        since = today - timedelta(days=request.days - 1)
        wanted = trial.Trial(text, self._midnight_ns(since) / NS_PER_S)
        return await self._trials.get(wanted, partial(trial.tried, wanted))
