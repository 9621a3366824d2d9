import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.config import Pager
from gateway.errors import GatewayError
from gateway.model import Priority
from gateway.paging.drivers.base import Message
from gateway.paging.drivers.template_file import TemplateError, load_template, shipped_templates
from gateway.paging.drivers.template_notation import parse_bytes, parse_frame, parse_pattern

GUIDE = (Path(__file__).parents[3] / "docs" / "templates.md").read_text(encoding="utf-8")
GOOD = """
name = "Desk pager"
source = "its manual"
verified = true

[line]
baud = 9600

[address]
pattern = "[0-9]{1,4}"
form = "one to four digits"
width = 4

[frame]
message = "<STX>{address},{priority},{text}<ETX>"
priorities = ["A", "B", "C"]

[text]
max_chars = 20

[reply]
accepted = "<ACK>"
refused = "<NAK>(?P<code>[0-9])"
codes = { 1 = "unknown pager" }

[poll]
send = "<ENQ>"
answer = "<ACK>"
"""


def load(text: str, folder: Path) -> list[str]:
    """The problems of a template file; none when it is good."""
    path = folder / "desk.toml"
    path.write_text(text)
    try:
        load_template(str(path))
    except TemplateError as error:
        return error.problems
    return []


@pytest.mark.parametrize("name", shipped_templates())
def test_a_shipped_template_is_good(name: str) -> None:
    template = load_template(name)
    assert template.source
    assert template.name


def test_the_shipped_ones_are_these() -> None:
    assert shipped_templates() == [
        "comp2", "jtech", "lrs", "rflink", "scope", "tasmota", "waveware",
    ]  # fmt: skip


def test_a_good_file_says_all_it_says(tmp_path: Path) -> None:
    path = tmp_path / "desk.toml"
    path.write_text(GOOD)
    template = load_template(str(path))
    pager = Pager(name="p", address="7")
    frame = template.frame(Message(pager=pager, text="Zone ű", priority=Priority.ALARM))
    assert frame.data == b"\x020007,A,Zone ?\x03"
    assert template.warnings() == []
    reply = template.judge(b"\x151", frame)
    assert reply is not None
    assert reply.words == "1 unknown pager"
    assert (template.line.framing, template.reply.wait_s) == ("8N1", 3.0)


@pytest.mark.parametrize("name", ["rflink", "tasmota"])
def test_an_unverified_template_warns(name: str) -> None:
    (warning,) = load_template(name).warnings()
    assert "unverified" in warning


def test_silence_that_counts_as_accepted_warns() -> None:
    (warning,) = load_template("jtech").warnings()
    assert "counts silence as accepted" in warning


def test_what_is_not_certain_warns() -> None:
    (warning,) = load_template("lrs").warnings()
    assert "9600 8N1 is a guess" in warning


def test_an_unknown_name_tells_the_known_ones() -> None:
    with pytest.raises(TemplateError, match="comp2, jtech, lrs") as caught:
        load_template("comp3")
    assert isinstance(caught.value, GatewayError)
    assert isinstance(caught.value, ValueError)


def test_a_path_that_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(TemplateError, match="cannot be read: Is a directory"):
        load_template(f"{tmp_path}/")


