"""What the page is started with."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from flask import current_app

_KEY: Final = "achivx-options"


@dataclass(frozen=True, kw_only=True)
class Options:
    """Where the gateway is, and who may be talked to.

    Attributes:
        control: The gateway's control socket.
        secret_key: Signs the session cookies.
        simulator: The simulated shop's socket, or None outside the demo.
        allowed_hosts: Names beside the machine's own that a browser may know this page by.
    """

    control: Path
    secret_key: str
    simulator: Path | None = None
    allowed_hosts: tuple[str, ...] = ()


def keep(extensions: dict[str, object], options: Options) -> None:
    """Put the options where `options()` finds them."""
    extensions[_KEY] = options


def options() -> Options:
    """The options of the running application."""
    found = current_app.extensions[_KEY]
    assert isinstance(found, Options)  # noqa: S101 - only `keep` writes there
    return found
