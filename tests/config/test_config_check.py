"""Files that cannot be read, TOML that is none, warnings, and msgspec as the oracle of types."""

import random
import time
import tomllib
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.config import Config
from gateway.config.check import MAX_BYTES, ConfigError, Problem, check, format_problem, load
from gateway.errors import GatewayError

EXAMPLE = Path(__file__).parents[2] / "docs" / "gateway.example.toml"
TEXT = EXAMPLE.read_text()


def only(text: str) -> Problem:
    config, problems, warnings = check(text)
    assert config is None
    assert warnings == []
    assert len(problems) == 1
    return problems[0]


# --- files -------------------------------------------------------------------------------


def test_a_good_file_is_what_msgspec_reads() -> None:
    assert load(EXAMPLE) == msgspec.convert(tomllib.loads(TEXT), Config)


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such file") as caught:
        load(tmp_path / "gateway.toml")
    assert isinstance(caught.value, GatewayError)
    assert isinstance(caught.value, ValueError)
    assert caught.value.problems[0].where == str(tmp_path / "gateway.toml")


def test_a_directory(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="Is a directory"):
        load(tmp_path)


@pytest.mark.parametrize(
    ("data", "found", "line"),
    [
        ("[shop]\nname = 'Кафе'\n".encode("cp1251"), "0xca", 2),
        ("[shop]\n".encode("utf-16"), "UTF-16", 1),
    ],
)
def test_a_file_that_is_not_utf8(tmp_path: Path, data: bytes, found: str, line: int) -> None:
    path = tmp_path / "gateway.toml"
    path.write_bytes(data)
    with pytest.raises(ConfigError) as caught:
        load(path)
    (problem,) = caught.value.problems
    assert found in problem.found
    assert problem.line == line


def test_a_huge_file(tmp_path: Path) -> None:
    path = tmp_path / "gateway.toml"
    path.write_text("#" * (MAX_BYTES + 1))
    with pytest.raises(ConfigError, match="a bigger file"):
        load(path)
    assert only(path.read_text()).found == "a bigger file"


def test_every_problem_is_in_the_error(tmp_path: Path) -> None:
    path = tmp_path / "gateway.toml"
    path.write_text("[device]\nid = 'A'\n[shop]\nname = 'x'\n")
    with pytest.raises(ConfigError) as caught:
        load(path)
    assert [problem.where for problem in caught.value.problems] == ["device.id", "shop.account"]
    assert str(caught.value).splitlines() == [
        'device.id, line 2: found "A"; should be 1 to 40 of a-z, 0-9 and -',
        "shop.account, line 3: found nothing; should be a text in quotes",
    ]


def test_a_typical_file_loads_at_once() -> None:
    spent_s = []
    for _ in range(5):
        begin = time.perf_counter()
        load(EXAMPLE)
        spent_s.append(time.perf_counter() - begin)
    assert min(spent_s) < 0.05


# --- TOML that is none -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "line", "right"),
    [
        ("[device]\nid = cafe\n", 2, "a text in quotes"),
        ("[device]\nid = 'a'\nid = 'b'\n", 3, "each key once"),
        ("[device]\n[device]\n", 2, "double brackets"),
        ("[device\nid = 'a'\n", 1, "ends in ]"),
        ("[device]\nid 'a'\n", 2, "key = value"),
        ('[device]\nid = "a\n', 2, "quotes on both ends"),
        ("[device]\nid = 'a' name = 'b'\n", 2, "nothing more on this line"),
        ('[device]\nid = "C:\\\\x\\q"\n', 2, "backslash"),
        ("x = [1, 2\n", 2, "ends in ]"),
        ("x = { a = 1, a = 2 }\n", 1, "each key once"),
        ("x = { a = 1\n", 1, "ends in }"),
        ("x = 2027-02-30\n", 1, "in quotes"),
        ("= 1\n", 1, "key = value"),
        ("id = 'a\n", 2, "quote it began with"),
        ("id = 'a\nx = 'b'\n", 1, "quotes on both ends"),
        ('x = """a\n', 2, "the quote it began with"),
    ],
)
def test_a_syntax_error_says_where_and_what_to_do(text: str, line: int, right: str) -> None:
    problem = only(text)
    assert problem.line == line
    assert right in problem.right


