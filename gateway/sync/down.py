"""What comes down the line from the centre: the port to whoever takes it."""

from typing import Protocol, runtime_checkable

import msgspec

from gateway.sync.wire import Tuning


class Taken(msgspec.Struct, frozen=True):
    """What became of a `config`.

    Attributes:
        problems: What of it was refused, and why: a sentence each.
        grants: The ids of its personal grants that are recorded.
    """

    problems: tuple[str, ...] = ()
    grants: tuple[str, ...] = ()


class Desk(Protocol):
    """Takes what the centre pushes. The same again changes nothing."""

    async def take(self, pushed: Tuning) -> Taken:
        """Take as much as can be; what cannot is refused by itself, and changes nothing."""
        ...

    def refuse(self, words: str) -> None:
        """A `config` that is no message at all."""
        ...


@runtime_checkable
class Pushable(Protocol):
    """A way to the centre that pushes come down."""

    desk: Desk | None
