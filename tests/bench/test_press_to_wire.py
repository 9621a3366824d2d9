"""The benchmark itself: it runs, counts right, and says what it measured. No times are judged."""

import json
from pathlib import Path

import pytest

from bench import node_red, press_to_wire
from bench.common import BenchError, Done, Start, Wire, figures, latencies, percentile


def frame(label: str) -> bytes:
    return b"\xff\xff\xff\x040000101\x0c" + f"EXIT: {label} 12:00\r".encode()


def test_tiny_run_tells_every_figure(capsys: pytest.CaptureFixture[str]) -> None:
    words = "--json --presses 20 --loaded-presses 20 --rounds 2 --events 300 --peer none"
    assert press_to_wire.main(words.split()) == 1  # without a peer nothing is shown
    report = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert report["ratio_to_floor_p50"] > 0
    for name in ("ratio_to_nodered_p50", "ratio_to_nodered_p99", "loaded_ratio_to_nodered_p99"):
        assert report[name] is None
    for half in ("idle", "loaded"):
        for subject in ("ours", "ours_from_edge", "floor"):
            told = report[half][subject]
            assert told["presses"] == 20
            assert 0 < told["p50_us"] <= told["p99_us"] <= told["max_us"]
    assert report["loaded"]["ours"]["delivered"] > 0
    assert report["loaded"]["ours"]["rings"] >= press_to_wire.STREAMS


def test_without_npm_it_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(BenchError, match="there is no npm here"):
        node_red.install(tmp_path / "cache")
    assert capsys.readouterr().out == ""


def test_ratios_are_ours_by_theirs() -> None:
    def told(p50: float, p99: float) -> dict[str, float]:
        return {"p50_us": p50, "p99_us": p99}

    idle = {
        "ours": told(150, 300),
        "ours_from_edge": told(200, 400),
        "floor": told(100, 200),
        "nodered": told(500, 1000),
    }
    loaded = idle | {"ours": told(1, 800), "ours_from_edge": told(1, 900)}
    ratios = press_to_wire.ratios(idle, loaded)
    assert ratios["ratio_to_floor_p50"] == 1.5
    assert ratios["ratio_to_nodered_p50"] == 0.3
    assert ratios["ratio_to_nodered_p99"] == 0.3
    assert ratios["loaded_ratio_to_nodered_p99"] == 0.8


def test_percentiles_lie_between_their_neighbours() -> None:
    assert percentile([4, 1, 3, 2], 50) == 2.5
    assert percentile([7], 99) == 7
    assert percentile(list(range(101)), 99) == 99


def test_figures_tell_the_median_round() -> None:
    told = figures([[1000, 1000], [2000, 2000], [9000, 9000]])
    assert (told.presses, told.p50_us_of_rounds, told.max_us) == (6, 2.0, 9.0)


def test_wire_times_the_first_byte_of_a_frame() -> None:
    wire = Wire()
    for wire.heard_ns, data in (
        (10, frame("B01")[:5]),
        (20, frame("B01")[5:] + frame("B02")),
        (30, frame("B03")),
    ):
        wire.receive(data)
    assert wire.take(3) == [("B01", 10), ("B02", 20), ("B03", 30)]


def test_pages_of_other_presses_are_no_figures() -> None:
    done = Done([Start("B01", 10, 20), Start("B02", 30, 40)])
    assert latencies(done, [("B01", 100), ("B02", 200)]) == ([80, 160], [90, 170])
    with pytest.raises(BenchError, match="not those of the presses"):
        latencies(done, [("B02", 100), ("B01", 200)])
