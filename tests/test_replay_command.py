"""`achivx-gateway replay`, as a person at a shell sees it."""

import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest

from gateway.cli import main
from gateway.clock import NS_PER_S, Stamp
from gateway.events import AlertAcknowledged, AlertRaised, AnyEvent, Paged, Pressed, Started
from gateway.journal.store import Identity, Journal
from gateway.model import AlertCause, ButtonKind, ReceiptState
from tests.insights.small_shop import PAGED, RULE

SETTINGS = f"""\
[device]
id = "box"
[shop]
name = "Shop"
account = "1"
timezone = "Europe/Berlin"
[[shop.hours]]
days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
open = "08:00"
close = "22:00"
[paths]
state = "STATE"
[[buttons]]
name = "red"
pin = 5
kind = "very_unhappy"
label = {{ ru = "Плохо", en = "Bad" }}
zone = "hall"
{PAGED}"""
BERLIN = ZoneInfo("Europe/Berlin")
BOOT = datetime(2025, 10, 25, 7, 0, tzinfo=BERLIN)


def at(day: int, clock: str, fold: int = 0) -> Stamp:
    """A moment of October 2025 in Berlin, where the clocks go back on the 26th."""
    when = datetime.fromisoformat(f"2025-10-{day}T{clock}").replace(tzinfo=BERLIN, fold=fold)
    since_ns = round((when.timestamp() - BOOT.timestamp()) * NS_PER_S)
    return Stamp("boot", since_ns, round(when.timestamp() * NS_PER_S), synced=True)


Run = Callable[..., int]


@pytest.fixture
def now(tmp_path: Path) -> Path:
    path = tmp_path / "gateway.toml"
    path.write_text(SETTINGS.replace("STATE", str(tmp_path)))
    return path


@pytest.fixture
def new(now: Path) -> Path:
    path = now.with_name("new.toml")
    path.write_text(now.read_text() + RULE)
    return path


@pytest.fixture
def run(now: Path, new: Path) -> Run:
    return lambda *words: main(["replay", "--config", str(now), "--rules", str(new), *words])


@pytest.fixture
def journal(tmp_path: Path) -> None:
    """A red that was alerted, and more presses on three days."""
    kept = Journal(tmp_path / "journal.db", Identity("box", "1", 1), on_change=lambda: None)
    kept.start()
    red = Pressed(button="red", kind=ButtonKind.VERY_UNHAPPY, zone="hall")
    raised = AlertRaised(alert="A", cause=AlertCause.RED, zone="hall", button="red", level=0)
    paged = Paged(page="p", pager="wrist", text="", state=ReceiptState.ACCEPTED, alert="A")
    call = AlertRaised(alert="C", cause=AlertCause.CALL, zone="hall", button="gone", level=0)
    told: list[tuple[AnyEvent, Stamp]] = [
        (Started(version="1"), at(25, "08:00")),
        (red, at(25, "10:00")),
        (raised, at(25, "10:00")),
        (paged, at(25, "10:00")),
        (AlertAcknowledged(alert="A", by="Anna", via="button"), at(25, "10:00:20")),
        (red, at(25, "10:30")),
        (red, at(26, "02:30", fold=0)),
        (red, at(26, "02:30", fold=1)),  # an hour later
        (red, at(26, "08:30")),
        (msgspec.structs.replace(raised, alert="B", level=-1, quiet=True), at(26, "08:30")),
        (Pressed(button="gone", kind=ButtonKind.CALL, zone="hall"), at(26, "09:00")),
        (call, at(26, "09:00")),
        (red, at(27, "12:00")),
    ]
    for event, when in told:
        kept.append(event, when).result(5)
    kept.close()


def asked(capsys: pytest.CaptureFixture[str], code: int) -> Any:
    assert code == 0
    return json.loads(capsys.readouterr().out)


