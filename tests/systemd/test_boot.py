"""A real boot of the units in a container: half a minute, and a minute more for the first one.

Elsewhere than in CI it is a command of its own, `systemd/test-boot`.
"""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent


@pytest.mark.skipif("CI" not in os.environ, reason="systemd/test-boot does it by hand")
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can boot a system")
@pytest.mark.skipif(shutil.which("systemd-nspawn") is None, reason="systemd-nspawn is missing")
@pytest.mark.timeout(400)
def test_the_units_keep_their_promises() -> None:
    done = subprocess.run(
        [ROOT / "systemd/test-boot"], capture_output=True, text=True, check=False, timeout=380
    )
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-8000:]
    assert "all good" in done.stdout
