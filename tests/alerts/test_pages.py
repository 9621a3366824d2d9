"""What the pages of a level say, in the language of each pager."""

import msgspec
import pytest

from gateway.alerts.case import Alert
from gateway.alerts.pages import PageWriter
from gateway.clock import Stamp
from gateway.config import Button, Config, Device, Ladder, Pager, Shop, Staff, Step
from gateway.model import AlertCause, ButtonKind, Label, Language

S = 1_000_000_000
PRESSED = Stamp("boot", 0, 1_795_435_200 * S, synced=True)  # 2026-11-23 12:00 UTC

CONFIG = Config(
    device=Device(id="box"),
    shop=Shop(name="Shop", account="a", timezone="Europe/Moscow"),
    buttons=(
        Button(
            name="exit-red",
            pin=1,
            kind=ButtonKind.VERY_UNHAPPY,
            label=Label(ru="Плохо", en="Bad"),
            zone="exit",
        ),
    ),
    pagers=(
        Pager(name="one", address="1"),
        Pager(name="two", address="2", language=Language.RU),
    ),
    staff=(Staff(name="Anna", pager="one"), Staff(name="Bo", pager="two")),
)


def alert(
    cause: AlertCause = AlertCause.RED, *, raised: Stamp = PRESSED, returns: int = 0
) -> Alert:
    return Alert(
        id="a1",
        cause=cause,
        zone="exit",
        button="exit-red",
        raised=raised,
        climbing=raised,
        last_press=raised,
        returns=returns,
    )


def texts(of: Alert, level: int, *, after_s: int = 0, config: Config = CONFIG) -> list[str]:
    now = Stamp("boot", after_s * S, 0, synced=False)
    return [page.text for page in PageWriter(config).pages(of, level, now)]


def test_each_pager_gets_its_own_language_and_the_shops_time() -> None:
    assert texts(alert(), 0) == ["exit: Bad 15:00", "exit: Плохо 15:00"]
    assert texts(alert(), 1, after_s=40) == ["Again 40s exit: Bad", "Ещё раз 40с exit: Плохо"]


def test_a_call_says_so_at_first() -> None:
    assert texts(alert(AlertCause.CALL), 0)[0] == "Call exit 15:00"
    assert texts(alert(AlertCause.CALL), 1, after_s=40)[0] == "Again 40s exit: Bad"


def test_what_came_back_says_how_long_the_customer_has_waited() -> None:
    assert texts(alert(returns=1), 0, after_s=900)[0] == "Again 15min exit: Bad"


def test_a_time_that_nobody_knew_is_not_told() -> None:
    unsure = msgspec.structs.replace(PRESSED, synced=False)
    assert texts(alert(raised=unsure), 0)[0] == "exit: Bad"


def test_a_customer_of_another_boot_has_waited_this_boot_at_the_least() -> None:
    unsure = Stamp("before", 0, 0, synced=False)
    assert texts(alert(raised=unsure, returns=1), 1, after_s=70)[0] == "Again 1min exit: Bad"


@pytest.mark.parametrize("level", [0, 3])  # the last step comes again
def test_a_step_may_have_a_text_of_its_own(level: int) -> None:
    step = Step(after_s=0, to=("everyone",), text=Label(ru="{button}!", en="{zone} {level}"))
    config = msgspec.structs.replace(CONFIG, ladder=Ladder(steps=(step,)))
    assert texts(alert(), level, config=config) == [f"exit {level + 1}", "Плохо!"]


def test_a_page_has_one_id_however_often_it_is_written() -> None:
    now = PRESSED
    ids = [page.id for page in PageWriter(CONFIG).pages(alert(returns=2), 1, now)]
    assert ids == ["a1.2.1.one", "a1.2.1.two"]


def test_a_page_tells_its_own_times_though_its_text_is_kept() -> None:
    writer = PageWriter(CONFIG)
    later = Stamp("boot", 125 * S, PRESSED.wall_ns + 125 * S, synced=True)
    first = writer.pages(alert(), 0, PRESSED)[0].text
    second = writer.pages(alert(raised=later), 0, later)[0].text
    assert (first, second) == ("exit: Bad 15:00", "exit: Bad 15:02")
    waits = [writer.pages(alert(), 1, now)[0].text for now in (PRESSED, later)]
    assert waits == ["Again 0s exit: Bad", "Again 2min exit: Bad"]
