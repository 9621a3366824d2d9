"""What a box and a bridge say to each other over the broker: topics and JSON messages, versioned.

The topic's `v1` is the protocol: who speaks where, and what an acknowledgement promises. `format`
in a message is that message's own: it grows when an old reader would misunderstand a new message.
New fields alone do not make it grow: a reader passes over what it does not know.
docs/mqtt.md says it for people, docs/mqtt/ for programs.
"""

from datetime import datetime
from typing import Annotated, Any, Final, TypeVar, get_args

import msgspec
from msgspec import Meta

from gateway.errors import GatewayError
from gateway.events import VERSION, AnyEvent, Record, Total

T = TypeVar("T")

FORMAT: Final = 1
ROOT: Final = "achivx/v1"
RECORDS_MOST: Final = 256

EVENTS: Final = "events"
ACK: Final = "ack"
STATE: Final = "state"
CONFIG: Final = "config"
COMMAND: Final = "command"

Id = Annotated[str, Meta(min_length=1, max_length=64)]
Seq = Annotated[int, Meta(ge=1, le=2**53)]
Words = Annotated[str, Meta(max_length=1000)]
CentralId = Annotated[str, Meta(pattern="^[A-Za-z0-9._-]{1,64}$")]

GRANTS_MOST: Final = 200
PROBLEMS_MOST: Final = 50


class Unreadable(GatewayError):
    """A message that is not one of ours.

    Attributes:
        newer: Whether it is of a newer program than this.
    """

    def __init__(self, words: str, *, newer: bool) -> None:
        super().__init__(words)
        self.newer: Final = newer


class Events(msgspec.Struct, frozen=True, kw_only=True):
    """`events`, up: one batch of the journal, without a hole. Each record is decoded by itself.

    A batch may begin further on than the one before it ended: with a `gap` record, which says that
    the journal was full, and stands at the last number that nobody has any more.

    Attributes:
        before: The totals that were acknowledged before, of the buttons in this batch: with the
            presses' own totals they prove that none is missing. None where the box cannot tell.
    """

    format: int = FORMAT
    device: Id
    epoch: Id
    first: Seq
    last: Seq
    records: Annotated[tuple[msgspec.Raw, ...], Meta(min_length=1, max_length=RECORDS_MOST)]
    before: tuple[Total, ...] | None = None


class SetAside(msgspec.Struct, frozen=True, kw_only=True):
    """A record that will never be on the server, and why."""

    seq: Seq
    reason: Words


class Done(msgspec.Struct, frozen=True, kw_only=True, tag_field="answer", tag="done"):
    """`ack`, down: records `first` to `last` are on the server, or set aside for ever."""

    format: int = FORMAT
    device: Id
    epoch: Id
    first: Seq
    last: Seq
    aside: tuple[SetAside, ...] = ()


class Stands(msgspec.Struct, frozen=True, kw_only=True, tag_field="answer", tag="stands"):
    """`ack`, down: nothing of the batch is done with, so the line stands.

    Attributes:
        problem: One of `Problem`; a box treats one that it does not know as any but `away`.
        words: For a person: what is wrong, and who mends it.
    """

    format: int = FORMAT
    device: Id
    epoch: Id
    first: Seq
    problem: Annotated[str, Meta(max_length=40)]
    words: Words


Answer = Done | Stands


class Problem:
    """Why the line stands. Only `AWAY` mends itself."""

    AWAY: Final = "away"  # the server does not answer: again, later
    SERVER: Final = "server"  # token, configuration or index of the server
    NEWER: Final = "newer"  # the box is newer than the bridge
    BINDING: Final = "binding"  # the bridge does not let this box write this
    CAP: Final = "cap"  # the day's rewards are used up
    UNREADABLE: Final = "unreadable"  # no message of ours


class State(msgspec.Struct, frozen=True, kw_only=True):
    """`state`, up, retained: birth, last will, and what of `config` and `command` is in force.

    Attributes:
        version: The box's program.
        mapping: The version of the mapping that it records under.
        config: The id of the `config` in force, empty when none is.
        command: The id of the latest `command` that was carried out.
        problems: What of the latest `config` was refused, and why: a sentence each.
        grants: The ids of its personal grants that this box has recorded.
    """

    format: int = FORMAT
    online: bool
    version: str
    mapping: int
    config: str = ""
    command: str = ""
    problems: Annotated[tuple[Words, ...], Meta(max_length=PROBLEMS_MOST)] = ()
    grants: Annotated[tuple[CentralId, ...], Meta(max_length=GRANTS_MOST)] = ()


