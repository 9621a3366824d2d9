"""Whether image/test would notice a page without an alert, and an alert without its page."""

import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

from gateway.alerts import case
from gateway.alerts.case import Alert
from gateway.alerts.desk import Decision, Desk
from gateway.clock import NS_PER_S, Stamp
from gateway.events import AnyEvent, Record, Started
from gateway.model import ButtonKind, Page, Press, Receipt, ReceiptState
from gateway.simulator.tap_terminal import TapPage

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from image.proof import pages, report  # noqa: E402

CONFIG = pages.config_of(
    (ROOT / "image/proof/guest_shop.toml").read_text("utf-8").format(server="x:1")
)
RED = Press("exit-very-unhappy", ButtonKind.VERY_UNHAPPY, "hall", None)
NOON_NS = 1_795_349_000 * NS_PER_S


class Box:
    """A desk that is pressed once a minute, its journal, and what a terminal hears of it."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.heard: list[TapPage] = []
        self.start("boot-1")

    def start(self, boot: str) -> None:
        """Power on; what went before is not looked at."""
        names = (f"{boot}-{number}" for number in range(1, 99))
        self.desk = Desk(CONFIG, lambda: next(names))
        self._boot, self._minute = boot, 0
        self.heard.clear()
        self._keep((Started(version="1"),))

    def press(self) -> Page:
        """A customer presses; the page that is to go out."""
        self._minute += 1
        decision = self.desk.press(RED, self._now())
        self._keep(decision.events)
        (page,) = decision.pages
        return page

    def sent(self, page: Page, state: ReceiptState = ReceiptState.ACCEPTED) -> Page:
        """The terminal takes a page, and the journal has its receipt."""
        self.hear(page)
        return self.received(page, state)

    def hear(self, page: Page) -> None:
        """The terminal takes a page."""
        self.heard.append(TapPage("1001", page.text, 0))

    def received(self, page: Page, state: ReceiptState) -> Page:
        """The journal has the receipt of a page."""
        self._do(self.desk.receipt(page, Receipt(state), self._now()))
        return page

    def take(self, page: Page) -> None:
        """Somebody goes."""
        self._do(self.desk.acknowledge(page.alert or "", "owner", "page", self._now()))

    def problems(self) -> list[str]:
        """What image/test says of it."""
        alerts: dict[str, Alert] = {}
        for record in self.records:
            name = case.alert_of(record.event)
            alert = case.fold(alerts.get(name or ""), record.event, record.at)
            if name and alert:
                alerts[name] = alert
        return pages.problems(self.heard, self.records, alerts.values(), CONFIG)

    def _do(self, decision: Decision) -> None:
        self._keep(decision.events)

    def _keep(self, events: Iterable[AnyEvent]) -> None:
        for event in events:
            seq = len(self.records) + 1
            record = Record(
                device="b", epoch="e", seq=seq, at=self._now(), mapping=1, account="s", event=event
            )
            self.records.append(record)

    def _now(self) -> Stamp:
        since_ns = self._minute * 60 * NS_PER_S
        return Stamp(self._boot, since_ns, NOON_NS + since_ns, synced=True)


@pytest.fixture
def box() -> Box:
    return Box()


def test_pages_with_their_receipts_are_good(box: Box) -> None:
    for _ in range(3):
        box.sent(box.press())
    assert box.problems() == []


def test_a_page_of_no_alert_is_noticed(box: Box) -> None:
    box.heard.append(TapPage("1001", "hall: Very unhappy 09:09", 0))
    box.sent(box.press())
    assert box.problems() == ["'hall: Very unhappy 09:09' for 1001 went out, and for no alert"]


def test_a_page_that_was_sent_twice_is_noticed(box: Box) -> None:
    page = box.press()
    box.hear(page)
    box.sent(page)
    box.sent(box.press())
    (words,) = box.problems()
    assert words.endswith("went out, and for no alert")


def test_a_page_for_another_pager_is_noticed(box: Box) -> None:
    page = box.sent(box.press())
    box.heard[:] = [TapPage("1002", page.text, 0), *box.heard]
    assert box.problems() == [f"{page.text!r} for 1002 went out, and for no alert"]


def test_a_receipt_of_what_nobody_heard_is_noticed(box: Box) -> None:
    page = box.received(box.press(), ReceiptState.ACCEPTED)
    box.sent(box.press())
    assert box.problems() == [f"{page.id} has a receipt, and nobody heard {page.text!r}"]


def test_an_alert_that_was_passed_over_is_noticed(box: Box) -> None:
    page = box.press()
    box.sent(box.press())
    assert box.problems() == [f"{page.alert} has no page, and a later alert has"]


def test_an_alert_that_somebody_took_first_needs_no_page(box: Box) -> None:
    box.take(box.press())
    box.sent(box.press())
    assert box.problems() == []


def test_a_cut_may_come_before_the_receipt(box: Box) -> None:
    box.sent(box.press())
    box.hear(box.press())
    box.press()
    assert box.problems() == []


def test_a_cut_may_come_before_the_commit_of_one_alert_alone(box: Box) -> None:
    box.sent(box.press())
    box.heard.append(TapPage("1001", "hall: Very unhappy 09:09", 0))
    assert box.problems() == []
    box.heard.append(TapPage("1001", "hall: Very unhappy 09:10", 0))
    assert len(box.problems()) == 1


def test_a_lost_answer_and_a_refusal_tell_what_was_heard(box: Box) -> None:
    box.sent(box.press(), ReceiptState.UNKNOWN)
    box.received(box.press(), ReceiptState.UNKNOWN)
    box.received(box.press(), ReceiptState.FAILED)
    assert box.problems() == []


def test_only_the_last_start_is_looked_at(box: Box) -> None:
    box.sent(box.press())
    box.start("boot-2")
    box.sent(box.press())
    assert box.problems() == []


def test_settings_that_are_none_are_noticed() -> None:
    with pytest.raises(report.Failed, match="cannot be read"):
        pages.config_of("[shop]\nname = 3\n")
