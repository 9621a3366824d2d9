"""The messages of `wire.py` as JSON schemas.

python -m gateway.sync.wire_schemas docs/mqtt
"""

import inspect
import sys
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from gateway.config import Cause, Guidance, Hours, Offer, Step
from gateway.config.alert_rules import Pattern
from gateway.events import Record
from gateway.sync import asking, wire


class Events(wire.Events, frozen=True, kw_only=True):
    """`events`, up: one batch of the journal, without a hole."""

    records: Annotated[  # type: ignore[assignment]  # on the wire each is taken by itself
        tuple[Record, ...], Meta(min_length=1, max_length=wire.RECORDS_MOST)
    ]


class Ladder(msgspec.Struct, kw_only=True):
    """Keys of `[ladder]`; those that are left out stay as they are."""

    steps: tuple[Step, ...] | None = None
    repeat_s: float | None = None
    fresh_s: float | None = None
    burst_s: float | None = None
    outcome_s: float | None = None


class Shop(msgspec.Struct, kw_only=True):
    """Keys of `[shop]`; those that are left out stay as they are."""

    hours: tuple[Hours, ...] | None = None
    holidays: tuple[str, ...] | None = None


class Settings(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Keys of gateway.toml; null takes the box's own away, so that the shipped ones hold."""

    offers: tuple[Offer, ...] | None = None
    causes: tuple[Cause, ...] | None = None
    guidance: tuple[Guidance, ...] | None = None
    rules: tuple[Pattern, ...] | None = None
    ladder: Ladder = msgspec.field(default_factory=Ladder)
    shop: Shop = msgspec.field(default_factory=Shop)


Grants = Annotated[tuple[wire.PersonalGrant, ...], Meta(max_length=wire.GRANTS_MOST)]


class Config(wire.Tuning, frozen=True, kw_only=True):
    """`config`, down, retained: how a box is to send, and what the centre pushes to it."""

    settings: Settings = msgspec.field(default_factory=Settings)  # type: ignore[assignment]
    grants: Grants = ()  # type: ignore[assignment]  # on the wire each is taken by itself


MESSAGES: dict[str, Any] = {
    wire.EVENTS: Events,
    wire.ACK: wire.Answer,
    wire.STATE: wire.State,
    wire.CONFIG: Config,
    wire.COMMAND: wire.Command,
    asking.ASK: asking.Question,
    asking.TOLD: asking.Reply,
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
