"""The idle benchmark runs the real daemon and tells Linux's figures of it."""

import json

import pytest

from bench import idle


def test_short_watch_tells_every_figure(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(idle, "SETTLE_S", 0.0)
    code = idle.main(["--json", "--seconds", "0.2"])
    report = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert report["rss_mb"] >= report["pss_mb"] > 0
    assert report["threads"] >= 3  # the loop's, the journal's, the transmitter's
    assert {"processor_share", "bytes_to_disk", "bytes_written", "write_calls"} <= report.keys()
    assert 0 < report["ready_s"] < 60
    assert len(report["reached"]) == 4
    assert code == (0 if all(report["reached"].values()) else 1)