def test_a_syntax_error_in_a_secret_does_not_show_it() -> None:
    assert "hunter2" not in format_problem(only("[uplink]\ntoken = hunter2\n"))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("\ufeff[device]\n", "byte order mark"),
        ("x = " + "[" * 5000, "nested too deep"),
        ("x = '\ud800'", "half a character"),
    ],
)
def test_texts_that_would_stop_a_parser(text: str, found: str) -> None:
    assert found in only(text).found


def test_a_number_of_thousands_of_digits_is_a_problem_like_another() -> None:
    assert only("x = " + "9" * 5000).line == 1
    assert "64 bits" in check(TEXT.replace("pin = 5\n", f"pin = 0x{'f' * 5000}\n"))[1][0].found


# --- warnings ----------------------------------------------------------------------------


def warned(old: str, new: str) -> list[str]:
    assert old in TEXT
    config, problems, warnings = check(TEXT.replace(old, new, 1))
    assert (problems, config is not None) == ([], True)
    return [format_problem(warning) for warning in warnings]


TAP_PORT = 'port = "/dev/serial/by-id/usb-transmitter-if00-port0"'


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("pin = 5\n", "pin = 0\n", "EEPROM"),
        ("pin = 5\n", 'pin = 2\npull = "none"\n', "cannot be switched off"),
        ("buzzer_pin = 24", "buzzer_pin = 24\nsimulated = true", "real buttons are not read"),
        (TAP_PORT, 'port = "/dev/ttyUSB0"', "by-id"),
        ('kind = "happy"', 'kind = "happy"\npages = true', "a happy button never pages"),
        ('kind = "call"', 'kind = "call"\npages = false', "a call button always pages"),
        ('kind = "happy"', 'kind = "reason"', "the cause that this reason button names"),
        ('kind = "happy"', 'kind = "happy"\ncause = "x"', 'unless kind is "reason"'),
        ('zones = ["hall", "counter"]', 'zones = ["hall", "halls"]', 'did you mean "hall"'),
        ('pager = "wrist-2"\n', 'pager = "wrist-1"\n', "someone of the staff has"),
        ('address = "0102"', 'address = "0101"', 'to buzz with pager "wrist-1"'),
        ('to = ["everyone"]', 'to = ["everyone", "managers"]\n', ""),
    ],
)
def test_a_doubtful_setting_is_a_warning(old: str, new: str, words: str) -> None:
    warnings = warned(old, new)
    if not words:  # there is a manager with a pager: nothing to say
        assert warnings == []
        return
    assert len(warnings) == 1
    assert words in warnings[0]


def test_managers_that_mean_nobody() -> None:
    text = TEXT.replace('role = "manager"\npager', 'role = "staff"\npager')
    assert check(text)[2] == []
    _, problems, warnings = check(text.replace('["everyone"]', '["managers", "everyone"]'))
    assert problems == []
    assert ["no manager has a pager" in format_problem(each) for each in warnings] == [True]


def test_the_pins_of_a_uart_in_use() -> None:
    text = TEXT.replace(TAP_PORT, 'port = "/dev/serial0"').replace("pin = 5\n", "pin = 15\n")
    assert ["UART of transmitter" in format_problem(each) for each in check(text)[2]] == [True]
    assert warned("pin = 5\n", "pin = 15\n") == []


def test_a_pager_that_only_one_transmitter_can_page() -> None:
    espa = '[[transmitters]]\nname = "b"\ndriver = "espa"\nport = "socket://192.0.2.1:1"\n'
    text = TEXT.replace('address = "0101"\ntransmitter = "main"', f'address = "{"1" * 17}"')
    _, problems, warnings = check(text + espa)
    assert problems == []
    assert ['"b" cannot stand in' in format_problem(each) for each in warnings] == [True]