class PersonalGrant(msgspec.Struct, frozen=True, kw_only=True):
    """A remedy that the centre promises to one customer, to be handed over in one shop.

    Attributes:
        id: The centre's own, unique for ever: a repeat is the same grant.
        device: The box of the shop; another one refuses it.
        offer: An offer of that box's playbook.
        expires: When it ends, with its offset from UTC.
        code: Sixteen symbols as docs/mqtt.md says, or None: the box makes one of its own.
        account: The customer's ACHIVX account; without one only the code redeems it.
    """

    id: CentralId
    device: Id
    offer: Annotated[str, Meta(max_length=40)]
    expires: Annotated[datetime, Meta(tz=True)]
    code: Annotated[str, Meta(max_length=32)] | None = None
    account: Annotated[str, Meta(min_length=1, max_length=200)] | None = None


class Tuning(msgspec.Struct, frozen=True, kw_only=True):
    """`config`, down, retained: how a box is to send, and what the centre pushes to it.

    Attributes:
        batch: The most records of one message.
        pause_s: The least time between two batches, which spreads a fleet's backlog.
        settings: Keys of gateway.toml out of a fixed list, each in place of the box's own.
        grants: Personal grants for this shop. One that is left out later stays as it is.
    """

    format: int = FORMAT
    id: Annotated[str, Meta(max_length=64)] = ""
    batch: Annotated[int, Meta(ge=1, le=RECORDS_MOST)] = RECORDS_MOST
    pause_s: Annotated[float, Meta(ge=0, le=60)] = 0.0
    settings: dict[str, Any] = {}
    grants: Annotated[tuple[msgspec.Raw, ...], Meta(max_length=GRANTS_MOST)] = ()


class Command(msgspec.Struct, frozen=True, kw_only=True):
    """`command`, down, never retained.

    Attributes:
        do: `send`: try now, and do not sit out the back-off. `report`: publish the state again.
    """

    format: int = FORMAT
    id: Id
    do: Annotated[str, Meta(pattern="^(send|report)$")]


class _Head(msgspec.Struct):
    format: int


class _EventHead(msgspec.Struct):
    type: str


class _RecordHead(msgspec.Struct):
    event: _EventHead
    version: int = VERSION


_NEWER: Final = "an event {!r} of version {}, from a newer program"
_EVENT_TYPES: Final = frozenset(str(kind.__struct_config__.tag) for kind in get_args(AnyEvent))


def topic(device: str, kind: str) -> str:
    """One of a box's topics."""
    return f"{ROOT}/{device}/{kind}"


def device_of(name: str) -> str:
    """The box that a topic belongs to; empty when it is none of ours."""
    prefix, _, kind = name.rpartition("/")
    root, _, device = prefix.rpartition("/")
    return device if root == ROOT and kind else ""


def kind_of(name: str) -> str:
    """The last part of a topic."""
    return name.rpartition("/")[2]


encode = msgspec.json.Encoder().encode
_decode_record: Final = msgspec.json.Decoder(Record).decode


def decode(payload: bytes, kind: type[T] | Any) -> T:
    """One message.

    Raises:
        Unreadable: It is not a `kind`.
    """
    try:
        head = msgspec.json.decode(payload, type=_Head)
        if head.format > FORMAT:
            raise Unreadable(f"format {head.format} of a newer program", newer=True)
        return msgspec.json.decode(payload, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Unreadable(str(error), newer=False) from error


def decode_record(raw: msgspec.Raw) -> Record:
    """One record of a batch.

    Raises:
        Unreadable: It is none.
    """
    try:
        record = _decode_record(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        # Only now: what is newer, and looked at twice, is rare.
        if (words := _of_newer(raw)) is not None:
            raise Unreadable(words, newer=True) from error
        raise Unreadable(str(error), newer=False) from error
    if record.version > VERSION:
        raise Unreadable(
            _NEWER.format(record.event.__struct_config__.tag, record.version), newer=True
        )
    return record


def _of_newer(raw: msgspec.Raw) -> str | None:
    """Why a record that cannot be read is a newer program's, None when it is not."""
    try:
        head = msgspec.json.decode(raw, type=_RecordHead)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    if head.version <= VERSION and head.event.type in _EVENT_TYPES:
        return None
    return _NEWER.format(head.event.type, head.version)
