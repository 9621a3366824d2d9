"""Pins of the real lgpio on a fake chip."""

import importlib.util
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.config import Inputs
from gateway.inputs.pins import Pins, _import_lgpio, open_pins
from tests.inputs.fake_chip import FakeChip

_PI_4B = 0xC03111


@pytest.fixture(scope="session")
def lgpio_work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory that lgpio was imported in; a process has only one."""
    return tmp_path_factory.mktemp("lgpio")


@pytest.fixture
def chip(lgpio_work: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeChip]:
    """A fake chip under the real lgpio."""
    if importlib.util.find_spec("lgpio") is None:
        pytest.skip("lgpio is not installed")
    lgpio, factory_class = _import_lgpio(lgpio_work)
    chip = FakeChip(lgpio, lgpio_work)
    chip.patch(monkeypatch)
    monkeypatch.setattr(factory_class, "_get_revision", lambda _self: _PI_4B)
    yield chip
    chip.gone = False
    factory_class.pins.clear()
    factory_class._reservations.clear()


@pytest.fixture
def real(chip: FakeChip) -> Iterator[Pins]:
    """lgpio's pins on the fake chip."""
    pins = open_pins(Inputs(chip=3), chip.work)
    yield pins
    pins.close()
