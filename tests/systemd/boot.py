"""What all that runs inside the system of `systemd/test-boot` needs to look at it."""

import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar

T = TypeVar("T")

GATEWAY: Final = "achivx-gateway.service"
PAGE: Final = "achivx-webui.service"
SOCKET: Final = Path("/run/achivx-gateway/control.sock")
COMMAND: Final = "/usr/local/bin/achivx-gateway"
WAIT_S: Final = 30.0


def run(*words: str) -> subprocess.CompletedProcess[str]:
    """What a command said, whatever its status."""
    return subprocess.run(words, capture_output=True, text=True, check=False, timeout=60)


def shown(unit: str, name: str) -> str:
    return run("systemctl", "show", "--value", "--property", name, unit).stdout.strip()


def main_pid(unit: str) -> int:
    return int(shown(unit, "MainPID"))


def until(found: Callable[[], T], words: str) -> T:
    """The first true answer within WAIT_S."""
    end = time.monotonic() + WAIT_S
    while not (answer := found()):
        assert time.monotonic() < end, f"waited {WAIT_S:.0f} s in vain: {words}"
        time.sleep(0.05)
    return answer


def as_user(name: str, *words: str) -> subprocess.CompletedProcess[str]:
    return run("setpriv", f"--reuid={name}", f"--regid={name}", "--init-groups", *words)


def inside(unit: str, *words: str) -> subprocess.CompletedProcess[str]:
    """Run something, as root, in what the unit sees of the file system."""
    return run("nsenter", "--target", str(main_pid(unit)), "--mount", *words)
