"""Each step on a real settings text: what it writes is good, and read back as it was meant."""

import re

import msgspec
import pytest

from gateway.config import Config, Hours, check
from gateway.config.edit import Edit, edited
from gateway.config.transmitters import Mmdvm, Template
from gateway.errors import Refused
from gateway.model import ButtonKind, Role
from gateway.setup import steps
from gateway.setup.messages import AddPerson, PlaceButton, SetShop, SetTransmitter

MINIMAL = """
[device]
id = "box-1"  # printed on the label

[shop]
name = "ACHIVX"
account = "shop-1"
"""
TAP = SetTransmitter(port="/dev/serial/by-id/radio", driver="tap", address="1001")


WATCHES = SetTransmitter(port="/dev/serial/by-id/radio", driver="ev1527:rfxtrx433", address="")
DRAW = iter(range(0xABCDE0, 0x1000000)).__next__


class Shop:
    def __init__(self) -> None:
        self.text = MINIMAL
        self.config = self._check()
        self.do(steps.claim(self.config, "Owner", "ru"))

    def _check(self) -> Config:
        config, problems, _ = check.check(self.text)
        assert config is not None, problems
        return config

    def do(self, edits: list[Edit]) -> Config:
        self.text = edited(self.text, edits)
        self.config = self._check()
        assert "# printed on the label" in self.text
        return self.config

    def place(self, pin: int, kind: ButtonKind) -> Config:
        return self.do(steps.place(self.config, PlaceButton(pin=pin, kind=kind)))


@pytest.fixture
def shop() -> Shop:
    return Shop()


def test_who_claims_is_the_owner_once(shop: Shop) -> None:
    shop.do(steps.claim(shop.config, "Owner", "en"))
    shop.do(steps.claim(shop.config, "Other", "en"))
    assert [(one.name, one.role) for one in shop.config.staff] == [
        ("Owner", Role.OWNER),
        ("Other", Role.OWNER),
    ]


def test_hours_come_and_go(shop: Shop) -> None:
    hours = (Hours(days=("mon", "tue"), open="09:00", close="18:00"),)
    asked = SetShop(name=" Café ", timezone="Europe/Moscow", hours=hours)
    assert shop.do(steps.shop(asked)).shop.hours == hours
    assert shop.config.shop.name == "Café"
    assert shop.do(steps.shop(SetShop(name="Café", timezone="UTC"))).shop.hours == ()


def test_the_first_pager_is_the_owners(shop: Shop) -> None:
    config = shop.do(steps.transmitter(shop.config, TAP, DRAW))
    assert config.staff[0].pager == config.pagers[0].name
    again = SetTransmitter(port="/dev/ttyUSB0", driver="template:jtech", address="7")
    config = shop.do(steps.transmitter(shop.config, again, DRAW))
    assert isinstance(config.transmitters[0], Template)
    assert [pager.address for pager in config.pagers] == ["7"]


@pytest.mark.parametrize(
    ("driver", "address"),
    [("espa", "100"), ("ev1527:rfxtrx433", "A5C3E1"), ("ev1527:sonoff-efm8", "A5C3E1")],
)
def test_every_driver_can_be_set_up(shop: Shop, driver: str, address: str) -> None:
    asked = SetTransmitter(port="/dev/ttyUSB0", driver=driver, address=address)
    (transmitter,) = shop.do(steps.transmitter(shop.config, asked, DRAW)).transmitters
    assert transmitter.__struct_config__.tag == driver.partition(":")[0]


def test_a_modem_needs_a_frequency(shop: Shop) -> None:
    asked = SetTransmitter(
        port="/dev/serial0", driver="mmdvm", address="8", frequency_hz=439_987_500
    )
    (modem,) = shop.do(steps.transmitter(shop.config, asked, DRAW)).transmitters
    assert isinstance(modem, Mmdvm)


def test_an_unknown_driver_is_refused(shop: Shop) -> None:
    asked = SetTransmitter(port="/dev/null", driver="pigeon", address="1")
    with pytest.raises(Refused, match="pigeon"):
        steps.transmitter(shop.config, asked, DRAW)


