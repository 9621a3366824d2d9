"""Which driver a configured transmitter gets."""

from typing import Final

from gateway.config.transmitters import Espa, Ev1527, Mmdvm, Tap, Template, Transmitter
from gateway.errors import LineError
from gateway.model import Receipt, ReceiptState
from gateway.paging.drivers.base import Driver, Message
from gateway.paging.drivers.espa import EspaDriver
from gateway.paging.drivers.ev1527 import Ev1527Driver
from gateway.paging.drivers.mmdvm import MmdvmDriver
from gateway.paging.drivers.tap import TapDriver
from gateway.paging.drivers.template import TemplateDriver, TemplateError


class Unusable:
    """In place of a driver whose template cannot be read: the other transmitters page on.

    Args:
        words: What is wrong with it.
    """

    carries_text = True
    has_hung_up = False

    def __init__(self, words: str) -> None:
        self._words: Final = words

    def open(self) -> None:
        """See `Driver`."""
        raise LineError(self._words)

    def send(self, _: Message) -> Receipt:
        """See `Driver`."""
        return Receipt(ReceiptState.FAILED, self._words, line_down=True)

    def probe(self) -> str:
        """See `Driver`."""
        raise LineError(self._words)

    def close(self) -> None:
        """See `Driver`."""


def make_driver(transmitter: Transmitter) -> Driver:
    """The driver, its line not opened yet."""
    match transmitter:
        case Tap():
            return TapDriver(transmitter)
        case Mmdvm():
            return MmdvmDriver(transmitter)
        case Template():
            try:
                return TemplateDriver(transmitter)
            except TemplateError as error:
                return Unusable(str(error))
        case Ev1527():
            return Ev1527Driver(transmitter)
        case Espa():
            return EspaDriver(transmitter)
