"""A grant desk on a real journal, for every test of this room that wants one."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.journal.store import Identity, Journal


@pytest.fixture
async def kept(tmp_path: Path) -> AsyncIterator[Journal]:
    """A journal that is open."""
    journal = Journal(tmp_path / "journal.db", Identity("box-1", "shop", 1), on_change=lambda: None)
    journal.start()
    yield journal
    journal.close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "grants.json"
