"""Pins that were learned from are given back wholly, on the real lgpio."""

import gc
import time

import pytest

from gateway.inputs.pins import Pins
from gateway.setup.learning import OpenPins
from tests.inputs.fake_chip import FakeChip

LINES = (5, 13, 17)


@pytest.mark.parametrize("is_collected", [False, True])
def test_an_edge_after_the_lesson_ends_no_thread(
    chip: FakeChip, real: Pins, is_collected: bool
) -> None:
    """It was a shop's first red press after set-up that ended the gateway."""
    for line in LINES:
        chip.put(line, 1)
    lesson = OpenPins(real, LINES)
    assert lesson.levels() == dict.fromkeys(LINES, True)
    lesson.close()
    lesson.close()
    del lesson
    if is_collected:
        gc.collect()
    assert chip.lgpio._notify_thread.callbacks == []
    for line in LINES:
        chip.edge(line, 0, time.monotonic_ns())
    after = OpenPins(real, LINES)
    assert real.thread is not None
    assert real.thread.alive
    assert after.levels() == dict.fromkeys(LINES, False)
    after.close()