def test_what_is_no_toml(tmp_path: Path) -> None:
    (problem,) = load("name = ", tmp_path)
    assert problem.startswith("is not TOML: ")


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ('source = "its manual"', "", "source: found nothing, should be a text"),
        ("verified = true", 'verified = "yes"', "verified: found 'yes', should be true or false"),
        ("baud = 9600", "baud = 0", "line.baud: found 0, should be a whole number, 50 to 4000000"),
        ("baud = 9600", "baud = true", "line.baud: found True, should be a whole number"),
        ("baud = 9600", "bauds = 9600", "line.baud: found nothing"),
        ("baud = 9600", "baud = 9600\nbit = 8", "line.bit: unknown key, known here: baud, framing"),
        (
            "baud = 9600",
            'baud = 9600\nframing = "8N3"',
            "line.framing: found '8N3', should be e.g.",
        ),
        ("[line]\nbaud = 9600", "line = 9600", "line: found 9600, should be a table: [line]"),
        ("[poll]", "[pol]", "pol: unknown key, known here: name, source"),
        ('pattern = "[0-9]{1,4}"', 'pattern = "["', "address.pattern: found '['"),
        (
            'pattern = "[0-9]{1,4}"',
            'pattern = "(?P<text>.)"',
            "a group must not be called text",
        ),
        ('form = "one to four digits"', 'form = ""', "address.form: found '', should be a text"),
        ("{address}", "{adress}", "frame.message: found"),
        ("{address}", "{adress}", "{adress} is no placeholder; known: {address}, {text}"),
        ("{address},", "", "a frame must say whom it is for: it needs {address}"),
        ("{priority}", "{function}", "frame.functions: found nothing, should be given, since"),
        ("{priority}", "{rate}", "frame.rates: found nothing, should be given, since message"),
        ("<STX>", "<START>", "<START> is no byte: write e.g. <CR>, <SOH> or <0xFF>"),
        ("<STX>", "<", "a lone < : write <0x3C>"),
        ("<STX>", "{ ", "a lone { : write {{"),
        ("<STX>", "é", "'é' is no ASCII character: write its byte"),
        (
            '["A", "B", "C"]',
            '["A", "B"]',
            "frame.priorities: found ['A', 'B'], should be a list of 3",
        ),
        ('["A", "B", "C"]', '"ABC"', "frame.priorities: found 'ABC', should be a list of 3 texts"),
        (
            '["A", "B", "C"]',
            '["A", "B", "<X>"]',
            "frame.priorities[2]: found '<X>': <X> is no byte",
        ),
        (
            "[text]",
            'types = { alphanumeric = "A" }\n[text]',
            "frame.types: found {'alphanumeric': 'A'}, should be a table with alphanumeric,",
        ),
        ("[text]", 'rates = { 9600 = "A" }\n[text]', "should be a table with 512, 1200, 2400"),
        ("max_chars = 20", "", "text.max_chars: found nothing"),
        ("max_chars = 20", 'max_chars = 20\ncharacters = "z-a"', "text.characters: found 'z-a'"),
        (
            "max_chars = 20",
            'max_chars = 20\nsubstitute = "<"\ncharacters = "a-z"',
            "text.substitute: found '<', should be made of the characters 'a-z'",
        ),
        (
            "max_chars = 20",
            'max_chars = 20\nreplace = { ab = "c" }',
            "text.replace: found 'ab', should be single characters as keys",
        ),
        ('"<ACK>"\nrefused', '""\nrefused', "reply.accepted: found ''"),
        ('"<ACK>"\nrefused', '"<ACK>*"\nrefused', "it matches an empty answer"),
        ('"<ACK>"\nrefused', '"("\nrefused', "reply.accepted: found '('"),
        ("codes = { 1 =", "codes = { 1 = 2, 3 =", "reply.codes: found"),
        ("[poll]", "wait_s = 61\n[poll]", "reply.wait_s: found 61, should be seconds, 0 to 60"),
        (
            "[poll]",
            "retries = 6\n[poll]",
            "reply.retries: found 6, should be a whole number, 0 to 5",
        ),
        ("[poll]", 'silent_means = "sent"\n[poll]', "should be unknown or accepted"),
        ("[poll]", 'silent_means = "accepted"\n[poll]', "reply.silent_because: found ''"),
        ("[poll]", 'silent_because = "so"\n[poll]', "reply.silent_because: found 'so'"),
        ("[poll]", 'retry_codes = "04"\n[poll]', "reply.retry_codes: found '04', should be a list"),
        ('send = "<ENQ>"', "", "poll.send: found nothing"),
        ('answer = "<ACK>"\n', 'answer = ".*"\n', "poll.answer: found '.*': it matches an empty"),
    ],
)
def test_every_mistake_is_told_with_its_key(
    old: str, new: str, problem: str, tmp_path: Path
) -> None:
    assert old in GOOD
    problems = load(GOOD.replace(old, new, 1), tmp_path)
    assert any(problem in told for told in problems), problems


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    bad = GOOD.replace("9600", '"fast"').replace("<STX>", "<S>").replace("max_chars = 20", "")
    problems = load(bad, tmp_path)
    keys = [problem.split(":")[0] for problem in problems]
    assert keys == ["line.baud", "frame.message", "text.max_chars"]


