"""What the journal records of itself: what it lost, what it saved, and what its clock was."""

import msgspec

from gateway.events.base import Event


class Total(msgspec.Struct, frozen=True):
    """All presses of a button under one flag, empty for those that count, since the epoch began."""

    button: str
    flag: str
    presses: int


class Gap(Event, frozen=True, tag="gap"):
    """The journal was full: it keeps records `first` to `last` no more, and nobody has them.

    It stands at `last`. `counters` are the totals at its end of the buttons pressed within it.
    """

    first: int
    last: int
    counters: tuple[Total, ...] = ()


class Salvaged(Event, frozen=True, tag="salvaged"):
    """The journal of `epoch` was damaged, and this one goes on from what could be read of it.

    Attributes:
        last: Its highest sequence that could be read.
        unsent: How many of its records still wait for the server, under their own ids.
        counters: Where the totals of this epoch begin.
    """

    epoch: str
    last: int
    unsent: int
    counters: tuple[Total, ...] = ()


class ClockRepaired(Event, frozen=True, tag="clock_repaired"):
    """The wall clock became right within this boot.

    What this boot recorded without being synchronised happened as long before this record's wall
    time as its monotonic time says. `off_ns` is how far the latest of it was behind.
    """

    off_ns: int
