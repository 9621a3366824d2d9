"""A pager is tried and taught through a real daemon: watches by a simulated 433 MHz transmitter."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.errors import Refused
from gateway.messages import SendPage
from gateway.model import ButtonKind, Language, ReceiptState
from gateway.setup import claim
from gateway.setup.messages import AddPerson, Claim, PlaceButton, SetTransmitter
from gateway.setup.pager_messages import GetPager, PagerView, SetPager
from gateway.simulator.rf_bridges import SimulatedEfm8
from gateway.simulator.shop import SimulatedShop
from tests.setup.applied import applied


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[SimulatedShop]:
    async with SimulatedShop(tmp_path, fresh=True) as opened:
        code = claim.read(Path(opened.config.paths.state))
        await opened.ask(
            Claim(code=code, name="Owner", password="coffee and cake", language=Language.RU)
        )
        yield opened


@pytest.fixture
async def radio() -> AsyncIterator[SimulatedEfm8]:
    with SimulatedEfm8() as bridge:
        yield bridge


async def with_watch(shop: SimulatedShop, radio: SimulatedEfm8) -> PagerView:
    wanted = SetTransmitter(port=radio.port, driver="ev1527:sonoff-efm8", address="")
    await shop.ask(wanted)
    for pin, kind in ((5, ButtonKind.VERY_UNHAPPY), (6, ButtonKind.CALL)):
        await shop.ask(PlaceButton(pin=pin, kind=kind))
    return await shop.ask(GetPager(pager="pager-1"))


async def test_every_kind_of_a_watch_is_taught_its_own_code(
    shop: SimulatedShop, radio: SimulatedEfm8
) -> None:
    before = await with_watch(shop, radio)
    assert [(each.kind, each.is_own) for each in before.lessons] == [
        ("test", True),
        ("red", False),
        ("call", False),
    ]
    assert len({each.code for each in before.lessons}) == 1
    assert before.samples == {}
    after = await shop.ask(SetPager(pager="pager-1", new_codes=True))
    codes = {each.kind: each.code for each in after.lessons}
    assert len(set(codes.values())) == 3
    assert all(each.is_own for each in after.lessons)
    await applied(shop)
    for kind, code in codes.items():
        radio.air.clear()
        sent = await shop.ask(SendPage(to="pager-1", text="ACHIVX TEST", kind=kind))
        assert sent.receipt.state is ReceiptState.TRANSMITTED
        assert {each.code for each in radio.air} == {int(code, 16)}


async def test_a_second_watch_has_other_codes(shop: SimulatedShop, radio: SimulatedEfm8) -> None:
    await with_watch(shop, radio)
    await shop.ask(AddPerson(name="Anna", new_watch=True))
    views = [
        await shop.ask(SetPager(pager=name, new_codes=True)) for name in ("pager-1", "pager-2")
    ]
    codes = [lesson.code for view in views for lesson in view.lessons]
    assert len(set(codes)) == len(codes) == 6


async def test_letters_show_which_table_a_pager_has(shop: SimulatedShop) -> None:
    await shop.ask(SetTransmitter(port=shop.terminal.port, driver="tap", address="1001"))
    await applied(shop)
    view = await shop.ask(GetPager(pager="pager-1"))
    assert view.lessons == ()
    assert set(view.samples) == {"motorola_linguist", "philips_prg", "motorola_cyrillic_koi7"}
    shown = []
    for charset, text in view.samples.items():
        sent = await shop.ask(SendPage(to="pager-1", text=text, charset=charset))
        assert sent.receipt.state is ReceiptState.ACCEPTED
        shown.append(shop.terminal.pages[-1].text)
    assert len(set(shown)) == 3, "one text, in the codes of three tables"
    changed = await shop.ask(SetPager(pager="pager-1", charset="philips_prg"))
    assert (changed.charset, changed.applied) == ("philips_prg", False)


@pytest.mark.parametrize(
    ("wanted", "code"),
    [
        (GetPager(pager="nobody's"), "unknown_pager"),
        (SetPager(pager="nobody's", new_codes=True), "unknown_pager"),
        (SetPager(pager="pager-1", new_codes=True), "bad_request"),
        (SetPager(pager="pager-1", charset="morse"), "not_valid"),
        (SendPage(to="pager-1", text="x", kind="joy"), "bad_request"),
        (SendPage(to="pager-1", text="x", charset="morse"), "bad_request"),
    ],
)
async def test_what_cannot_be_is_refused(
    shop: SimulatedShop, wanted: GetPager | SetPager | SendPage, code: str
) -> None:
    await shop.ask(SetTransmitter(port=shop.terminal.port, driver="tap", address="1001"))
    await applied(shop)
    with pytest.raises(Refused) as refused:
        await shop.ask(wanted)
    assert refused.value.code == code
