"""What can go wrong between a finger and the press filter: nothing there dies in silence."""

from enum import StrEnum

import msgspec


class FaultKind(StrEnum):
    """What is wrong with a button's line, or with the way its edges come to us."""

    STUCK = "stuck"  # closed for longer than any person holds it
    LEVELS = "levels"  # the pin's level is not what its last edge said: an edge was lost
    UNREADABLE = "unreadable"  # the pin's level cannot be read
    OVERFLOW = "overflow"  # edges come faster than they are read, some were lost
    NOTIFY_THREAD = "notify_thread"  # lgpio's only thread is dead: no button would be heard
    CALLBACK = "callback"  # our own code failed on an edge


class Health(msgspec.Struct, frozen=True):
    """One fault that a look at the inputs found.

    Attributes:
        kind: What is wrong.
        words: The same for a person, with what was done about it.
        button: The button's configured name, or None when every button suffers.
        healed: Whether it was put right on the spot. One that was not is in every following
            look until it is gone.
    """

    kind: FaultKind
    words: str
    button: str | None = None
    healed: bool = False
