"""The page lane of a box, as its settings have it."""

from collections.abc import Callable
from functools import partial

from gateway.config import Config
from gateway.paging.drivers.choice import make_driver
from gateway.paging.drivers.line import adapter_at
from gateway.paging.lane import OnReceipt, PageLane
from gateway.paging.transmitter import Transmitter


def make_lane(config: Config, on_state: Callable[[], None], on_receipt: OnReceipt) -> PageLane:
    """The lane with all transmitters, not started yet.

    Args:
        config: The pagers and transmitters.
        on_state: Called from a transmitter's thread when its state has changed.
        on_receipt: As in `PageLane`.
    """
    transmitters = tuple(
        Transmitter(
            each.name,
            make_driver(each),
            supervise_s=each.supervise_s,
            on_state=on_state,
            adapter=partial(adapter_at, each.port),
        )
        for each in config.transmitters
    )
    return PageLane(config.pagers, transmitters, on_receipt)
