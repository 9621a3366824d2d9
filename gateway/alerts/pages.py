"""The pages of one ladder level, pure: to whom, and what they say."""

from functools import lru_cache
from typing import Final

from gateway.alerts import hours, ladder, roster, timing
from gateway.alerts.case import Alert
from gateway.clock import NS_PER_S, Stamp
from gateway.config import Config, Pager
from gateway.model import AlertCause, Label, Page, Priority
from gateway.paging.text import Occasion, alert_text


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
        # The same few answers again and again, and each of them wanted at once.
        self._pagers_for: Final = lru_cache(maxsize=256)(self._find_pagers)

    def label(self, alert: Alert) -> Label:
        """What to call the place an alert came from, or what a rule has found there."""
        of_button = self._labels.get(alert.button or "")
        return alert.words or of_button or Label(ru=alert.zone, en=alert.zone)

    def pages(self, alert: Alert, level: int, now: Stamp) -> list[Page]:
        """One page for each pager that this level buzzes."""
        step = ladder.step_of(self._config.ladder, level)
        names = self._pagers_for(alert.to or step.to, alert.zone, self._on_duty(now))
        return [
            Page(
                id=f"{alert.id}.{alert.returns}.{level}.{name}",
                pager=name,
                text=self._text(alert, level, step.text, self._pagers[name], now),
                priority=Priority.ALARM if alert.cause is AlertCause.RED else Priority.HIGH,
                alert=alert.id,
                level=level,
                kind=alert.cause,
            )
            for name in names
        ]

    def _on_duty(self, now: Stamp) -> tuple[str, ...]:
        if not self._have_shifts:
            return self._all
        shop = self._config.shop
        return tuple([each.name for each in self._wearers if hours.on_duty(each, shop, now)])

    def _find_pagers(
        self, targets: tuple[str, ...], zone: str, on_duty: tuple[str, ...]
    ) -> tuple[str, ...]:
        return roster.pagers_for(targets, zone, self._wearers, on_duty)

    def _text(
        self, alert: Alert, level: int, template: Label | None, pager: Pager, now: Stamp
    ) -> str:
        language = pager.language or self._config.shop.language
        return alert_text(
            language,
            None if template is None else template.text(language),
            zone=alert.zone,
            button_label=self.label(alert).text(language),
            time_hhmm=hours.hhmm(self._config.shop, alert.raised),
            age_s=timing.least_age_ns(alert.raised, now) // NS_PER_S,
            level=level,
            occasion=_occasion(alert, level),
        )


def _occasion(alert: Alert, level: int) -> Occasion | None:
    """What the first page of a climb says; the others tell how high it has climbed."""
    if level > 0:
        return None
    if alert.returns:
        return Occasion.REPEAT
    return Occasion.CALL if alert.cause is AlertCause.CALL else None
