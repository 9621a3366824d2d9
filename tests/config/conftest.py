"""Settings on disk."""

from pathlib import Path

import pytest

from gateway.config.settings import Settings
from tests.config.settings_files import OLD


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "etc" / "gateway.toml"
    path.parent.mkdir()
    path.write_text(OLD)
    return path


@pytest.fixture
def settings(path: Path) -> Settings:
    settings = Settings(path)
    settings.load_or_last_good()
    return settings
