"""Staying connected to the broker: soon again when nobody is there, later each time it says no."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager

from gateway.errors import CannotStart, GatewayError
from gateway.sync.mqtt import Denied, Link, Timers
from gateway.sync.mqtt_socket import LinkDown


async def stay_linked(
    connect: Callable[[], AbstractAsyncContextManager[Link]],
    use: Callable[[Link], Awaitable[None]],
    on_down: Callable[[GatewayError], None],
    timers: Timers,
) -> None:
    """Connect, use, and connect again, until `use` returns.

    Whether somebody is there again is looked at about every half second, however long it took; a
    broker that said no is left alone longer each time. Both waits are drawn from nothing up (full
    jitter), so that boxes that lost one broker together do not come back together.

    Args:
        connect: Opens a connection.
        use: Works with it; raises what the connection raises.
        on_down: Told why there is none just now.
        timers: See `Timers`.
    """
    refusals = 0
    while True:
        most_s = timers.retry_s
        try:
            async with connect() as link:
                await use(link)
                return
        except (Denied, CannotStart) as error:
            most_s = min(timers.retry_s * 2 ** min(refusals, 16), timers.refused_s)
            refusals += 1
            on_down(error)
        except LinkDown as error:
            refusals = 0
            on_down(error)
        await asyncio.sleep(random.uniform(0, most_s))  # noqa: S311
