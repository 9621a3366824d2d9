"""Commands in this process: what they print, and what they exit with."""

import json
from typing import Any

import pytest

from gateway.cli import main

RED = "exit-very-unhappy"


def asked(capsys: pytest.CaptureFixture[str], *words: str) -> Any:
    """Run a command that must succeed; its JSON."""
    assert main(words) == 0
    return json.loads(capsys.readouterr().out)


def refused(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """Run a command that must fail; its one line."""
    assert main(words) == 1
    out, err = capsys.readouterr()
    assert not out
    (line,) = err.splitlines()
    assert line.startswith("achivx-gateway: ")
    return line
