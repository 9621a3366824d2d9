"""The codes that learning watches are taught: one for each wearer and kind of alert.

A watch shows no text; what it has learnt for a code is all that it can say. The code that is the
pager's `address` stands for the test page and for every kind without a code of its own.
"""

import secrets
from collections.abc import Callable, Iterable
from typing import Final

from gateway.config import Config, Pager
from gateway.config.alert_rules import StandingFault
from gateway.config.transmitters import Ev1527
from gateway.model import AlertCause, ButtonKind

BASE: Final = "test"
SECURITY: Final = "security"


def draw() -> int:
    """A random number of 24 bits."""
    return secrets.randbelow(1 << 24)


def is_watch(config: Config, pager: Pager) -> bool:
    """Whether it is paged by a transmitter of learning codes."""
    return any(
        isinstance(each, Ev1527)
        for each in config.transmitters
        if pager.transmitter in (None, each.name)
    )


def kinds(config: Config) -> tuple[str, ...]:
    """The kinds of alert that this shop pages for: what is worth a lesson."""
    found = {
        AlertCause.RED: any(each.kind.is_red for each in config.buttons),
        AlertCause.CALL: any(each.kind is ButtonKind.CALL for each in config.buttons),
        AlertCause.REASON: any(
            each.kind is ButtonKind.REASON and each.pages for each in config.buttons
        ),
        AlertCause.PATTERN: any(not isinstance(each, StandingFault) for each in config.rules),
        AlertCause.FAULT: any(isinstance(each, StandingFault) for each in config.rules),
        SECURITY: bool(config.security.to),
    }
    return (BASE, *(str(kind) for kind, is_used in found.items() if is_used))


def fresh(pagers: Iterable[Pager], count: int, draw: Callable[[], int]) -> tuple[str, ...]:
    """So many codes that no pager has yet, as 6 hexadecimal digits.

    An EV1527 code is 20 bits of a remote control and 4 of its buttons. No button at all is what no
    remote control sends, so the last digit is never 0.

    Args:
        pagers: All that there are.
        count: How many are wanted.
        draw: Random numbers of 24 bits.
    """
    taken = {code.upper() for each in pagers for code in (each.address, *each.codes.values())}
    found: list[str] = []
    while len(found) < count:
        code = f"{draw():06X}"
        if not code.endswith("0") and code not in taken:
            taken.add(code)
            found.append(code)
    return tuple(found)
