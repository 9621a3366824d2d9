"""The journal as JSON lines."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.clock import Stamp
from gateway.errors import JournalError
from gateway.events import Started
from gateway.journal.export import export_lines
from gateway.journal.store import Journal

Open = Callable[..., Journal]


def test_one_line_a_record_while_the_daemon_writes(journal: Journal, at: Stamp) -> None:
    records = [journal.append(Started(version=f"1.{number}"), at) for number in range(3)]
    ids = [each.result(10).id for each in records]
    lines = [json.loads(line) for line in export_lines(journal.path)]
    assert [line["id"] for line in lines] == ids
    assert [line["event"] for line in lines] == [
        {"type": "started", "version": f"1.{number}"} for number in range(3)
    ]
    assert lines[0]["at"]["wall_ns"] == at.wall_ns
    assert [json.loads(line)["seq"] for line in export_lines(journal.path, 2)] == [3]
    assert journal.append(Started(version="2"), at).result(10).seq == 4


def test_a_closed_journal_is_read_too(open_journal: Open, at: Stamp) -> None:
    journal = open_journal()
    journal.append(Started(version="1"), at)
    journal.close()
    assert len(list(export_lines(journal.path))) == 1


@pytest.mark.parametrize("text", [None, b"", os.urandom(5000)])
def test_what_is_no_journal_is_said(tmp_path: Path, text: bytes | None) -> None:
    path = tmp_path / "journal.db"
    if text is not None:
        path.write_bytes(text)
    with pytest.raises(JournalError, match=f"cannot read the journal {path}"):
        list(export_lines(path))
