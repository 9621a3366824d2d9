"""The simulated panel, through fake pins into the press filter: the whole way of an edge."""

from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from gateway.config import Button, Inputs
from gateway.inputs.filter import PressFilter
from gateway.inputs.gpio import GpioInputs
from gateway.inputs.health import Health
from gateway.inputs.pins import open_pins
from gateway.inputs.verdicts import Pressed, Verdict
from gateway.model import ButtonKind, Label, PressFlag
from gateway.simulator.panel import Move, Panel, bounce, chatter, press

MS = 1_000_000


def buttons(*, normally_closed: bool, pull: str) -> tuple[Button, ...]:
    return tuple(
        Button(
            name=kind.value,
            pin=pin,
            kind=kind,
            label=Label(ru="кнопка", en="button"),
            normally_closed=normally_closed,
            pull=pull,
        )
        for pin, kind in ((17, ButtonKind.HAPPY), (27, ButtonKind.VERY_UNHAPPY))
    )


class Shop:
    """Panel, pins and filter on one clock that only waiting moves on."""

    def __init__(self, wired: tuple[Button, ...], work: Path) -> None:
        self.now_ns = 10**12
        self.verdicts: list[Verdict] = []
        config = Inputs(simulated=True)
        self.pins = open_pins(config, work)
        self.filter = PressFilter(wired, config)
        self.inputs = GpioInputs(
            wired,
            config,
            self.pins,
            on_edge=self._edge,
            on_fault=self._fault,
            clock=lambda: self.now_ns,
        )
        self.panel = Panel(wired, self.pins.factory, self._wait)
        self.panel.rest()
        for name, active in self.inputs.start().items():
            self.filter.begin(name, active=active, at_ns=self.now_ns)

    def _edge(self, name: str, active: bool, at_ns: int) -> None:
        self.verdicts += self.filter.edge(name, active=active, at_ns=at_ns)

    def _fault(self, health: Health) -> None:
        raise AssertionError(health)

    def _wait(self, seconds: float) -> None:
        self.now_ns += round(seconds * 1e9)
        self.verdicts += self.filter.advance(self.now_ns)

    def told(self, name: str) -> list[PressFlag | None]:
        return [
            v.press.flag for v in self.verdicts if isinstance(v, Pressed) and v.press.button == name
        ]


OpenShop = Callable[..., Shop]


@pytest.fixture(params=[(False, "up"), (True, "up"), (False, "down"), (True, "none")])
def shop(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Shop]:
    normally_closed, pull = request.param
    shop = Shop(buttons(normally_closed=normally_closed, pull=pull), tmp_path)
    yield shop
    shop.inputs.close()
    shop.pins.close()


def test_at_rest_nothing_is_told(shop: Shop) -> None:
    shop.panel.rest()
    shop._wait(100)
    assert shop.verdicts == []


def test_a_press_is_one_press(shop: Shop) -> None:
    began_ns = shop.now_ns
    shop.panel.play("very_unhappy", press())
    [verdict] = shop.verdicts
    assert isinstance(verdict, Pressed)
    assert (verdict.at_ns, verdict.press.flag) == (began_ns, None)


def test_a_bouncing_press_is_one_press(shop: Shop) -> None:
    shop.panel.play("very_unhappy", bounce())
    shop._wait(100)
    assert shop.told("very_unhappy") == [None]


def test_chatter_is_no_press_and_a_press_after_it_is_one(shop: Shop) -> None:
    shop.panel.play("very_unhappy", chatter(50))
    shop.panel.play("very_unhappy", press())
    assert shop.told("very_unhappy") == [PressFlag.GLITCH, PressFlag.GLITCH, None]


def test_a_child_presses_a_green_again_and_again(shop: Shop) -> None:
    for _ in range(6):
        shop.panel.play("happy", press(80, 100))
    assert shop.told("happy") == [None, *[PressFlag.REPEAT] * 4, PressFlag.MASHING]


def test_an_elbow_on_the_panel_does_not_hide_the_red(shop: Shop) -> None:
    shop.panel.put("happy", down=True)
    shop.panel.play("very_unhappy", press())
    shop.panel.put("happy", down=False)
    assert shop.told("very_unhappy") == [None]


def test_a_bounce_ends_at_rest() -> None:
    for moves in (press(), bounce(), chatter(3)):
        assert moves[-1].down is False
        assert all(a.down is not b.down for a, b in pairwise(moves))
    assert press(10, 20) == [Move(down=True, lasts_ms=10), Move(down=False, lasts_ms=20)]
