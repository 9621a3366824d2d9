"""The messages of `wire.py` as JSON schemas.

python -m gateway.sync.wire_schemas docs/mqtt
"""

import inspect
import sys
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from gateway.events import Record
from gateway.sync import wire


class Events(wire.Events, frozen=True, kw_only=True):
    """`events`, up: one batch of the journal, without a hole."""

    records: Annotated[  # type: ignore[assignment]  # on the wire each is taken by itself
        tuple[Record, ...], Meta(min_length=1, max_length=wire.RECORDS_MOST)
    ]


MESSAGES: dict[str, Any] = {
    wire.EVENTS: Events,
    wire.ACK: wire.Answer,
    wire.STATE: wire.State,
    wire.CONFIG: wire.Tuning,
    wire.COMMAND: wire.Command,
}


def schema(kind: str) -> str:
    """The JSON schema of one topic's message, as its file holds it."""
    head = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"{wire.ROOT}/<device>/{kind}",
    }
    found = msgspec.json.encode(head | _dedented(msgspec.json.schema(MESSAGES[kind])))
    return msgspec.json.format(found, indent=2).decode() + "\n"


def _dedented(part: Any) -> Any:
    """With its docstrings as Python 3.13 keeps them, whichever Python this is."""
    if isinstance(part, dict):
        return {
            key: inspect.cleandoc(value) if key == "description" else _dedented(value)
            for key, value in part.items()
        }
    return [_dedented(each) for each in part] if isinstance(part, list) else part


def main(directory: Path) -> None:
    """Write them all."""
    directory.mkdir(parents=True, exist_ok=True)
    for kind in MESSAGES:
        (directory / f"{kind}.schema.json").write_text(schema(kind), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
