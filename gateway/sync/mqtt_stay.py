"""Staying connected to the broker, so that draining begins within a second of its return.

Three things can stand in the way, and each has its own remedy:

- Nobody is there: TCP is refused, cut or unanswered. The next look is within half a second, drawn
  from nothing up (full jitter), however long it has lasted; a look is one small packet.
- Somebody takes the connection and says nothing: a broker that is frozen, or shakes hands with
  thousands at once. Each try waits twice as long as the one before for the greeting. A box that
  gave up and came again would lose its place in the line and lengthen that by another handshake.
- The broker, or one of our own files, says no. It is asked less and less often, with full jitter;
  but a broker that only says that it is busy or not ready yet is one that is about to be back.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager

import msgspec

from gateway.errors import CannotStart, GatewayError
from gateway.sync.mqtt import Denied, Link, Timers
from gateway.sync.mqtt_socket import LinkDown, Silence


async def stay_linked(
    connect: Callable[[Timers], AbstractAsyncContextManager[Link]],
    use: Callable[[Link], Awaitable[None]],
    on_down: Callable[[GatewayError], None],
    timers: Timers,
) -> None:
    """Connect, use, and connect again, until `use` returns.

    Args:
        connect: Opens a connection with these timers.
        use: Works with it; raises what the connection raises.
        on_down: Told why there is none just now.
        timers: See `Timers`.
    """
    refusals = silences = 0
    while True:
        most_s = timers.retry_s
        shake_s = min(timers.shake_s * 2 ** min(silences, 16), timers.shake_most_s)
        try:
            async with connect(msgspec.structs.replace(timers, shake_s=shake_s)) as link:
                silences = 0
                await use(link)
                return
        except (Denied, CannotStart) as error:
            silences = 0
            if not (isinstance(error, Denied) and error.passes):
                most_s = min(timers.retry_s * 2 ** min(refusals, 16), timers.refused_s)
                refusals += 1
            on_down(error)
        except LinkDown as error:
            refusals, silences = 0, silences + 1 if isinstance(error, Silence) else 0
            on_down(error)
        await asyncio.sleep(random.uniform(0, most_s))  # noqa: S311
