"""Reading a box's batch with suspicion, and the words of the answers: pure."""

import msgspec

from gateway.events import Record
from gateway.sync import wire
from gateway.sync.bridge_policy import CapReached, NotBound
from gateway.sync.mapping import UnknownMapping
from gateway.sync.uplink import Acknowledged, Held, Interrupted
from gateway.sync.wire import Answer, Done, Problem, SetAside, Stands


class _Head(msgspec.Struct):
    """The least that an answer needs of a batch that cannot be read."""

    device: wire.Id
    epoch: wire.Id
    first: wire.Seq


def problem_of(error: Held | Interrupted) -> str:
    """Which `Problem` the recorder's refusal is."""
    cause = error.__cause__
    if isinstance(error, Interrupted):
        return Problem.AWAY
    if isinstance(cause, UnknownMapping):
        return Problem.NEWER
    if isinstance(cause, NotBound):
        return Problem.BINDING
    if isinstance(cause, CapReached):
        return Problem.CAP
    return Problem.SERVER


def unreadable(payload: bytes, error: wire.Unreadable) -> Stands | None:
    """An answer to a batch that cannot be read, as far as it says whose it is."""
    try:
        head = msgspec.json.decode(payload, type=_Head)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return Stands(
        device=head.device,
        epoch=head.epoch,
        first=head.first,
        problem=Problem.NEWER if error.newer else Problem.UNREADABLE,
        words=f"the bridge cannot read this: {error}"[:1000],
    )


def records_of(events: wire.Events) -> tuple[list[Record], wire.Unreadable | None]:
    """The first records, and why not all of them.

    Raises:
        Unreadable: The batch is none.
    """
    if len(events.records) != events.last - events.first + 1:
        raise wire.Unreadable("the batch does not have the records that it names", newer=False)
    records: list[Record] = []
    for seq, raw in enumerate(events.records, events.first):
        try:
            record = wire.decode_record(raw)
        except wire.Unreadable as error:
            return records, error
        if (record.device, record.epoch, record.seq) != (events.device, events.epoch, seq):
            raise wire.Unreadable(f"record {seq} is not of this batch", newer=False)
        records.append(record)
    return records, None


def without_first(events: wire.Events, error: wire.Unreadable | None) -> Answer:
    """What becomes of a batch whose very first record cannot be read."""
    words = f"event {events.first} cannot be read: {error}"[:1000]
    if error is not None and error.newer:
        return Stands(
            device=events.device,
            epoch=events.epoch,
            first=events.first,
            problem=Problem.NEWER,
            words=words,
        )
    return Done(
        device=events.device,
        epoch=events.epoch,
        first=events.first,
        last=events.first,
        aside=(SetAside(seq=events.first, reason=words),),
    )


def done(answer: Acknowledged) -> Done:
    """The answer to a batch that was recorded, wholly or from its beginning."""
    return Done(
        device=answer.device,
        epoch=answer.epoch,
        first=answer.first,
        last=answer.last,
        aside=tuple(SetAside(seq=each.seq, reason=each.reason[:1000]) for each in answer.aside),
    )
