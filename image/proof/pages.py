"""Each page on the wire belongs to its alert, and each alert has its page: those of one start."""

import re
import tomllib
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final

from gateway.alerts.case import DURABLE, Alert
from gateway.alerts.pages import PageWriter
from gateway.config import Config, values
from gateway.config.decode import decode
from gateway.events import AlertRaised, Paged, Record
from gateway.model import AlertState, ReceiptState
from gateway.paging.text import fit
from gateway.simulator.tap_terminal import TapPage
from image.proof.report import Failed

Heard = tuple[str, str]
"""A pager's address, and what it shows."""
_NUMBER: Final = re.compile(r"\d+")


def config_of(text: str) -> Config:
    """A box's settings, without a look at the files that they name there.

    Raises:
        Failed: They are not what a gateway runs on.
    """
    config = decode(tomllib.loads(text), Config, values.RULES).root
    if not isinstance(config, Config):
        raise Failed("the box's settings cannot be read")
    return config


def problems(
    sent: Sequence[TapPage], records: Sequence[Record], alerts: Iterable[Alert], config: Config
) -> list[str]:
    """What does not fit together after a start that ended with a power cut.

    Args:
        sent: What the transmitter took since that start.
        records: The journal as the cut left it; its last start is looked at.
        alerts: The alerts that these records make.
        config: The settings it ran on.
    """
    boot = records[-1].at.boot
    events = [record.event for record in records if record.at.boot == boot]
    receipts = [event for event in events if isinstance(event, Paged)]
    raised = [event for event in events if isinstance(event, AlertRaised)]
    by_id = {alert.id: alert for alert in alerts}
    unexplained, words = _unpaid(sent, receipts, config)
    waiting = _waiting(by_id.values(), config)
    # The last page before the power went may be ahead of its alert's commit (ADR 0001).
    ahead = Counter((page.pager, page.text) for page in sent[-1:])
    for heard in unexplained:
        shape = _shape(heard)
        if waiting[shape]:
            waiting[shape] -= 1
        elif ahead[heard]:
            ahead[heard] -= 1
        else:
            words.append(f"{heard[1]!r} for {heard[0]} went out, and for no alert")
    return words + _passed_over(raised, receipts, by_id)


def _shape(heard: Heard) -> Heard:
    """Without its numbers: a page of a later step tells how long the customer has waited."""
    return heard[0], _NUMBER.sub("0", heard[1])


def _parts(name: str, text: str, config: Config) -> list[Heard]:
    (pager,) = (each for each in config.pagers if each.name == name)
    return [(pager.address, part) for part in fit(text, pager)]


def _unpaid(
    sent: Sequence[TapPage], receipts: Iterable[Paged], config: Config
) -> tuple[list[Heard], list[str]]:
    """Pages that no receipt speaks of, and receipts of pages that nobody heard."""
    left = Counter((page.pager, page.text) for page in sent)
    words: list[str] = []
    for receipt in sorted(receipts, key=lambda each: each.state not in DURABLE):
        if receipt.state is ReceiptState.FAILED:
            continue
        for heard in _parts(receipt.pager, receipt.text, config):
            if left[heard]:
                left[heard] -= 1
            elif receipt.state in DURABLE:
                words.append(f"{receipt.page} has a receipt, and nobody heard {heard[1]!r}")
    return list(left.elements()), words


def _waiting(alerts: Iterable[Alert], config: Config) -> Counter[Heard]:
    """What may have been on its way when the power went: pages that have no receipt yet."""
    writer = PageWriter(config)
    return Counter(
        _shape(heard)
        for alert in alerts
        if alert.level >= 0
        for page in writer.pages(alert, alert.level, alert.raised)
        if not alert.went_out(page.id)
        for heard in _parts(page.pager, page.text, config)
    )


def _passed_over(
    raised: Sequence[AlertRaised], receipts: Iterable[Paged], alerts: dict[str, Alert]
) -> list[str]:
    """Alerts that nobody has taken and that have no page, though later ones have."""
    paged = {receipt.alert for receipt in receipts}
    places = [place for place, event in enumerate(raised) if event.alert in paged]
    before = raised[: max(places, default=0)]
    return [
        f"{event.alert} has no page, and a later alert has"
        for event in before
        if event.alert not in paged
        and event.level >= 0
        and alerts[event.alert].state is AlertState.OPEN
        and alerts[event.alert].level == event.level  # a later step's page goes to the end
    ]
