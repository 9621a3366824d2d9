"""`achivx-gateway insights`, and what it asks, with a real gateway and nothing in its journal."""

import asyncio
import csv
import io
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.cli import main
from gateway.errors import Refused
from gateway.insights.messages import GetInsights, GetRules, TryRules
from gateway.model import Role
from gateway.setup.messages import SettingsEdit
from gateway.simulator.shop import PINS, SimulatedShop


class Shop:
    """A running shop, to be asked from outside its event loop."""

    def __init__(self, directory: Path) -> None:
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()
        self.shop = SimulatedShop(directory)
        self.do(self.shop.__aenter__())

    def do(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(30)

    def close(self) -> None:
        self.do(self.shop.__aexit__(None, None, None))
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(10)
        self.loop.close()


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    shop = Shop(tmp_path_factory.mktemp("shop"))
    yield shop
    shop.close()


@pytest.fixture
def words(running: Shop) -> list[str]:
    return ["insights", "--config", str(running.shop.config_file)]


def test_an_empty_journal_has_figures_that_are_not_told(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*words, "--json"]) == 0
    view = json.loads(capsys.readouterr().out)
    untold = {each["name"] for each in view["figures"] if each["value"] is None}
    told = {each["name"] for each in view["figures"]} - untold
    assert told <= {"sync_completeness"}
    assert (view["presses"], view["incidents"], view["zones"]) == (0, 0, [])
    assert main(words) == 0
    assert "happy_index                 too few: 0 of 30   n 0" in capsys.readouterr().out


def test_a_table_is_written(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "table.csv"
    assert main([*words, "--since", "2026-01-01", "--until", "2026-01-31", "--csv", str(file)]) == 0
    assert capsys.readouterr().out == ""
    table = list(csv.reader(io.StringIO(file.read_bytes().decode(), newline="")))
    assert table[1][:2] == ["span", "2026-01-01/2026-01-31"]
    assert main([*words, "--csv", str(tmp_path)]) == 1
    assert "cannot write" in capsys.readouterr().err


def test_a_day_that_is_none_is_refused(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main([*words, "--since", "yesterday"])
    assert "--since" in capsys.readouterr().err
    assert main([*words, "--since", "2026-01-02", "--until", "2026-01-01"]) == 1
    assert "the first before the last" in capsys.readouterr().err


def test_staff_may_not_ask(running: Shop) -> None:
    token = running.do(running.shop.sign_in("barista")).token
    assert PINS["barista"]
    assert GetInsights.needs is GetRules.needs is TryRules.needs is Role.MANAGER
    for request in (GetInsights(), GetRules(), TryRules(edits=())):
        with pytest.raises(Refused) as refused:
            running.do(running.shop.ask(request, token))
        assert refused.value.code == "forbidden"


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (TryRules(edits=(SettingsEdit(("paths", "state"), "/etc"),)), "forbidden"),
        (TryRules(edits=(SettingsEdit((), None),)), "forbidden"),
        (TryRules(edits=(SettingsEdit(("rules", 77, "count"), 1),)), "no_such_key"),
        (TryRules(edits=(), days=99), "bad_span"),
    ],
)
def test_what_cannot_be_tried_is_refused(running: Shop, request_: TryRules, code: str) -> None:
    with pytest.raises(Refused) as refused:
        running.do(running.shop.ask(request_))
    assert refused.value.code == code
