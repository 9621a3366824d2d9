"""Shipped templates that do not wait long, a JTECH with CTS, and a simulated hat."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gateway.paging.drivers.line import Line
from gateway.paging.drivers.mmdvm import MmdvmDriver, Timers
from gateway.paging.drivers.template_file import SHIPPED
from gateway.simulator.mmdvm_hat import MmdvmHat
from gateway.simulator.template_equipment import JtechTransmitter
from tests.paging.drivers.equipped import SHORT_WAITS
from tests.paging.drivers.hats import PATIENT, AirTime, settings


@pytest.fixture
def quick(tmp_path: Path) -> Callable[..., str]:
    """The path of a shipped template with short waits; nothing else in it is changed."""

    def copy(name: str, **waits_s: float) -> str:
        text = (SHIPPED / f"{name}.toml").read_text()
        for key, wait_s in {**SHORT_WAITS, **waits_s}.items():
            text = re.sub(rf"^{key} = [1-9][0-9.]*", f"{key} = {wait_s}", text, flags=re.MULTILINE)
        path = tmp_path / f"{name}.toml"
        path.write_text(text)
        return str(path)

    return copy


@pytest.fixture
def jtech(monkeypatch: pytest.MonkeyPatch) -> Iterator[JtechTransmitter]:
    """A JTECH whose CTS attribute is what the driver's line reads."""
    with JtechTransmitter() as terminal:
        monkeypatch.setattr(Line, "clear_to_send", property(lambda _: terminal.cts))
        yield terminal


@pytest.fixture
def air() -> AirTime:
    return AirTime()


@pytest.fixture(params=[1, 2])
def hat(request: pytest.FixtureRequest, air: AirTime) -> Iterator[MmdvmHat]:
    with MmdvmHat(protocol=request.param, clock=air) as hat:
        yield hat


@pytest.fixture
def connect(air: AirTime) -> Iterator[Callable[..., MmdvmDriver]]:
    drivers: list[MmdvmDriver] = []

    def connected(hat: MmdvmHat, timers: Timers = PATIENT) -> MmdvmDriver:
        driver = MmdvmDriver(settings(hat), timers=timers, wait=air.wait)
        drivers.append(driver)
        driver.open()
        return driver

    yield connected
    for driver in drivers:
        driver.close()
