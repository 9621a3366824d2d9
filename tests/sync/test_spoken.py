"""What goes over a real broker is as the schemas say, and the schemas say no to what is not.

Every other test of this room listens as well: see `spoken` in its conftest.
"""

import json
import re
from typing import Any

import pytest

from gateway.sync import wire, wire_schemas
from gateway.sync.asking import ASK, TOLD, AskAccount
from tests.sync.batches import batch, contact, tokens
from tests.sync.bridges import Bridges, Who
from tests.sync.json_schema import SCHEMAS, Schema
from tests.sync.office import Box

RIGHT: dict[str, list[Any]] = {kind: [] for kind in wire_schemas.MESSAGES}
for _example in (SCHEMAS.parent / "mqtt.md").read_text().split("```json\n")[1:]:
    _said = json.loads(_example.partition("```")[0])
    _fits = [kind for kind in RIGHT if Schema(kind).complaints(json.dumps(_said).encode()) == []]
    for _kind in _fits:
        RIGHT[_kind].append(_said)


async def test_every_message_of_the_program_is_heard_and_judged(
    who: Who, bridges: Bridges, spoken: list[tuple[str, bytes]]
) -> None:
    await bridges.start()
    async with Box(who("box-1")) as box:
        await box.deliver(batch(contact("anna"), tokens(5)))
        await box.ask(AskAccount(account="zoe"))
    kinds = {topic.rpartition("/")[2] for topic, _ in spoken}
    # `config` and `command` are the centre's to say: no program of ours does.
    assert kinds == {wire.EVENTS, wire.ACK, wire.STATE, ASK, TOLD}
    states = [json.loads(payload) for topic, payload in spoken if topic.endswith(wire.STATE)]
    assert {state["online"] for state in states} == {True, False}  # the last will, too


@pytest.mark.parametrize("kind", wire_schemas.MESSAGES)
def test_the_documents_examples_are_as_the_schema_says(kind: str) -> None:
    assert RIGHT[kind]


def spoilt(message: dict[str, Any], key: str) -> list[dict[str, Any]]:
    """The message without one of its keys, and with nonsense in its place."""
    without = {name: value for name, value in message.items() if name != key}
    nonsense: tuple[Any, ...] = ({"x": []}, [[]], 0.5, "", None)
    return [without, *({**message, key: each} for each in nonsense)]


@pytest.mark.parametrize("kind", wire_schemas.MESSAGES)
def test_program_and_schema_refuse_the_same(kind: str) -> None:
    """Whatever the program takes for a message is one by the schema: of each key, spoilt."""
    schema, refused = Schema(kind), 0
    for message in RIGHT[kind]:
        for key in message:
            for each in spoilt(message, key):
                payload = json.dumps(each).encode()
                is_wrong = bool(schema.complaints(payload))
                refused += is_wrong
                try:
                    wire.decode(payload, wire_schemas.MESSAGES[kind])
                except wire.Unreadable:
                    assert is_wrong or key == "format", payload
                else:
                    assert not is_wrong, (payload, schema.complaints(payload))
    assert refused


@pytest.mark.parametrize("word", ["const", "oneOf", "if", "$dynamicRef"])
def test_no_word_of_a_schema_is_passed_over(word: str) -> None:
    schema = Schema(wire.ACK)
    with pytest.raises(KeyError, match=re.escape(word)):
        list(schema._judge({}, {word: {}}, "$"))
