"""The counter's benchmark asks the real daemon and tells every figure. No times are judged."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from bench import counter


def test_tiny_run_tells_every_figure(capsys: pytest.CaptureFixture[str]) -> None:
    code = counter.main(["--json", "--events", "0,400", "--count", "25"])
    report = json.loads(capsys.readouterr().out.splitlines()[-1])
    for events in ("events_0", "events_400"):
        for what in ("issue", "redeem", "raw"):
            assert 0 < report[events][what]["p50_us"] <= report[events][what]["p99_us"]
    for name in ("issue_p50_over_raw_update", "redeem_p50_over_raw_update"):
        assert report[name] > 0
    assert report["p50_at_1e6_over_p50_at_0"] > 0
    assert code == (0 if all(report["reached"].values()) else 1)


def test_old_journals_hold_grants_too(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    counter.fill(path, 400)
    with closing(sqlite3.connect(path)) as connection:
        (events,) = connection.execute("SELECT count(*) FROM event").fetchone()
        states = connection.execute("SELECT state, count(*) FROM grants GROUP BY state").fetchall()
    assert events == 400
    assert dict(states) == {"issued": 10, "redeemed": 10}


def test_ratios_are_of_the_medians_and_the_worst_counts() -> None:
    def times(issue: int, redeem: int, raw: int) -> counter.Times:
        return {"issue": [issue] * 3, "redeem": [redeem] * 3, "raw": [raw] * 3}

    report = counter.summary({0: times(200, 100, 100), 9: times(300, 400, 100)})
    assert report["issue_p50_over_raw_update"] == 3.0
    assert report["redeem_p50_over_raw_update"] == 4.0
    assert report["p50_at_1e6_over_p50_at_0"] == 4.0
