"""TLS on a port of its own, beside the plain one, in one server."""

import socket
import ssl
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from webui.authority import Authority

IDLE_S: Final = 10
"""How long a client may keep a thread waiting for its next byte, in a handshake or in a body."""


@dataclass(frozen=True)
class Tls:
    """The port and what its connections are served with.

    Attributes:
        descriptor: Of its socket, bound and listening; gunicorn takes it over.
        port: Its number.
        context: For a connection to an address of this machine.
        authority: The box's own, None where IT gave the certificate.
    """

    descriptor: int
    port: int
    context: Callable[[str], ssl.SSLContext]
    authority: Authority | None


class OverTls:
    """Gunicorn's settings as a connection over TLS has to see them; all others are the server's.

    Args:
        settings: The server's.
        context: What this connection is served with.
    """

    is_ssl: Final = True

    def __init__(self, settings: Any, context: Callable[[], ssl.SSLContext]) -> None:
        self._settings: Final = settings
        self._context: Final = context

    def ssl_context(self, _settings: Any, _default: Callable[[], ssl.SSLContext]) -> ssl.SSLContext:
        """Gunicorn's hook, called once for each connection."""
        return self._context()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._settings, name)


def hurry(connection: socket.socket) -> None:
    """Give up on a client that is silent; the kernel counts, whoever reads."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", IDLE_S, 0))
