"""docs/configuration.md and the example file cannot rot: both are held against the structures."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec import inspect

from gateway import config as structures
from gateway.config import (
    AchivxUplink,
    Button,
    Cause,
    Config,
    CustomerKind,
    DailyTest,
    Guidance,
    Hours,
    MqttUplink,
    NoUplink,
    Offer,
    Pager,
    Retention,
    Shift,
    Staff,
    Step,
    alert_rules,
    transmitters,
)
from gateway.config.alert_rules import LowIndex, RedsInARow, Silence, StandingFault, UnhappyShare
from gateway.config.check import check
from gateway.config.table import Table
from gateway.config.transmitters import Espa, Ev1527, Mmdvm, Tap, Template
from gateway.config.values import DAYS
from gateway.model import ButtonKind, Language, OfferKind, Role
from gateway.paging import charsets
from gateway.paging.drivers.template_file import shipped_templates
from gateway.paging.text import NUMERIC_CODES

DOCS = Path(__file__).parents[2] / "docs"
EXAMPLE = (DOCS / "gateway.example.toml").read_text()
# The example with every optional part switched on.
WHOLE = re.sub(r"(?m)^#(?=[a-z\[])", "", EXAMPLE)
# The same with the other uplink that it offers instead.
CHAIN = re.sub(
    r"(?ms)^\[uplink\].*?^(# \[uplink\]\n.*?)\n\n",
    lambda found: re.sub(r"(?m)^# ", "", found[1]) + "\n\n",
    WHOLE,
)
HEADINGS: dict[type[Table], str] = {
    Hours: "`[[shop.hours]]`",
    Button: "`[[buttons]]`",
    Pager: "`[[pagers]]`",
    Staff: "`[[staff]]`",
    Shift: "`[[staff.shifts]]`",
    Step: "`[[ladder.steps]]`",
    UnhappyShare: '`kind = "unhappy_share"`',
    RedsInARow: '`kind = "reds_in_a_row"`',
    LowIndex: '`kind = "low_index"`',
    Silence: '`kind = "silence"`',
    StandingFault: '`kind = "fault"`',
    DailyTest: "`[daily_test]`",
    Tap: '`driver = "tap"`',
    Mmdvm: '`driver = "mmdvm"`',
    Template: '`driver = "template"`',
    Ev1527: '`driver = "ev1527"`',
    Espa: '`driver = "espa"`',
    AchivxUplink: '`kind = "achivx"`',
    MqttUplink: '`kind = "mqtt"`',
    Offer: "`[[offers]]`",
    Cause: "`[[causes]]`",
    Guidance: "`[[guidance]]`",
    CustomerKind: "`[[customers.kinds]]`",
    Retention: "`[journal]`",
}
TABLES = [
    kind
    for module in (structures, alert_rules, transmitters)
    for kind in vars(module).values()
    if isinstance(kind, type) and issubclass(kind, Table) and kind not in (Table, Config, NoUplink)
]


def rows(heading: str) -> dict[str, tuple[str, str]]:
    """Key → (type, default) of the table under a heading."""
    text = (DOCS / "configuration.md").read_text()
    sections = dict(re.findall(r"(?ms)^##+ (.+?)\n(.*?)(?=^##|\Z)", text))
    found = re.findall(r"(?m)^\| `(\w+)` \| (.+?) \| (.+?) \| .*\|$", sections[heading])
    return {key: (kind, default) for key, kind, default in found}


def type_words(kind: inspect.Type) -> str:
    if isinstance(kind, inspect.UnionType):
        (kind,) = (each for each in kind.types if not isinstance(each, inspect.NoneType))
    if isinstance(kind, inspect.VarTupleType | inspect.TupleType):
        item = kind.item_types[0] if isinstance(kind, inspect.TupleType) else kind.item_type
        inner = type_words(item)
        return "tables" if inner == "table" else f"list of {inner}s"
    return {
        inspect.StrType: "text",
        inspect.IntType: "whole number",
        inspect.FloatType: "number",
        inspect.BoolType: "true or false",
        inspect.EnumType: "word",
        inspect.DictType: "table",
        inspect.StructType: "table",
    }[type(kind)]


def default_words(field: inspect.Field) -> str:
    if field.required:
        return "required"
    default = {} if field.default_factory is dict else field.default
    if default is None:
        return "unset"
    if default == structures.DEFAULT_STEPS:
        return "see below"
    text = msgspec.json.format(msgspec.json.encode(default), indent=0).decode()
    return f"`{text.removesuffix('.0')}`"


@pytest.mark.parametrize("kind", TABLES, ids=lambda kind: str(kind.__name__))
def test_every_key_is_documented_as_it_is(kind: type[Table]) -> None:
    schema = inspect.type_info(kind)
    assert isinstance(schema, inspect.StructType)
    assert rows(HEADINGS.get(kind, f"`[{kind.__name__.lower()}]`")) == {
        field.name: (type_words(field.type), default_words(field)) for field in schema.fields
    }


@pytest.mark.parametrize(
    "text", [EXAMPLE, WHOLE, CHAIN], ids=["as shipped", "all switched on", "in a chain"]
)
def test_the_example_is_accepted(text: str) -> None:
    config, problems, warnings = check(text)
    assert config is not None
    assert problems == []
    assert [each for each in warnings if "No such file" not in each.found] == []


def keys_used(data: Any, kind: inspect.Type) -> Iterator[tuple[str, str]]:
    """(structure, key) of everything that stands in the data."""
    if isinstance(kind, inspect.UnionType):
        branches = [each for each in kind.types if isinstance(each, inspect.StructType)]
        tags = {each.tag: each for each in branches}
        if branches:
            yield from keys_used(data, tags[data[branches[0].tag_field] if len(tags) > 1 else None])
    elif isinstance(kind, inspect.VarTupleType):
        for item in data:
            yield from keys_used(item, kind.item_type)
    elif isinstance(kind, inspect.StructType):
        for field in kind.fields:
            if field.name in data:
                yield kind.cls.__name__, field.name
                yield from keys_used(data[field.name], field.type)


def test_every_key_is_in_the_example() -> None:
    schema = inspect.type_info(Config)
    used = {key for text in (WHOLE, CHAIN) for key in keys_used(tomllib.loads(text), schema)}
    wanted = {(kind.__name__, field) for kind in TABLES for field in kind.__struct_fields__}
    assert wanted - used == set()


def test_the_example_is_the_cafe_it_says() -> None:
    config, _, _ = check(EXAMPLE)
    assert config is not None
    assert sum(button.kind.is_smiley for button in config.buttons) == 4
    assert [button.kind for button in config.buttons if not button.kind.is_smiley] == [
        "call",
        "acknowledge",
        "setup",
    ]
    assert [type(transmitter) for transmitter in config.transmitters] == [Tap]
    assert len(config.pagers) == 2


def test_every_word_that_can_be_chosen_is_documented() -> None:
    text = (DOCS / "configuration.md").read_text()
    words = [*charsets.names(), *DAYS, *Language, *ButtonKind, *Role, *OfferKind]
    assert [word for word in words if f'`"{word}"`' not in text] == []
    assert [name for name in shipped_templates() if f"`{name}`" not in text] == []
    assert [kind for kind in NUMERIC_CODES if f"`{kind}`" not in text] == []
