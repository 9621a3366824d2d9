"""The pages of one ladder level, pure: to whom, and what they say."""

from functools import lru_cache
from typing import Final, NamedTuple

from gateway.alerts import hours, ladder, roster, timing
from gateway.alerts.case import Alert
from gateway.clock import NS_PER_S, Stamp
from gateway.config import Config
from gateway.model import AlertCause, Label, Language, Page, Priority
from gateway.paging.text import Occasion, dated, draft


class _Draft(NamedTuple):
    pager: str
    language: Language
    text: str


class PageWriter:
    """Writes pages as one shop is configured.

    Args:
        config: Buttons, staff, pagers, ladder and hours.
    """

    def __init__(self, config: Config) -> None:
        self._config: Final = config
        self._labels: Final = {button.name: button.label for button in config.buttons}
        self._pagers: Final = {pager.name: pager for pager in config.pagers}
        self._wearers: Final = roster.wearers(config)
        self._all: Final = tuple([each.name for each in self._wearers])
        self._have_shifts: Final = any(each.shifts for each in self._wearers)
        # The same few pages again and again, and each of them wanted at once.
        self._drafts_for: Final = lru_cache(maxsize=256)(self._make_drafts)

    def label(self, alert: Alert) -> Label:
        """What to call the place an alert came from, or what a rule has found there."""
        return self._label(alert.zone, alert.button, alert.words)

    def pages(self, alert: Alert, level: int, now: Stamp) -> list[Page]:
        """One page for each pager that this level buzzes."""
        drafts = self._drafts_for(
            level,
            alert.cause,
            alert.to,
            alert.zone,
            alert.button,
            alert.words,
            alert.returns > 0,
            self._on_duty(now) if self._have_shifts else self._all,
        )
        time_hhmm = hours.hhmm(self._config.shop, alert.raised)

        def age_s() -> int:
            return timing.least_age_ns(alert.raised, now) // NS_PER_S

        return [
            Page(
                id=f"{alert.id}.{alert.returns}.{level}.{each.pager}",
                pager=each.pager,
                text=dated(each.text, each.language, time_hhmm, age_s),
                priority=Priority.ALARM if alert.cause is AlertCause.RED else Priority.HIGH,
                alert=alert.id,
                level=level,
                kind=alert.cause,
            )
            for each in drafts
        ]

    def _on_duty(self, now: Stamp) -> tuple[str, ...]:
        shop = self._config.shop
        return tuple([each.name for each in self._wearers if hours.on_duty(each, shop, now)])

    def _label(self, zone: str, button: str | None, words: Label | None) -> Label:
        return words or self._labels.get(button or "") or Label(ru=zone, en=zone)

    def _make_drafts(
        self,
        level: int,
        cause: AlertCause,
        to: tuple[str, ...],
        zone: str,
        button: str | None,
        words: Label | None,
        has_returned: bool,  # noqa: FBT001 - a part of the key
        on_duty: tuple[str, ...],
    ) -> list[_Draft]:
        """What each pager that is to be buzzed will be told."""
        step, label = ladder.step_of(self._config.ladder, level), self._label(zone, button, words)
        drafts = []
        for name in roster.pagers_for(to or step.to, zone, self._wearers, on_duty):
            language = self._pagers[name].language or self._config.shop.language
            text = draft(
                language,
                None if step.text is None else step.text.text(language),
                zone=zone,
                button_label=label.text(language),
                level=level,
                occasion=_occasion(level, cause, has_returned=has_returned),
            )
            drafts.append(_Draft(name, language, text))
        return drafts


def _occasion(level: int, cause: AlertCause, *, has_returned: bool) -> Occasion | None:
    """What the first page of a climb says; the others tell how high it has climbed."""
    if level > 0:
        return None
    if has_returned:
        return Occasion.REPEAT
    return Occasion.CALL if cause is AlertCause.CALL else None
