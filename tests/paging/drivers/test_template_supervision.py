"""Equipment that says nothing: what CTS and the line itself tell of it."""

from collections.abc import Callable

import pytest

from gateway.config.transmitters import Template as Settings
from gateway.errors import LineError
from gateway.model import ReceiptState
from gateway.paging.drivers.line import Line
from gateway.paging.drivers.template import TemplateDriver
from gateway.simulator.template_equipment import JtechTransmitter
from tests.paging.drivers.equipped import opened, page


def test_equipment_that_is_switched_off_is_found_before_anyone_needs_it(
    jtech: JtechTransmitter, quick: Callable[[str], str]
) -> None:
    with opened(jtech, quick("jtech")) as driver:
        driver.probe()
        jtech.cts = False
        with pytest.raises(LineError, match="CTS stays low: the equipment is busy, off or not"):
            driver.probe()
        jtech.cts = True
        driver.probe()
    assert jtech.heard == b""


def test_equipment_that_is_switched_off_is_not_opened(
    jtech: JtechTransmitter, quick: Callable[[str], str]
) -> None:
    jtech.cts = False
    driver = TemplateDriver(Settings(name="d", port=jtech.port, template=quick("jtech")))
    with pytest.raises(LineError, match=r"JTECH on .*: CTS stays low"):
        driver.open()
    jtech.cts = True
    driver.open()  # the line was given back
    driver.close()


def test_cts_that_falls_for_a_moment_is_waited_for(
    jtech: JtechTransmitter, monkeypatch: pytest.MonkeyPatch
) -> None:
    levels = iter([False, False, True])
    with opened(jtech, "jtech") as driver:
        monkeypatch.setattr(Line, "clear_to_send", property(lambda _: next(levels)))
        driver.probe()
    assert next(levels, None) is None


@pytest.mark.parametrize(
    ("has_cts", "words"),
    [
        (True, "CTS is up; the equipment has no other supervision"),
        (False, "the line is there; the equipment has no supervision"),
    ],
)
def test_what_supervision_there_is(
    has_cts: bool, words: str, jtech: JtechTransmitter, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened(jtech, "jtech") as driver:
        assert driver._line is not None
        monkeypatch.setattr(driver._line, "has_cts", has_cts)
        assert driver.probe() == words


def test_a_frame_that_does_not_leave_is_not_accepted_by_silence(
    quick: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kernel has taken it all, and flow control keeps the end of it from the wire."""
    monkeypatch.setattr(Line, "_unsent", lambda _: 5)
    with JtechTransmitter() as terminal, opened(terminal, quick("jtech")) as driver:
        receipt = driver.send(page("jtech"))
    assert (receipt.state, receipt.line_down) == (ReceiptState.UNKNOWN, True)
    assert "held up half way" in receipt.detail


def test_a_frame_is_accepted_by_silence_once_it_has_left(
    jtech: JtechTransmitter, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = iter([20, 10, 0])
    monkeypatch.setattr(Line, "_unsent", lambda _: next(left))
    with opened(jtech, "jtech") as driver:
        assert driver.send(page("jtech")).state is ReceiptState.ACCEPTED
    assert next(left, None) is None
