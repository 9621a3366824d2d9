"""What a card keeps beyond a start: all that units write, and all that documents name."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

import pytest

from gateway.host import reset

ROOT: Final = Path(__file__).parents[2]
LIST: Final = ROOT / "image/overlay/usr/local/lib/achivx/lasting"
UNITS: Final = sorted(
    path
    for path in (
        *(ROOT / "systemd").glob("achivx-*"),
        *(ROOT / "image/overlay/etc/systemd/system").glob("*.service"),
    )
    if path.suffix in {".path", ".service", ".socket", ".timer"}
    and path.stem != "achivx-gateway-bridge"  # it runs where the chain's server is
)
DOCUMENTS: Final = sorted(
    {*(ROOT / "docs").glob("*.md"), ROOT / "README.md", ROOT / "image/README.md"}
    - {ROOT / "docs/mqtt.md"}  # broker and bridge, which are no boxes
    - {*(ROOT / "docs").glob("benchmarks*.md")}  # made on a machine to develop on
    | {ROOT / "docs/gateway.example.toml"}
)
_PATH: Final = re.compile(r"(?<![\w.*-])/(?:etc|var)/[\w./-]*\w")


def lines() -> list[tuple[str, str]]:
    """A path of the system, and where it is under /data."""
    found = (line.split() for line in LIST.read_text().splitlines() if line[:1] not in {"", "#"})
    return [(path, kept) for path, kept in found]


def is_under(path: str, places: Iterable[str]) -> bool:
    return any(f"{path}/".startswith(f"{place}/") for place in places)


def values(unit: Path, key: str) -> list[str]:
    """The words of all lines of a key, without the mark of what need not be there."""
    found = re.findall(rf"^{key}=(.*)$", unit.read_text(), re.MULTILINE)
    return [word.removeprefix("-") for line in found for word in line.split()]


def state_directories(unit: Path) -> list[str]:
    within = "/var/lib/private" if values(unit, "DynamicUser") == ["yes"] else "/var/lib"
    return [f"{within}/{name}" for name in values(unit, "StateDirectory")]


def written(unit: Path) -> Iterator[str]:
    """What of /etc and /var a unit writes, loads, or goes by."""
    yield from state_directories(unit)
    yield from (f"/etc/{name}" for name in values(unit, "ConfigurationDirectory"))
    if values(unit, "LoadCredential"):
        yield "/etc/credstore"
    if values(unit, "Persistent") == ["yes"]:
        yield "/var/lib/systemd/timers"
    for key in ("ReadWritePaths", r"Condition\w+", "PathExists"):
        yield from (word for word in values(unit, key) if _PATH.fullmatch(word))


def made_at_start() -> set[str]:
    """Files of /etc that come from the data partition at each start, one by one."""
    text = LIST.with_name("early").read_text()
    return set(re.findall(r'"\$rootmnt(/etc/[\w-]+)"', text))


def test_no_two_share_a_place() -> None:
    kept = [kept for _, kept in lines()]
    assert len(set(kept)) == len(kept)


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_all_that_a_unit_writes_lasts(unit: Path) -> None:
    lasting = {path for path, _ in lines()} | made_at_start()
    assert [path for path in written(unit) if not is_under(path, lasting)] == []


def test_units_were_read() -> None:
    """The test above does not hold for want of anything to look at."""
    found = {path for unit in UNITS for path in written(unit)}
    assert {"/var/lib/private/achivx-backup", "/etc/credstore", "/var/lib/systemd/timers"} <= found


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_all_that_a_document_names_lasts_or_is_the_cards_own(document: Path) -> None:
    """Or is a unit's file of options, which IT lays over it."""
    places = {path for path, _ in lines()}
    places |= {path for unit in UNITS for path in values(unit, "EnvironmentFile")}
    install = (ROOT / "scripts/install-files").read_text()
    places |= set(re.findall(r"^\S+ +(/etc/\S+)$", install, re.MULTILINE))
    named = set(_PATH.findall(document.read_text()))
    assert sorted(path for path in named if not is_under(path, places)) == []


def test_of_all_that_lasts_it_is_said_whose_it_is() -> None:
    """A factory reset forgets what is the shop's, and nothing that it was not told of."""
    shops = {f"/{place}" for place in reset.SHOPS if not is_under(place, [reset.DATA])}
    boxes = {f"/{place}" for place in reset.BOXES}
    assert shops & boxes == set()
    assert shops | boxes == {path for path, _ in lines()}