def test_an_empty_file_tells_what_it_lacks(tmp_path: Path) -> None:
    keys = {problem.split(":")[0] for problem in load("", tmp_path)}
    address = {"address.pattern", "address.form"}
    assert keys == {"source", "line.baud", "frame.message", "text.max_chars", *address}


def test_a_frame_without_text_needs_no_length(tmp_path: Path) -> None:
    tone = GOOD.replace(",{text}", "").replace("[text]\nmax_chars = 20", "")
    assert load(tone, tmp_path) == []


def test_the_example_of_the_guide_is_good(tmp_path: Path) -> None:
    (example,) = re.findall(r'```toml\n(name = "Desk pager".*?)```', GUIDE, re.DOTALL)
    assert load(example, tmp_path) == []


@pytest.mark.parametrize("table", ["", "line", "address", "frame", "text", "reply", "poll"])
def test_the_guide_tells_every_key(table: str, tmp_path: Path) -> None:
    unknown = f"[{table}]\nnonsense = 1\n" if table else "nonsense = 1\n"
    (told,) = [problem for problem in load(unknown, tmp_path) if "nonsense" in problem]
    keys = told.partition("known here: ")[2].split(", ")
    missing = [key for key in keys if f"| `{key}` |" not in GUIDE and f"`[{key}]`" not in GUIDE]
    assert len(keys) >= 3
    assert missing == []


@given(data=st.binary(max_size=50))
def test_any_bytes_can_be_written(data: bytes) -> None:
    assert parse_bytes("".join(f"<0x{byte:02X}>" for byte in data)) == data


@pytest.mark.parametrize(
    ("text", "data"),
    [
        ("<SOH>A<CR><LF>", b"\x01A\r\n"),
        ("<DEL><NUL><SP><US>", b"\x7f\x00 \x1f"),
        ("<FF><0xff>", b"\x0c\xff"),
        ("{{}}", b"{}"),
        ("", b""),
    ],
)
def test_bytes_by_their_names(text: str, data: bytes) -> None:
    assert parse_bytes(text) == data


def test_a_frame_is_cut_at_its_placeholders() -> None:
    assert parse_frame("<STX>{a}{b}x<ETX>", ("a", "b")) == (b"\x02", "a", "b", b"x\x03")


def test_a_pattern_keeps_what_is_its_own() -> None:
    assert parse_pattern("(?P<CODE>x)<SOH>[^<EOT>](?<=<0xFF>)") == (
        r"(?P<CODE>x)\x01[^\x04](?<=\xff)"
    )


@given(
    name=st.sampled_from(shipped_templates()),
    text=st.text(max_size=30) | st.text(" ~\\<>\n\x7fAz9"),
)
def test_a_text_goes_out_as_it_is_where_nothing_has_to_be_changed(name: str, text: str) -> None:
    rule = load_template(name).text
    unchanged = rule.passed(text) == text and len(text) <= rule.max_chars
    assert (rule.as_is.fullmatch(text) is not None) == unchanged


def test_a_text_with_something_to_replace_behind_a_line_end_is_not_sent_as_it_is(
    tmp_path: Path,
) -> None:
    path = tmp_path / "desk.toml"
    rules = 'max_chars = 20\ncharacters = " -~\\n"\nreplace = { "~" = "-" }'
    path.write_text(GOOD.replace("max_chars = 20", rules))
    assert load_template(str(path)).text.as_is.fullmatch("a\n~") is None
