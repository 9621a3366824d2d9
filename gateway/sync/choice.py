"""From `[uplink]` to the uplink that it describes; imports only what that one needs."""

from collections.abc import Callable

from gateway.config import AchivxUplink, Config, MqttUplink
from gateway.journal.store import Journal
from gateway.sync.down import Desk, Pushable
from gateway.sync.lookup import Centre
from gateway.sync.uplink import Transport, Uplink


def centre_of(uplink: Uplink | None) -> Centre | None:
    """Who can be asked over an uplink, None where nobody can."""
    transport: object = None if uplink is None else uplink.transport
    return transport if isinstance(transport, Centre) else None


def take_pushes(uplink: Uplink | None, desk: Desk) -> None:
    """Have `desk` take what comes down an uplink, if anything can."""
    transport: object = None if uplink is None else uplink.transport
    if isinstance(transport, Pushable):
        transport.desk = desk


def make_uplink(config: Config, journal: Journal, on_change: Callable[[], None]) -> Uplink | None:
    """The uplink of these settings, None where everything is kept on the box.

    Raises:
        CannotStart: As `DirectTransport.from_config`.
    """

    def over(transport: Transport) -> Uplink:
        return Uplink(
            journal,
            transport,
            device=config.device.id,
            account=config.shop.account,
            on_change=on_change,
        )

    match config.uplink:
        case AchivxUplink() as direct:
            # grpcio costs 12 MB and 7 threads: only a box that needs it imports it.
            from gateway.sync.direct import DirectTransport  # noqa: PLC0415

            return over(DirectTransport.from_config(direct))
        case MqttUplink() as broker:
            from gateway.sync.mqtt_uplink import MqttTransport  # noqa: PLC0415

            transport = MqttTransport(broker, config.device.id)
            uplink = over(transport)
            transport.on_link_up = uplink.link_up
            return uplink
        case _:
            return None
