"""The codes of learning watches: which kinds are worth a lesson, and that no two are alike."""

from collections.abc import Callable, Iterator

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from gateway.config import Button, Config, Device, Pager, Security, Shop
from gateway.config.alert_rules import RedsInARow, StandingFault
from gateway.config.transmitters import Ev1527, Tap
from gateway.model import ButtonKind, Label
from gateway.paging import watch_codes
from gateway.paging.drivers.ev1527_wave import parse_code
from gateway.paging.text import NUMERIC_CODES

RADIO = Ev1527(name="radio", port="/dev/ttyUSB0", hardware="rfxtrx433")
TAP = Tap(name="tap", port="/dev/ttyUSB1")
PAGER = Pager(name="one", address="A5C3E4")
SHOP = Config(
    device=Device(id="box"),
    shop=Shop(name="Shop", account="1"),
    transmitters=(RADIO,),
    pagers=(PAGER,),
)


def _button(kind: ButtonKind, *, pages: bool = False) -> Button:
    return Button(name=kind, pin=5, kind=kind, label=Label(ru=kind, en=kind), pages=pages)


def test_lessons_are_for_what_the_shop_pages() -> None:
    assert watch_codes.kinds(SHOP) == ("test",)
    buttons = (_button(ButtonKind.UNHAPPY), _button(ButtonKind.REASON))
    shop = msgspec.structs.replace(SHOP, buttons=buttons, rules=(RedsInARow(name="row"),))
    assert watch_codes.kinds(shop) == ("test", "red", "pattern")
    shop = msgspec.structs.replace(
        SHOP,
        buttons=(_button(ButtonKind.CALL), _button(ButtonKind.REASON, pages=True)),
        rules=(StandingFault(name="dead"),),
        security=Security(to=("Guard",)),
    )
    assert watch_codes.kinds(shop) == ("test", "call", "reason", "fault", "security")
    assert set(watch_codes.kinds(shop)) <= set(NUMERIC_CODES)


def test_a_watch_is_what_learning_codes_reach() -> None:
    both = msgspec.structs.replace(SHOP, transmitters=(TAP, RADIO))
    assert watch_codes.is_watch(SHOP, PAGER)
    assert watch_codes.is_watch(both, PAGER)
    assert not watch_codes.is_watch(both, msgspec.structs.replace(PAGER, transmitter="tap"))


@given(
    taken=st.lists(st.integers(0, 40).map("{:06x}".format), max_size=20),
    count=st.integers(0, 8),
)
def test_no_two_codes_are_alike(taken: list[str], count: int) -> None:
    pagers = [Pager(name=f"p{at}", address=code) for at, code in enumerate(taken)]
    pagers.append(Pager(name="more", address="ABCDEF", codes={"red": "00000B"}))
    found = watch_codes.fresh(pagers, count, _counting())
    assert len(set(found)) == count
    assert not set(found) & {code.upper() for code in (*taken, "ABCDEF", "00000B")}
    assert all(parse_code(code) & 0xF for code in found)


def _counting() -> Callable[[], int]:
    numbers: Iterator[int] = iter(range(1 << 24))
    return numbers.__next__


def test_what_is_drawn_is_a_code() -> None:
    codes = watch_codes.fresh((), 50, watch_codes.draw)
    assert all(0 < parse_code(code) < 1 << 24 for code in codes)
