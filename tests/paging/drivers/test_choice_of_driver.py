"""Every configured transmitter gets its driver, and a bad template stops nobody else's pages."""

from pathlib import Path

import pytest

from gateway.config import Pager
from gateway.config.transmitters import Espa, Ev1527, Mmdvm, Tap, Template, Transmitter
from gateway.errors import LineError
from gateway.model import ReceiptState
from gateway.paging.drivers.base import Message
from gateway.paging.drivers.choice import make_driver


@pytest.mark.parametrize(
    ("transmitter", "name"),
    [
        (Tap(name="t", port="/dev/x"), "TapDriver"),
        (Mmdvm(name="t", port="/dev/x", frequency_hz=433_920_000), "MmdvmDriver"),
        (Template(name="t", port="/dev/x", template="scope"), "TemplateDriver"),
        (Ev1527(name="t", port="/dev/x", hardware="rfxtrx433"), "Ev1527Driver"),
        (Espa(name="t", port="/dev/x"), "EspaDriver"),
    ],
)
def test_each_kind_has_its_driver(transmitter: Transmitter, name: str) -> None:
    assert type(make_driver(transmitter)).__name__ == name


def test_a_template_that_cannot_be_read_is_a_transmitter_that_says_so(tmp_path: Path) -> None:
    missing = str(tmp_path / "nothing.toml")
    driver = make_driver(Template(name="t", port="/dev/x", template=missing))
    with pytest.raises(LineError, match="no such template"):
        driver.open()
    with pytest.raises(LineError, match="no such template"):
        driver.probe()
    receipt = driver.send(Message(Pager(name="p", address="1"), "x"))
    assert receipt.state is ReceiptState.FAILED
    assert receipt.line_down
    driver.close()
