"""Everything in gateway.toml that a shop changes has a form, and a form that takes real values."""

from typing import TYPE_CHECKING, Final, get_args

import msgspec
import pytest
from flask.testing import FlaskClient

from gateway.config import Config, Shift
from gateway.messages import GetSettings
from gateway.model import Label
from tests.webui.test_settings import live, owner, put  # noqa: F401 - fixtures of the same shop
from webui.sections import SECTIONS

if TYPE_CHECKING:
    from tests.webui.live_shop import LiveShop

NOT_A_SHOPS: Final = {
    "device": "who the box is: its id never changes",
    "paths": "where things are is the machine's, not the shop's",
}


def test_every_table_of_the_settings_has_a_form() -> None:
    top = {field.name for field in msgspec.structs.fields(Config)}
    assert {section.path[0] for section in SECTIONS.values()} == top - NOT_A_SHOPS.keys()


def test_every_table_inside_a_table_has_a_form() -> None:
    paths = {section.path for section in SECTIONS.values()}
    for section in tuple(SECTIONS.values()):
        for table in section.kinds.values():
            for field in msgspec.structs.fields(table):
                inner = [each for each in get_args(field.type) if _is_table(each)]
                has_form = (*section.path, field.name) in paths
                assert not inner or has_form, f"{section.name}.{field.name}"


def _is_table(kind: object) -> bool:
    """A table of several keys: labels and shifts have a field of their own in a form."""
    is_struct = isinstance(kind, type) and issubclass(kind, msgspec.Struct)
    return is_struct and kind not in (Label, Shift)


# What a person types, and what the file then says.
TYPED: Final = [
    ("hours/0", {"days.mon": "yes", "days.sat": "yes", "open": "09:00", "close": "21:00"},
     'days = ["mon", "sat"]'),
    ("staff/1", {"name": "Ann", "shifts": "mon tue 09:00–18:00", "leaderboard": "yes"},
     'name = "Ann"'),
    ("shop", {"name": "Corner", "account": "a", "holidays": "01-01, 2027-05-09"}, "2027-05-09"),
    ("steps/0", {"after_s": "0", "to.everyone": "yes", "text.ru": "Иди {zone}",
                 "text.en": "Go {zone}"}, "Go {zone}"),
    ("guidance/0", {"label.ru": "Выслушать", "label.en": "Listen", "text.ru": "Молча",
                    "text.en": "In silence"}, "In silence"),
    ("security", {"to.everyone": "yes", "words.ru": "Охрана: 02", "words.en": "Guard: 02"},
     "Guard: 02"),
    ("customers", {"keep_days": "30", "country": "7", "keep": "plain"}, 'keep = "plain"'),
    ("customer-kinds/0", {"name": "card", "pattern": "29[0-9]{11}", "account": "card:{0}"},
     "29[0-9]{11}"),
    ("causes/0", {"name": "queue", "label.ru": "Очередь", "label.en": "Queue"}, "Queue"),
    ("spending", {"offline_tokens": "12,5"}, "offline_tokens = 12.5"),
    ("offers/0", {"name": "tea", "kind": "coupon", "label.ru": "Чай", "label.en": "Tea",
                  "cost": "2"}, '"Tea"'),
    ("ladder", {"repeat_s": "55"}, "repeat_s = 55"),
    ("journal", {"max_days": "100"}, "max_days = 100"),
    ("daily-test", {"at": "08:30"}, '"08:30"'),
    ("access", {"lockout_after": "4"}, "lockout_after = 4"),
]  # fmt: skip


@pytest.mark.parametrize(("path", "typed", "written"), TYPED, ids=[case[0] for case in TYPED])
def test_what_is_typed_is_in_force(
    path: str,
    typed: dict[str, str],
    written: str,
    owner: FlaskClient,  # noqa: F811
    live: "LiveShop",  # noqa: F811
) -> None:
    answer = put(owner, f"/settings/{path}", typed)
    assert answer.status_code == 303, answer.text
    assert "Saved, and in force." in owner.get("/settings").text
    assert written in live.ask(GetSettings()).text


WRONG: Final = [
    ("customer-kinds/0", {"name": "card", "pattern": "29[", "account": "card:{0}"}, "pattern"),
    ("customers", {"keep_days": "0"}, "keep_days"),
    ("customers", {"keep": "for ever"}, "keep"),
    ("steps/0", {"after_s": "0"}, "to"),
    ("journal", {"max_bytes": "7"}, "max_bytes"),
    ("shop", {"name": "C", "account": "a", "holidays": "31-31"}, "holidays"),
    ("staff/1", {"name": "Ann", "shifts": "mon 25:00–26:00"}, "shifts"),
    ("hours/0", {"days.mon": "yes", "open": "9 o'clock", "close": "21:00"}, "open"),
    ("hours/0", {"open": "09:00", "close": "21:00"}, "days"),
]


@pytest.mark.parametrize(("path", "typed", "key"), WRONG, ids=[f"{c[0]}-{c[2]}" for c in WRONG])
def test_what_is_wrong_is_said_at_its_field_and_nothing_is_written(
    path: str,
    typed: dict[str, str],
    key: str,
    owner: FlaskClient,  # noqa: F811
    live: "LiveShop",  # noqa: F811
) -> None:
    before = live.ask(GetSettings())
    answer = put(owner, f"/settings/{path}", typed)
    assert answer.status_code == 422
    assert f'id="wrong-{key}"' in answer.text
    assert live.ask(GetSettings()) == before
