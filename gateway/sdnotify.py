"""systemd's notification protocol (sd_notify(3)): a datagram to the socket that it names."""

import os
import socket


def notify(words: str) -> None:
    """Tell systemd, e.g. `READY=1`; nothing where there is no systemd.

    Raises:
        OSError: The socket that systemd named cannot be written to.
    """
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    if address.startswith("@"):
        address = "\0" + address[1:]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as plain:
        plain.sendto(words.encode(), address)


def watchdog_s() -> float | None:
    """How often systemd wants a sign of life, in seconds; None when it does not."""
    pid, micros = os.environ.get("WATCHDOG_PID"), os.environ.get("WATCHDOG_USEC")
    if micros is None or (pid is not None and pid != str(os.getpid())):
        return None
    return int(micros) / 1e6
