import tomllib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.config import AchivxUplink, Button, Pager, Step
from gateway.config.check import check
from gateway.config.edit import Edit, Value, changed_keys, edited
from gateway.config.transmitters import Espa
from gateway.errors import Refused
from gateway.model import ButtonKind, Label, Language

EXAMPLE = (Path(__file__).parents[2] / "docs" / "gateway.example.toml").read_text()
BELL = Button(
    name="door-call", pin=12, kind=ButtonKind.CALL, label=Label(ru="Дверь", en="Door"), zone="hall"
)


def edit(*path: str | int, to: Value, text: str = EXAMPLE) -> str:
    return edited(text, [Edit(path, to)])


def test_one_value_is_one_line() -> None:
    text = edit("shop", "name", to="Bakery")
    before, after = EXAMPLE.splitlines(), text.splitlines()
    assert [new for old, new in zip(before, after, strict=True) if old != new] == [
        'name = "Bakery"'
    ]


def test_comments_beside_and_above_survive() -> None:
    text = edit("device", "id", to="cafe-2")
    assert 'id = "cafe-2"                   # never changes' in text
    assert text.startswith("# The settings of one")


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        (("shop", "language"), Language.EN, "en"),
        (("shop", "holidays"), ("01-01", "05-09"), ["01-01", "05-09"]),
        (("shop", "holidays", 1), "05-09", "05-09"),
        (("inputs", "glitch_ms"), 7, 7),
        (("ladder", "repeat_s"), 45.5, 45.5),
        (("inputs", "simulated"), True, True),
        (("access", "lockout_after"), 3, 3),
        (("buttons", 2, "pin"), 12, 12),
        (("buttons", 2, "label", "en"), "Not happy", "Not happy"),
    ],
)
def test_values_of_every_kind(path: tuple[str | int, ...], value: Value, expected: object) -> None:
    text = edit(*path, to=value)
    found = tomllib.loads(text)
    for part in path:
        found = found[part]  # type: ignore[index]
    assert found == expected
    assert check(text)[1] == []


def test_an_element_is_added_replaced_and_taken_away() -> None:
    text = edit("buttons", 7, to=BELL)
    config, problems, _ = check(text)
    assert config is not None, problems
    assert config.buttons[7] == BELL
    assert 'label = {ru = "Дверь", en = "Door"}' in text
    text = edit("buttons", 0, to=BELL, text=text.replace("door-call", "other").replace("12", "18"))
    config, problems, _ = check(text)
    assert config is not None, problems
    assert config.buttons[0] == BELL
    config, problems, _ = check(edit("buttons", 0, to=None, text=text))
    assert config is not None, problems
    assert len(config.buttons) == 7


def test_structures_with_a_tag_and_with_tables_inside() -> None:
    espa = Espa(name="house", port="socket://192.0.2.1:4444", framing="8N1")
    uplink = AchivxUplink(address="achivx.lan:50051", token_file="/etc/token")
    watch = Pager(name="watch-1", address="A5C3E4", codes={"red": "A5C3E1"})
    steps = (Step(after_s=0, to=("everyone",)), Step(after_s=30, to=("zone", "managers")))
    text = edited(
        EXAMPLE,
        [
            Edit(("transmitters", 1), espa),
            Edit(("uplink",), uplink),
            Edit(("pagers", 2), watch),
            Edit(("ladder", "steps"), steps),
        ],
    )
    config, problems, _ = check(text)
    assert config is not None, problems
    assert config.transmitters[1] == espa
    assert config.uplink == uplink
    assert config.pagers[2] == watch
    assert config.ladder.steps == steps


def test_a_list_on_one_line_stays_one() -> None:
    text = '[device]\nid = "a"\n[shop]\nname = "x"\naccount = "y"\n'
    text = "buttons = [{ name = 'a', pin = 5, kind = 'happy', label = {ru='а',en='a'} }]\n" + text
    config, problems, _ = check(edit("buttons", 1, to=BELL, text=text))
    assert problems
    assert all(problem.where in ("pagers", "transmitters", "staff") for problem in problems)
    assert config is None


def test_the_last_element_takes_its_list_with_it() -> None:
    text = edited(EXAMPLE, [Edit(("ladder", "steps", 0), None)] * 3)
    assert "steps" not in tomllib.loads(text)["ladder"]


def test_taking_away_what_is_not_there_is_no_fault() -> None:
    assert edit("inputs", "chip", to=None) == EXAMPLE


@pytest.mark.parametrize(
    "path", [("buttons", 9, "pin"), ("buttons", "x"), ("shop", 0), ("shop", "name", "x")]
)
def test_a_path_that_leads_nowhere(path: tuple[str | int, ...]) -> None:
    with pytest.raises(Refused) as caught:
        edit(*path, to="x")
    assert caught.value.code == "no_such_key"


@pytest.mark.parametrize(
    ("text", "change"),
    [
        (
            "[[ladder.steps]]\nx = 1\n[shop]\n[[ladder.steps.y]]\nz = 1\n",
            Edit(("ladder", "steps", 0, "x"), 3),
        ),
        ("[[buttons]]\nx = 1\n", Edit(("buttons", 1), ["not", "a table"])),
    ],
)
def test_what_would_come_out_as_something_else_is_refused(text: str, change: Edit) -> None:
    with pytest.raises(Refused) as caught:
        edited(text, [change])
    assert caught.value.code == "edit_whole_file"


def test_changed_keys() -> None:
    before = {"shop": {"name": "a", "account": "b"}, "buttons": [1], "access": {}, "same": 1}
    after: dict[str, object] = {"same": 1} | {
        "shop": {"name": "c", "account": "b"},
        "buttons": [2],
        "paths": {"state": "/x"},
    }
    assert changed_keys(before, after) == ("shop.name", "buttons", "access", "paths")


@settings(deadline=None, max_examples=50)
@given(
    table=st.sampled_from(["device", "shop", "inputs", "ladder", "access", "fresh"]),
    key=st.sampled_from(["a", "name", "timezone", "steps"]),
    value=st.one_of(st.text(), st.integers(-9, 9), st.booleans(), st.lists(st.text()), st.none()),
)
def test_an_edit_does_what_it_says_or_is_refused(table: str, key: str, value: Value) -> None:
    wanted = tomllib.loads(EXAMPLE)
    if value is None:
        wanted.get(table, {}).pop(key, None)
    else:
        wanted.setdefault(table, {})[key] = value
    try:
        found = tomllib.loads(edit(table, key, to=value))
    except Refused as refused:
        found = wanted if refused.code == "edit_whole_file" else {}
    assert found == wanted
