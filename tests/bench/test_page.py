"""The page's benchmark asks the real page and tells every figure. No times are judged."""

import json

import pytest

from bench import page


def test_tiny_run_tells_every_figure(capsys: pytest.CaptureFixture[str]) -> None:
    code = page.main(["--json", "--requests", "3", "--presses", "2"])
    report = json.loads(capsys.readouterr().out.splitlines()[-1])
    for boards in ("boards0", "boards8", "boards20"):
        for what in ("board", "fragment", "bare"):
            assert 0 < report[boards][what]["p50_ms"] <= report[boards][what]["p95_ms"]
    for name in ("boards20_p95_ms", "over_bare_flask_p95", "press_to_card_p95_ms"):
        assert report[name] > 0
    assert 0 < report["heaviest_page_kb"] < report["heaviest_page_raw_kb"]
    assert 20 < report["rss_mb"] < 200
    assert code == (0 if all(report["reached"].values()) else 1)
