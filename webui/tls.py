"""TLS on a port of its own, beside the plain one, in one server."""

import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from webui.authority import Authority


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
    """

    is_ssl: Final = True

    def __init__(self, settings: Any) -> None:
        self._settings: Final = settings

    def __getattr__(self, name: str) -> Any:
        return getattr(self._settings, name)
