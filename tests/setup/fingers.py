"""Runs a simulated gateway whose buttons are held while it starts anew, on pins like lgpio's.

    python fingers.py DIRECTORY PYTHON -m gateway run …

A button whose name is a file in the directory does not come up again. One whose name is in the file
`last` is pressed while the transmitters finish their pages, at the end of a gateway; where there is
a file `stop`, SIGTERM comes then. Whose a pin is, is known to the whole process, as by gpiozero's
lgpio factory, and nothing is ever collected.
"""

import gc
import os
import signal
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any, ClassVar
from unittest import mock

from gpiozero.pins.mock import MockFactory

from gateway.cli import main
from gateway.paging.lane import PageLane
from gateway.simulator.panel import Panel, press

FINGERS = Path(sys.argv[1])


class HeldPanel(Panel):
    """Buttons with fingers on them."""

    latest: ClassVar[Panel | None] = None

    def rest(self) -> None:
        HeldPanel.latest = self
        super().rest()

    def put(self, name: str, *, down: bool) -> None:
        super().put(name, down=down or (FINGERS / name).exists())


class LongLane(PageLane):
    """Transmitters that take their time to stop."""

    def stop(self, timeout_s: float) -> None:
        last = FINGERS / "last"
        if HeldPanel.latest is not None and last.exists():
            HeldPanel.latest.play(last.read_text(), press())
            last.unlink()
        if (FINGERS / "stop").exists():
            os.kill(os.getpid(), signal.SIGTERM)
        super().stop(timeout_s)


class OneChip(MockFactory):  # type: ignore[misc] # untyped
    """Fake pins that belong to one gateway at a time."""

    reserved: ClassVar[Any] = defaultdict(list)

    def __init__(self) -> None:
        super().__init__()
        self._reservations = OneChip.reserved


if __name__ == "__main__":
    gc.disable()
    with (
        mock.patch("gateway.app.Panel", HeldPanel),
        mock.patch("gateway.paging.choice.PageLane", LongLane),
        mock.patch("gateway.inputs.pins.MockFactory", OneChip),
        mock.patch("gateway.setup.lives.collect_seldom"),
    ):
        sys.exit(main(sys.argv[5:]))
