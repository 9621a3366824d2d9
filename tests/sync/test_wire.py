"""The messages between box and bridge, and their schemas."""

from pathlib import Path

import msgspec
import pytest

from gateway.events import VERSION
from gateway.grants.codes import Codes
from gateway.sync import asking, wire, wire_schemas
from gateway.sync.wire import Done, Events, Unreadable
from tests.sync.batches import PRESS, batch

SCHEMAS = Path(__file__).parents[2] / "docs" / "mqtt"


def test_topics() -> None:
    assert wire.topic("box-1", wire.EVENTS) == "achivx/v1/box-1/events"
    assert wire.device_of("achivx/v1/box-1/events") == "box-1"
    assert wire.kind_of("achivx/v1/box-1/events") == "events"
    for other in ("", "achivx/v1/events", "achivx/v1/a/b/events", "achivx/v2/a/events", "a/b/c/d"):
        assert wire.device_of(other) == ""


@pytest.mark.parametrize("kind", wire_schemas.MESSAGES)
def test_the_schemas_are_those_of_the_program(kind: str) -> None:
    """Made anew by: python -m gateway.sync.wire_schemas docs/mqtt."""
    assert (SCHEMAS / f"{kind}.schema.json").read_text() == wire_schemas.schema(kind)


def test_there_is_no_schema_of_nothing() -> None:
    assert {path.name for path in SCHEMAS.iterdir()} == {
        f"{kind}.schema.json" for kind in wire_schemas.MESSAGES
    }


def test_the_schemas_can_be_written(tmp_path: Path) -> None:
    wire_schemas.main(tmp_path / "new")
    assert len(list((tmp_path / "new").iterdir())) == len(wire_schemas.MESSAGES)


def test_the_documents_examples_are_messages() -> None:
    text = (SCHEMAS.parent / "mqtt.md").read_text()
    examples = text.split("```json\n")[1:]
    found = set()
    for example in examples:
        payload = example.partition("```")[0].encode()
        kinds = {"events": Events, "ack": wire.Answer, "state": wire.State}
        kinds |= {"config": wire.Tuning, "command": wire.Command}
        kinds |= {"ask": asking.Question, "told": asking.Reply}
        name = text.partition(example)[0].rpartition("### `")[2].partition("`")[0]
        if name == "ask":  # its section is that of both
            name = "told" if b'"told"' in payload else "ask"
        message: object = wire.decode(payload, kinds[name])
        if isinstance(message, Events):
            assert [wire.decode_record(raw).seq for raw in message.records] == [41]
        if isinstance(message, wire.Tuning):
            for raw in message.grants:
                grant = msgspec.json.decode(raw, type=wire.PersonalGrant)
                assert grant.code is None or Codes(b"k" * 32, grant.device).parse(grant.code)
        found.add(name)
    assert found == set(wire_schemas.MESSAGES)


def test_what_a_reader_does_not_know_it_passes_over() -> None:
    payload = b'{"answer":"done","device":"a","epoch":"E","first":1,"last":2,"format":1,"new":{}}'
    assert wire.decode(payload, wire.Answer) == Done(device="a", epoch="E", first=1, last=2)


@pytest.mark.parametrize(
    "payload",
    [
        b'{"format":1,"answer":"done","device":"","epoch":"E","first":1,"last":2}',
        b'{"format":1,"answer":"done","device":"a","epoch":"E","first":0,"last":2}',
        b'{"format":1,"answer":"done","device":"a","epoch":"E","first":1,"last":1e3}',
        b'{"answer":"done","device":"a","epoch":"E","first":1,"last":2}',
        b'{"format":1,"answer":"gone"}',
        b"\xff",
        b"",
    ],
)
def test_what_is_no_message(payload: bytes) -> None:
    with pytest.raises(Unreadable) as caught:
        wire.decode(payload, wire.Answer)
    assert not caught.value.newer


def test_what_is_newer() -> None:
    with pytest.raises(Unreadable, match="format 2") as caught:
        wire.decode(b'{"format":2,"all":"different"}', wire.Answer)
    assert caught.value.newer
    (record,) = batch(PRESS).records
    newer = msgspec.structs.replace(record, version=VERSION + 1)
    with pytest.raises(Unreadable, match="from a newer program") as caught:
        wire.decode_record(msgspec.Raw(wire.encode(newer)))
    assert caught.value.newer
