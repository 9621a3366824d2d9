"""The daily test page, pure: when it is sent, to whom, and what nobody has confirmed.

It goes out once a day at its local time, on days on which the shop opens. A box that was off then
sends it later that day, once the shop is open. A box whose clock is not right ten minutes after
its boot sends it once a boot, with the first press: then somebody is there to feel it.
"""

from collections.abc import Iterable
from datetime import datetime, time, timedelta
from typing import Final

import msgspec

from gateway.alerts import hours, roster
from gateway.alerts.ladder import ns
from gateway.clock import NS_PER_S, Stamp
from gateway.config import Config
from gateway.config import DailyTest as Settings
from gateway.model import Page
from gateway.paging.text import Occasion, alert_text

NO_CLOCK_S: Final = 600
"""A box that has no right clock so long after its boot is taken for one that never will."""
LATE_S: Final = 300
"""Later than this the test waits until the shop is open."""
LOOK_AGAIN_S: Final = 60.0
"""How often to see whether the clock has been set, or the shop has opened."""
LOOK_AT_LEAST_S: Final = 3600.0
"""The wall clock may be set meanwhile: no wait for it is longer than this."""


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """What must outlive a restart.

    Attributes:
        sent: When the latest test was sent.
        waiting: Its pagers that nobody has confirmed.
        overdue: Pagers that nobody confirmed in time, of this test or one before.
    """

    sent: Stamp
    waiting: tuple[str, ...] = ()
    overdue: tuple[str, ...] = ()


class DailyTest:
    """The test of one shop.

    Args:
        settings: When, which pagers, how long there is to confirm.
        config: Pagers, staff and opening hours.
        kept: What it knew before the restart, None when it has never sent one.
    """

    def __init__(self, settings: Settings, config: Config, kept: Kept | None) -> None:
        carried = {person.pager for person in config.staff}
        self._pagers: Final = tuple(
            pager
            for pager in config.pagers
            if (pager.name in settings.pagers if settings.pagers else pager.name in carried)
        )
        self._at: Final = time.fromisoformat(settings.at)
        self._confirm_ns: Final = ns(settings.confirm_s)
        self._config: Final = config
        self._shop: Final = config.shop
        self.kept = kept

    @property
    def overdue(self) -> tuple[str, ...]:
        """The pagers that are at fault."""
        return () if self.kept is None else self.kept.overdue

    def next_due_s(self, now: Stamp) -> float:
        """Seconds until `advance` is to be called again."""
        waits = [LOOK_AGAIN_S]
        if now.synced:
            local = hours.local(self._shop, now)
            moment = self._moment(local)
            if self._was_sent_today(now) or not self._opens_today(now):
                moment = self._moment(local + timedelta(days=1))
            wait_s = moment.timestamp() - now.wall_ns / NS_PER_S
            waits = [min(wait_s, LOOK_AT_LEAST_S) if wait_s > 0 else LOOK_AGAIN_S]
        confirm_ns = self._left_to_confirm_ns(now)
        if confirm_ns is not None:
            waits.append(confirm_ns / NS_PER_S)
        return min(waits)

    def advance(self, now: Stamp) -> list[Page]:
        """The pages to send, if it is time; and whoever was not confirmed in time is overdue."""
        if self.kept is not None and self.kept.waiting and self._left_to_confirm_ns(now) is None:
            overdue = dict.fromkeys((*self.kept.overdue, *self.kept.waiting))
            self.kept = msgspec.structs.replace(self.kept, overdue=tuple(overdue))
        return self._send(now) if now.synced and self._is_due(now) else []

    def pressed(self, now: Stamp) -> list[Page]:
        """A customer pressed a button: the pages to send, for a box without a clock."""
        boot_is_old = now.mono_ns >= NO_CLOCK_S * NS_PER_S
        sent_in_this_boot = self.kept is not None and self.kept.sent.boot == now.boot
        if now.synced or not boot_is_old or sent_in_this_boot:
            return []
        return self._send(now)

    def confirm(self, pagers: Iterable[str] | None = None) -> tuple[str, ...]:
        """They buzzed; None for all. Returns those that this changes anything for.

        A test may be confirmed late, until the next one is sent.
        """
        if self.kept is None:
            return ()
        named = None if pagers is None else frozenset(pagers)
        done = tuple(name for name in self.kept.waiting if named is None or name in named)
        self.kept = msgspec.structs.replace(
            self.kept,
            waiting=tuple(name for name in self.kept.waiting if name not in done),
            overdue=tuple(name for name in self.kept.overdue if name not in done),
        )
        return done

    def confirm_by_button(self, zone: str, now: Stamp) -> tuple[str, ...]:
        """An acknowledge button, in time: the pagers of those who answer for its zone buzzed."""
        if self._left_to_confirm_ns(now) is None:
            return ()
        people = self._config.staff
        return self.confirm(
            person.pager for person in people if person.pager and roster.covers(person, zone)
        )

    # --- how -------------------------------------------------------------------------------

    def _moment(self, local: datetime) -> datetime:
        return datetime.combine(local.date(), self._at, local.tzinfo)

    def _is_due(self, now: Stamp) -> bool:
        late_s = now.wall_ns / NS_PER_S - self._moment(hours.local(self._shop, now)).timestamp()
        if late_s < 0 or self._was_sent_today(now) or not self._opens_today(now):
            return False
        return late_s <= LATE_S or hours.is_open(self._shop, now)

    def _was_sent_today(self, now: Stamp) -> bool:
        """By this clock, which is right: the one it was sent by may not have been."""
        age_ns = None if self.kept is None else self.kept.sent.age_ns(now)
        if age_ns is None:
            return False
        then = Stamp(now.boot, now.mono_ns - age_ns, now.wall_ns - age_ns, now.synced)
        return hours.local(self._shop, then).date() == hours.local(self._shop, now).date()

    def _opens_today(self, now: Stamp) -> bool:
        """Whether the shop opens today at all."""
        local = hours.local(self._shop, now)
        openings = [time.fromisoformat(span.open) for span in self._shop.hours] or [self._at]
        return any(
            hours.is_open(self._shop, _at(datetime.combine(local.date(), begin, local.tzinfo), now))
            for begin in openings
        )

    def _left_to_confirm_ns(self, now: Stamp) -> int | None:
        """How long there is to confirm it, None when that is over or nothing waits."""
        if self.kept is None or not self.kept.waiting:
            return None
        age_ns = self.kept.sent.age_ns(now)
        if age_ns is None or age_ns >= self._confirm_ns:
            return None
        return self._confirm_ns - age_ns

    def _send(self, now: Stamp) -> list[Page]:
        pages = []
        for pager in self._pagers:
            text = alert_text(
                pager.language or self._shop.language,
                None,
                zone="",
                button_label="",
                time_hhmm=hours.hhmm(self._shop, now),
                age_s=0,
                level=0,
                occasion=Occasion.TEST,
            )
            page_id = f"daily.{now.boot[:8]}.{now.mono_ns // NS_PER_S}.{pager.name}"
            pages.append(Page(id=page_id, pager=pager.name, text=text))
        waiting = tuple(pager.name for pager in self._pagers)
        # What is not tested any more cannot be confirmed any more.
        overdue = tuple(name for name in self.overdue if name in waiting)
        self.kept = Kept(sent=now, waiting=waiting, overdue=overdue)
        return pages


def _at(moment: datetime, now: Stamp) -> Stamp:
    wall_ns = int(moment.timestamp()) * NS_PER_S
    return Stamp(now.boot, now.mono_ns + wall_ns - now.wall_ns, wall_ns, now.synced)