@pytest.mark.usefixtures("journal")
def test_what_a_new_rule_would_have_done(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--since", "2025-10-25", "--until", "2025-10-27") == 0
    climbed = "step 1 to wrist, climbed to step 15"
    assert capsys.readouterr().out.splitlines() == [
        "7 presses from 2025-10-25T00:00:00+02:00 to 2025-10-28T00:00:00+01:00 (Europe/Berlin)",
        "not in the other settings: gone",
        "= 2025-10-25 10:00:00  red  red, hall  step 1 to wrist",
        f"+ 2025-10-25 10:30:00  red  red, hall  {climbed}",
        f"+ 2025-10-25 10:30:00  row (2 unhappy in a row)  hall  {climbed}",
        "+ 2025-10-26 02:30:00  red  red, hall  shown, not paged",
        "+ 2025-10-26 02:30:00  red  red, hall  shown, not paged",
        f"~ 2025-10-26 08:30:00  red  red, hall  {climbed}; really: shown, not paged",
        "- 2025-10-26 09:00:00  call  gone, hall  step 1 to nobody",
        "+ 2025-10-27 12:00:00  red  red, hall  step 1 to wrist",
        "by rule                   would (paged)  really (paged)",
        "  call                        0     (0)       1     (1)",
        "  red                         6     (4)       2     (1)",
        "  row                         1     (1)       0     (0)",
        "by day                    would (paged)  really (paged)",
        "  2025-10-25                  3     (3)       1     (1)",
        "  2025-10-26                  3     (1)       2     (1)",
        "  2025-10-27                  1     (1)       0     (0)",
    ]


@pytest.mark.usefixtures("journal")
def test_for_a_program(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    told = asked(capsys, run("--since", "2025-10-26T02:45", "--until", "2025-10-26", "--json"))
    assert [each["button"] for each in told["replayed"]["would"]] == ["red", "red"]
    assert told["replayed"]["presses"] == 3
    assert told["by_day"] == [
        {"name": "2025-10-26", "would": 2, "would_page": 1, "really": 2, "really_paged": 1}
    ]


@pytest.mark.usefixtures("journal")
def test_nothing_since(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    told = asked(capsys, run("--since", "2099-01-01", "--json"))
    assert (told["replayed"]["presses"], told["by_rule"]) == (0, [])
    told = asked(capsys, run("--since", "12h", "--json"))
    assert told["until"] is None


@pytest.mark.usefixtures("journal")
def test_it_writes_nothing(run: Run, tmp_path: Path) -> None:
    before = (tmp_path / "journal.db").read_bytes()
    assert run("--since", "2025-10-25") == 0
    assert (tmp_path / "journal.db").read_bytes() == before


@pytest.mark.usefixtures("journal")
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--since", "yesterday"), "--since 'yesterday': should be 30d, 12h, 2026-11-01"),
        (("--since", "2025-02-30"), "--since '2025-02-30': should be"),
        (("--since", "9999-12-31", "--until", "9999-12-31"), "--until '9999-12-31': should be"),
        (("--since", "1d", "--until", "99999d"), "--until is not after --since"),
        (("--since", "2025-10-26", "--until", "2025-10-25"), "--until is not after --since"),
    ],
)
def test_times_that_are_none(
    run: Run, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], said: str
) -> None:
    assert run(*words) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"achivx-gateway: {said}")


def test_settings_or_a_journal_that_cannot_be_used(
    run: Run, new: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def refused() -> str:
        assert run("--since", "1d") == 1
        (line,) = capsys.readouterr().err.splitlines()
        return line

    assert "there is no journal" in refused()
    (tmp_path / "journal.db").write_bytes(b"something else" * 100)
    assert "cannot read the journal" in refused()
    new.write_text(SETTINGS.replace("STATE", str(tmp_path)) + RULE.replace("2", "true"))
    assert "new.toml: rules[0].count" in refused()
    new.write_text("[device]\nid = 5\n")
    assert "more: achivx-gateway check tells all)" in refused()
    new.unlink()
    assert refused().count(str(new)) == 1
    assert "no such file" in refused()
