"""systemd's notification protocol (sd_notify(3)): a datagram to the socket that it names."""

import logging
import os
import socket
from typing import Final

_log: Final = logging.getLogger(__name__)


def notify(words: str) -> None:
    """Tell systemd, e.g. `READY=1`; nothing where there is no systemd.

    A socket that is gone is no reason to stop: systemd itself acts on what it does not hear.
    """
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    if address.startswith("@"):
        address = "\0" + address[1:]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as plain:
        try:
            plain.sendto(words.encode(), address)
        except OSError as error:
            _log.warning("systemd cannot be told %s: %s", words, error)


def watchdog_s() -> float | None:
    """How often systemd wants a sign of life, in seconds; None when it does not."""
    pid, micros = os.environ.get("WATCHDOG_PID"), os.environ.get("WATCHDOG_USEC")
    if micros is None or (pid is not None and pid != str(os.getpid())):
        return None
    return int(micros) / 1e6
