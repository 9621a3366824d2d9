"""What every long-lived TCP connection of the gateway is told: say when the other end is gone."""

import socket
from typing import Final

LOST_MS: Final = 20_000
"""What was sent and not confirmed by the other end's kernel for so long ends the connection."""


def notice_loss(connection: socket.socket) -> None:
    """Send small things at once, and end the connection where they stay unconfirmed."""
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, LOST_MS)