def test_buttons_are_placed_and_placed_anew(shop: Shop) -> None:
    shop.do(steps.transmitter(shop.config, TAP, DRAW))
    shop.place(17, ButtonKind.UNHAPPY)
    shop.place(27, ButtonKind.UNHAPPY)
    shop.place(17, ButtonKind.CALL)
    assert [(one.name, one.pin) for one in shop.config.buttons] == [
        ("call", 17),
        ("unhappy-2", 27),
    ]
    shop.place(22, ButtonKind.UNHAPPY)
    assert shop.config.buttons[-1].name == "unhappy"
    for name in ("unhappy-2", "call", "unhappy"):
        shop.do(steps.remove_button(shop.config, name))
    assert shop.config.buttons == ()
    with pytest.raises(Refused):
        steps.remove_button(shop.config, "call")


def test_a_button_that_pages_needs_a_pager(shop: Shop) -> None:
    with pytest.raises(Refused) as refused:
        shop.place(17, ButtonKind.VERY_UNHAPPY)
    assert refused.value.code == "needs_pager"
    assert shop.place(17, ButtonKind.HAPPY).buttons[0].pin == 17
    with pytest.raises(Refused):
        shop.place(4, ButtonKind.REASON)


def test_a_pager_goes_from_hand_to_hand(shop: Shop) -> None:
    shop.do(steps.transmitter(shop.config, TAP, DRAW))
    shop.do(steps.add_person(shop.config, AddPerson(name="Anna", address="1001"), DRAW))
    shop.do(steps.add_person(shop.config, AddPerson(name="Boris", address="1002"), DRAW))
    worn = {one.name: one.pager for one in shop.config.staff}
    assert worn == {"Owner": None, "Anna": "pager-1", "Boris": "pager-2"}
    shop.do(steps.add_person(shop.config, AddPerson(name="Anna", role=Role.MANAGER), DRAW))
    assert shop.config.staff[-1] == shop.config.staff[-1].__class__(name="Anna", role=Role.MANAGER)
    shop.do(steps.remove_person(shop.config, "Boris"))
    with pytest.raises(Refused) as last:
        steps.remove_person(shop.config, "Owner")
    assert last.value.code == "last_owner"
    with pytest.raises(Refused):
        steps.remove_person(shop.config, "Nobody")


def test_a_watch_has_no_number_and_is_given_a_code(shop: Shop) -> None:
    config = shop.do(steps.transmitter(shop.config, WATCHES, DRAW))
    code = config.pagers[0].address
    assert re.fullmatch("[0-9A-F]{5}[1-9A-F]", code)
    config = shop.do(steps.transmitter(shop.config, WATCHES, DRAW))
    assert config.pagers[0].address == code, "what the watch has learnt stands"
    anna = AddPerson(name="Anna", new_watch=True)
    config = shop.do(steps.add_person(config, anna, DRAW))
    first, second = config.pagers
    assert second.address != first.address
    assert config.staff[-1].pager == second.name


def test_only_a_watch_has_no_number(shop: Shop) -> None:
    asked = msgspec.structs.replace(TAP, address="")
    with pytest.raises(Refused) as refused:
        steps.transmitter(shop.config, asked, DRAW)
    assert refused.value.code == "needs_number"


def test_the_step_done_again_keeps_what_is_known_of_the_pager(shop: Shop) -> None:
    shop.do(steps.transmitter(shop.config, TAP, DRAW))
    shop.do([Edit(("pagers", 0, "charset"), "philips_prg")])
    again = msgspec.structs.replace(TAP, address="1002")
    (pager,) = shop.do(steps.transmitter(shop.config, again, DRAW)).pagers
    assert (pager.address, pager.charset) == ("1002", "philips_prg")


def test_a_server_is_asked_with_a_token_in_a_file(shop: Shop) -> None:
    config = shop.do(steps.server("achivx.example:50051", "/var/lib/x/achivx.token"))
    assert config.uplink.__struct_config__.tag == "achivx"
