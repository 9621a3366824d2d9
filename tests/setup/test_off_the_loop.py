"""What the wizard keeps waits for the disk beside the event loop, on which presses come in."""

import threading
from pathlib import Path
from typing import Any, cast

import pytest

from gateway.config import Config, Device, Paths, Shop
from gateway.control import Asker
from gateway.files import write_atomic
from gateway.model import Role
from gateway.setup import progress
from gateway.setup.messages import FinishSetup
from gateway.setup.service import SetupService


class _Floor:
    def watch_presses(self, _: object) -> None:
        """Nobody presses here."""


async def test_a_press_waits_for_no_card(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = Config(
        device=Device(id="box-1"),
        shop=Shop(name="s", account="a"),
        paths=Paths(state=str(tmp_path)),
    )
    none = cast("Any", None)  # what finishing never asks
    writers: list[threading.Thread] = []
    told: list[bool] = []

    def write(path: Path, data: bytes) -> None:
        writers.append(threading.current_thread())
        told.append(service.is_finished)
        write_atomic(path, data)

    monkeypatch.setattr(progress, "write_atomic", write)
    service = SetupService(
        config=config,
        clock=none,
        pins=none,
        floor=cast("Any", _Floor()),
        access=none,
        changes=cast("Any", _Changes()),
        on_change=lambda: told.append(service.is_finished),
        tell=none,
    )
    await service.handlers()[FinishSetup](FinishSetup(), Asker("Ann", Role.OWNER, "page"))
    assert len(writers) == 1
    assert threading.current_thread() not in writers
    assert told == [False, True]  # on the disk before anybody is told


class _Changes:
    def handlers(self) -> dict[type[Any], Any]:
        """None of them are asked."""
        return {}
