"""Where a transmitter may be: the serial ports of the machine, by names that people know."""

from collections.abc import Iterable
from pathlib import Path
from typing import Final

import msgspec
from serial.tools import list_ports

BY_ID: Final = Path("/dev/serial/by-id")
SIMULATED: Final = "ports"
"""In the state directory of a simulated shop: links that stand for its equipment."""

_BOARD: Final = ("/dev/serial0", "/dev/ttyAMA0")
# Words of USB product names (as udev keeps them) and what speaks there.
_KNOWN: Final = (("rfxtrx", "ev1527:rfxtrx433"), ("rfxcom", "ev1527:rfxtrx433"), ("mmdvm", "mmdvm"))


class Port(msgspec.Struct, frozen=True):
    """One place a transmitter may be at.

    Attributes:
        path: For the transmitter's `port`: one that does not change with the order of plugging.
        name: What is written on the thing, as far as it tells.
        driver: What probably speaks there, where the name tells it.
    """

    path: str
    name: str
    driver: str | None = None


def list_all(simulated: Path | None) -> tuple[Port, ...]:
    """The machine's ports; of a simulated shop those in the given directory alone."""
    if simulated is not None:
        return tuple(Port(str(path), path.name) for path in sorted(simulated.glob("*")))
    # Built-in ttyS ports have neither: every board has some, and no transmitter is on them.
    usb = {port.device: port for port in list_ports.comports() if port.vid is not None}
    names = {device: port.product or port.description for device, port in usb.items()}
    return merge(names, _links(BY_ID), [path for path in _BOARD if Path(path).exists()])


def merge(usb: dict[str, str], links: dict[str, str], board: Iterable[str]) -> tuple[Port, ...]:
    """USB ports under their lasting paths, then the board's own. Pure.

    Args:
        usb: Product name by device.
        links: Path under by-id by device.
        board: The board's own ports that there are.
    """
    ports = [
        Port(links.get(device, device), name, _driver(f"{name} {links.get(device, '')}"))
        for device, name in sorted(usb.items())
    ]
    return (*ports, *(Port(path, Path(path).name) for path in board))


def _links(directory: Path) -> dict[str, str]:
    return {str(path.resolve()): str(path) for path in sorted(directory.glob("*"))}


def _driver(name: str) -> str | None:
    return next((driver for word, driver in _KNOWN if word in name.lower()), None)
