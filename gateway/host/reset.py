"""A factory reset: all that the box knows of its shop is forgotten, and it starts as a new one.

Run by achivx-reset.service whenever the gateway has left its mark, which goes last: a power cut in
the middle ends in a reset that is done again. The next start makes the box a new identity
(achivx-provision.service); what the box's label says stays true.
"""

import contextlib
import secrets
import shutil
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from gateway import logs
from gateway.files import sync_directory, write_atomic
from gateway.host.trial import Run, run

RESET_MARK: Final = "factory-reset-requested"
"""The file in the gateway's state directory that asks for it."""
STOP_S: Final = 60.0
STATE: Final = "var/lib/achivx-gateway"
DATA: Final = "data"
"""The card's partition for what lasts; another machine has none."""
LABEL_NAME: Final = "label-name"
"""There: the name that is on the box's label, whatever the shop has named it since."""
EXAMPLE: Final = "opt/achivx-gateway/current/docs/gateway.example.toml"
SHOPS: Final[Mapping[str, frozenset[str]]] = {
    "etc/achivx-gateway": frozenset(),
    "etc/achivx-firewall.d": frozenset(),
    "etc/achivx-host": frozenset({"update.pem"}),
    "etc/credstore": frozenset({"achivx-setup-wifi"}),
    "etc/NetworkManager/system-connections": frozenset(),
    STATE: frozenset({"claim.code", RESET_MARK}),
    "var/lib/achivx-webui": frozenset(),
    "var/lib/private/achivx-backup": frozenset(),
    "var/lib/NetworkManager": frozenset(),
    "var/log/journal": frozenset(),
    "data/ssh": frozenset(),
}
"""Directories of the shop, and what in them is the box's own: its label, whose updates it takes.

All else in them goes; they themselves stay, with their owners.
"""
BOXES: Final = frozenset({"var/lib/systemd/timers", "var/lib/systemd/timesync"})
"""What lasts beside these and says nothing of a shop. What lasts is in the one or the other."""
_STARTERS: Final = (
    "achivx-trial.path",
    "achivx-trial.service",
    "achivx-host.socket",
    "achivx-host@*.service",
    "achivx-access-point.service",
)
"""Root's own, which would start a writer again, or put a Wi-Fi's profile back that is just gone."""
_WRITERS: Final = (
    "achivx-gateway.service",
    "achivx-webui.service",
    "achivx-backup.service",
    "NetworkManager.service",
)
"""They would write again what has just gone."""


def forget(root: Path, run: Run) -> None:
    """Stop the gateway, forget, and reboot; without the mark nothing happens.

    Raises:
        OSError: Something cannot be taken away: the mark stays, and so does the request.
    """
    state = root / STATE
    mark = state / RESET_MARK
    if not mark.exists():
        return
    for units in (_STARTERS, _WRITERS):
        run(["systemctl", "stop", *units], STOP_S)
    # From here on the system's log is kept in memory.
    run(["journalctl", "--relinquish-var"], STOP_S)
    for place, kept in SHOPS.items():
        paths = (root / place).iterdir() if (root / place).is_dir() else ()
        _remove_all(path for path in paths if path.name not in kept)
    if (root / DATA).is_dir():
        _name_as_new(root / DATA)
    else:
        _begin_settings(root)
    for place in SHOPS:
        with contextlib.suppress(FileNotFoundError):
            sync_directory(root / place)
    mark.unlink()
    sync_directory(state)
    run(["systemctl", "--no-block", "reboot"], STOP_S)


def _name_as_new(data: Path) -> None:
    """The label's name again, where it has one; the id is made at the next start."""
    (data / "device-id").unlink(missing_ok=True)
    if (data / LABEL_NAME).exists():
        write_atomic(data / "hostname", (data / LABEL_NAME).read_bytes(), mode=0o644)
    else:
        (data / "hostname").unlink(missing_ok=True)


def _begin_settings(root: Path) -> None:
    """Settings to begin with; on a card achivx-provision.service makes them."""
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
