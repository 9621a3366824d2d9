"""What the page is started with."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from flask import current_app

from webui.authority import Authority

_KEY: Final = "achivx-options"


@dataclass(frozen=True, kw_only=True)
class Options:
    """Where the gateway is, and who may be talked to.

    Attributes:
        control: The gateway's control socket.
        secret_key: Signs the session cookies.
        simulator: The simulated shop's socket, or None outside the demo.
        allowed_hosts: Names beside the machine's own that a browser may know this page by.
        tls_port: Where the page is served with TLS, None where it is not.
        plain_http: Whether it is served without TLS too, also after set-up.
        authority: The box's own, where it has made the certificate itself.
    """

    control: Path
    secret_key: str
    simulator: Path | None = None
    allowed_hosts: tuple[str, ...] = ()
    tls_port: int | None = None
    plain_http: bool = False
    authority: Authority | None = None


def keep(extensions: dict[str, object], options: Options) -> None:
    """Put the options where `options()` finds them."""
    extensions[_KEY] = options


def options() -> Options:
    """The options of the running application."""
    found = current_app.extensions[_KEY]
    assert isinstance(found, Options)  # noqa: S101 - only `keep` writes there
    return found
