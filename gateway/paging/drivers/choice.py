"""Which driver a configured transmitter gets."""

from gateway.config import Espa, Ev1527, Mmdvm, Tap, Template, Transmitter
from gateway.paging.drivers.base import Driver
from gateway.paging.drivers.espa import EspaDriver
from gateway.paging.drivers.ev1527 import Ev1527Driver
from gateway.paging.drivers.mmdvm import MmdvmDriver
from gateway.paging.drivers.tap import TapDriver
from gateway.paging.drivers.template import TemplateDriver


def make_driver(transmitter: Transmitter) -> Driver:
    """The driver, its line not opened yet.

    Raises:
        ValueError: A template that the configuration names cannot be used.
    """
    match transmitter:
        case Tap():
            return TapDriver(transmitter)
        case Mmdvm():
            return MmdvmDriver(transmitter)
        case Template():
            return TemplateDriver(transmitter)
        case Ev1527():
            return Ev1527Driver(transmitter)
        case Espa():
            return EspaDriver(transmitter)
