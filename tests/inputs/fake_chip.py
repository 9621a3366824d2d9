"""The kernel's side of lgpio, for tests on its real module, thread and FIFO."""

import struct
from pathlib import Path
from typing import Any

import pytest


class FakeChip:
    """Stands in for the kernel's side of lgpio: lines, their flags, and edges.

    Attributes:
        lgpio: The real module, with the calls that need a chip replaced.
        work: Where its FIFO is.
        levels: What reading a line gives.
        alerts: By line, the notify handle that its edges go to.
        gone: Set, every call fails as if the chip had been taken away.
    """

    def __init__(self, lgpio: Any, work: Path) -> None:
        self.lgpio = lgpio
        self.work = work
        self.levels: dict[int, int] = {}
        self.flags: dict[int, int] = {}
        self.alerts: dict[int, int] = {}
        self.opened: list[int] = []
        self.gone = False

    def put(self, line: int, level: int) -> None:
        """Change a level without anybody being told: the edge is lost."""
        self.levels[line] = level

    def edge(self, line: int, level: int, stamp_ns: int) -> None:
        """Change a level, and report it as lgpio's C thread does (struct lgGpioReport)."""
        self.put(line, level)
        report = struct.pack("QBBBBI", stamp_ns, self.opened[-1], line, level, 0, 0)
        with (self.work / f".lgd-nfy{self.alerts[line]}").open("wb", buffering=0) as fifo:
            fifo.write(report)

    def patch(self, patcher: pytest.MonkeyPatch) -> None:
        """Put the fake calls in place of lgpio's."""
        calls = {
            "gpiochip_open": self._open,
            "gpiochip_close": lambda _handle: 0,
            "gpio_claim_input": self._claim_input,
            "gpio_claim_output": self._claim_output,
            "gpio_claim_alert": self._claim_alert,
            "gpio_free": lambda _handle, _line: 0,
            "gpio_get_mode": lambda _handle, line: self.flags.get(line, 0),
            "gpio_read": self._read,
            "gpio_write": self._write,
            "gpio_set_debounce_micros": lambda _handle, _line, _micros: 0,
        }
        for name, call in calls.items():
            patcher.setattr(self.lgpio, name, call)

    def _check(self) -> None:
        if self.gone:
            raise self.lgpio.error("the chip is gone")

    def _open(self, chip: int) -> int:
        self._check()
        self.opened.append(chip)
        return 7 | chip << 16

    def _claim_input(self, _handle: int, line: int, flags: int = 0) -> int:
        self._check()
        self.flags[line] = flags
        return 0

    def _claim_output(self, _handle: int, line: int, level: int = 0) -> int:
        self._check()
        self.flags[line] = 1 << 1  # GPIO_IS_OUT
        self.levels[line] = level
        return 0

    def _claim_alert(self, _handle: int, line: int, _edges: int, flags: int = 0) -> int:
        self._check()
        self.flags[line] = flags
        self.alerts[line] = self.lgpio._notify_thread._notify
        return 0

    def _read(self, _handle: int, line: int) -> int:
        self._check()
        return self.levels.get(line, 0)

    def _write(self, _handle: int, line: int, level: int) -> int:
        self._check()
        self.levels[line] = level
        return 0