def test_files_that_are_missing_or_open_to_others(tmp_path: Path) -> None:
    token, key = tmp_path / "token", tmp_path / "key"
    token.write_text("x")
    token.chmod(0o644)
    key.write_text("x")
    key.chmod(0o640)
    uplink = f"""
[uplink]
kind = "achivx"
address = "achivx.lan:50051"
token_file = "{token}"
ca_file = "{tmp_path}"
client_certificate_file = "{tmp_path}/none"
client_key_file = "{key}"
plaintext = "i-accept-that-the-token-is-readable"
"""
    _, problems, warnings = check(TEXT + uplink)
    assert problems == []
    lines = {warning.where: format_problem(warning) for warning in warnings}
    assert set(lines) == {
        "uplink.token_file",
        "uplink.ca_file",
        "uplink.client_certificate_file",
        "uplink.plaintext",
    }
    assert "mode 0644" in lines["uplink.token_file"]
    assert "No such file" in lines["uplink.client_certificate_file"]


def test_the_files_and_the_plaintext_of_a_broker_are_looked_at(tmp_path: Path) -> None:
    password = tmp_path / "password"
    password.write_text("x")
    password.chmod(0o644)
    uplink = f"""
[uplink]
kind = "mqtt"
host = "mqtt.lan"
ca_file = "{tmp_path}/none"
username = "cafe-1"
password_file = "{password}"
plaintext = "i-accept-that-all-is-readable"
"""
    _, problems, warnings = check(TEXT + uplink)
    assert problems == []
    lines = {warning.where: format_problem(warning) for warning in warnings}
    assert set(lines) == {"uplink.password_file", "uplink.ca_file", "uplink.plaintext"}
    assert "mode 0644" in lines["uplink.password_file"]
    assert "the shop's events and its password" in lines["uplink.plaintext"]


def test_a_template_file_that_cannot_be_used_stops_nothing(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text("x = 1")
    restaurant = '[[transmitters]]\nname = "b"\ndriver = "template"\nport = "socket://b:1"\n'
    _, problems, warnings = check(TEXT + restaurant + f'template = "{path}"\n')
    assert problems == []
    assert [warning.where for warning in warnings] == ['transmitters[1].template (name "b")']


# --- msgspec as the oracle ---------------------------------------------------------------

_DATA = tomllib.loads(TEXT)
_SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=3), st.just([]),
    st.just({}), st.just(["mon"]), st.just([{}]), st.integers(min_value=2**63),
)  # fmt: skip


def _places(data: Any) -> list[tuple[Any, Any]]:
    """Every (container, key) in the data."""
    keys = list(data) if isinstance(data, dict) else range(len(data))
    found = [(data, key) for key in keys]
    for key in keys:
        if isinstance(data[key], dict | list):
            found += _places(data[key])
    return found


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return "{" + ",".join(f"{_toml(key)} = {_toml(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_toml, value)) + "]"
    if isinstance(value, str):
        escaped = "".join(f"\\U{ord(char):08x}" for char in value)
        return f'"{escaped}"'
    return str(value)


@settings(deadline=None)
@given(value=_SCALARS, seed=st.integers(0, 2**32), key=st.sampled_from(["x", "name", "token"]))
def test_whatever_msgspec_refuses_is_a_problem(value: Any, seed: int, key: str) -> None:
    """One thing changed, taken away or added anywhere: never a crash, never a file let through."""
    data = msgspec.json.decode(msgspec.json.encode(_DATA))
    chosen = random.Random(seed)
    container, place = chosen.choice(_places(data))
    if value is None:
        del container[place]
    elif isinstance(container, dict) and chosen.random() < 0.3:
        container[key] = value
    else:
        container[place] = value
    text = "".join(f"{_toml(name)} = {_toml(item)}\n" for name, item in data.items())
    config, problems, _ = check(text)
    assert (config is None) == bool(problems)
    assert all("\n" not in format_problem(problem) for problem in problems)
    try:
        expected = msgspec.convert(tomllib.loads(text), Config)
    except msgspec.ValidationError:
        assert problems
    else:
        assert config is None or config == expected


@settings(deadline=None)
@given(st.text())
def test_no_text_crashes_it(text: str) -> None:
    config, problems, _ = check(text)
    assert config is None
    assert problems
