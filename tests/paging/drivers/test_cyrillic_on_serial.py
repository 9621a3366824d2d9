"""The Cyrillic tables on serial equipment: each letter arrives, or the receipt says that not."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager

import pytest

from gateway.config import Pager
from gateway.config.transmitters import Espa, Tap, Template
from gateway.model import Receipt
from gateway.paging import charsets
from gateway.paging.drivers.base import Message
from gateway.paging.drivers.choice import make_driver
from gateway.paging.drivers.template import load_template
from gateway.simulator.espa_system import EspaSystem
from gateway.simulator.tap_terminal import TapTerminal
from tests.paging.drivers.equipped import ADDRESSES, EQUIPMENT

TABLES = ("motorola_linguist", "philips_prg", "motorola_cyrillic_koi7")
LOST = {
    ("comp2", "philips_prg"): "ЮЯ",
    ("comp2", "motorola_cyrillic_koi7"): "Ч",
    ("lrs", "motorola_cyrillic_koi7"): "э",
}


def letters(charset: str) -> str:
    return "".join(each for each in charsets.table(charset) if each.isalpha())


@pytest.mark.parametrize("charset", TABLES)
def test_there_and_back(charset: str) -> None:
    for letter in letters(charset):
        codes = charsets.encode(letter, charset)
        back = charsets.written(codes.decode("ascii"), charset)
        assert charsets.encode(back, charset) == codes  # some tables give two letters one code


@pytest.mark.parametrize("charset", TABLES)
@pytest.mark.parametrize("name", sorted(EQUIPMENT))
def test_every_letter_passes_a_template_or_is_named(name: str, charset: str) -> None:
    template = load_template(name)
    lost = LOST.get((name, charset), "")
    pager = Pager(name="p", address=ADDRESSES.get(name, "46180"), charset=charset)
    assert template.lost(charset) == lost
    for letter in letters(charset):
        with EQUIPMENT[name]() as terminal:
            frame = template.frame(Message(pager, f"{letter}1"))
            terminal.receive(frame.data)
            (taken,) = terminal.pages
        if letter in lost:
            assert frame.note == f"shown wrong: {letter}"
        else:
            assert taken.text.encode("ascii") == charsets.encode(f"{letter}1", charset)
            assert frame.note == ""


def test_equipment_that_takes_no_text_loses_none() -> None:
    assert load_template("tasmota").lost("philips_prg") == ""


def test_a_text_that_is_changed_and_cut_has_both_in_its_note() -> None:
    pager = Pager(name="p", address="101", charset="philips_prg")
    frame = load_template("comp2").frame(Message(pager, "ЯЯ" + "А" * 300))
    assert frame.note == "shown wrong: Я, cut to 240 characters"


Equipment = tuple[Espa | Tap, Callable[[], str]]
"""The settings of a transmitter, and what asks its equipment for the last text it took."""


@contextmanager
def espa() -> Iterator[Equipment]:
    with EspaSystem(statuses=("3",)) as system:
        yield Espa(name="t", port=system.port), lambda: system.pages[-1].message


@contextmanager
def tap() -> Iterator[Equipment]:
    with TapTerminal() as terminal:
        yield Tap(name="t", port=terminal.port), lambda: terminal.pages[-1].text


@pytest.mark.parametrize("charset", TABLES)
@pytest.mark.parametrize("equipment", [espa, tap])
def test_espa_and_tap_carry_every_letter(
    equipment: Callable[[], AbstractContextManager[Equipment]], charset: str
) -> None:
    whole = letters(charset)
    with equipment() as (settings, heard), closing(make_driver(settings)) as driver:
        driver.open()
        receipt = driver.send(Message(Pager(name="p", address="1", charset=charset), whole))
        assert heard().encode("ascii") == charsets.encode(whole, charset)
    assert receipt.is_durable


def test_the_receipt_names_the_letters() -> None:
    with EQUIPMENT["comp2"]() as terminal:
        settings = Template(name="t", port=terminal.port, template="comp2")
        with closing(make_driver(settings)) as driver:
            driver.open()
            pager = Pager(name="p", address="101", charset="philips_prg")
            receipt: Receipt = driver.send(Message(pager, "КАССА: ОЧЕРЕДЬ ЯЯ"))
    assert receipt.detail.endswith("(shown wrong: Я)")
