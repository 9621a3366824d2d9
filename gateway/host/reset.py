"""A factory reset: all that the box knows of its shop is forgotten, and it starts as a new one.

Run by achivx-reset.service whenever the gateway has left its mark, which goes last: a power cut in
the middle ends in a reset that is done again. The next start makes the box a new identity
(achivx-provision.service).
"""

import contextlib
import secrets
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from gateway import logs
from gateway.files import sync_directory, write_atomic
from gateway.host.trial import Run, run

RESET_MARK: Final = "factory-reset-requested"
"""The file in the gateway's state directory that asks for it."""
STOP_S: Final = 60.0
STATE: Final = "var/lib/achivx-gateway"
EXAMPLE: Final = "opt/achivx-gateway/current/docs/gateway.example.toml"
EMPTIED: Final = (
    "etc/achivx-gateway",
    "etc/NetworkManager/system-connections",
    "etc/achivx-firewall.d",
    "var/lib/achivx-webui",
    "data/ssh",
)
"""Directories that are emptied; they stay, with their owners."""
REMOVED: Final = ("etc/credstore/achivx-token", "data/device-id", "data/hostname")
KEPT: Final = frozenset({"claim.code"})
"""Of the state directory. With the access point's password it is what the box's label says."""
_UNITS: Final = ("achivx-gateway.service", "achivx-webui.service")


def forget(root: Path, run: Run) -> None:
    """Stop the gateway, forget, and reboot; without the mark nothing happens.

    Raises:
        OSError: Something cannot be taken away: the mark stays, and so does the request.
    """
    state = root / STATE
    mark = state / RESET_MARK
    if not mark.exists():
        return
    run(["systemctl", "stop", *_UNITS], STOP_S)
    for place in EMPTIED:
        _remove_all((root / place).iterdir() if (root / place).is_dir() else ())
    for name in REMOVED:
        (root / name).unlink(missing_ok=True)
    _remove_all(path for path in state.iterdir() if path != mark and path.name not in KEPT)
    _begin_settings(root)
    for place in ("etc/achivx-gateway", STATE):
        with contextlib.suppress(FileNotFoundError):
            sync_directory(root / place)
    mark.unlink()
    sync_directory(state)
    run(["systemctl", "--no-block", "reboot"], STOP_S)


def _begin_settings(root: Path) -> None:
    """Settings to begin with; on a card achivx-provision.service makes them."""
    if (root / "data").is_dir():
        return
    example = (root / EXAMPLE).read_text("utf-8")
    device = f'id = "box-{secrets.token_hex(4)}"'
    text = example.replace('id = "cafe-1"', device, 1)
    # The directory gives its group, achivx-admin, which the gateway is in.
    write_atomic(root / "etc/achivx-gateway/gateway.toml", text.encode(), mode=0o640)


def _remove_all(paths: Iterable[Path]) -> None:
    for path in list(paths):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def main() -> int:
    """Do what the mark asks for."""
    logs.set_up()
    try:
        forget(Path("/"), run)
    except OSError as error:
        logs.log.error("the factory reset could not be done: %s", error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
