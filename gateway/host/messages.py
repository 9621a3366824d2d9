"""What is said on the control socket about the box itself: its clock, network, updates, restart."""

from typing import ClassVar

import msgspec

from gateway.host.verbs import Stick
from gateway.model import Role
from gateway.request import Done, Request

# --- answers ---------------------------------------------------------------------------------


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """The slow thing that was asked for last: an update that is looked at, or a Wi-Fi.

    Attributes:
        name: `update` or `wifi`; empty: none since the gateway started.
        running: Whether it is under way.
        code: Why it was not done; empty while it runs, and when it was.
        words: The same for a person.
    """

    name: str = ""
    running: bool = False
    code: str = ""
    words: str = ""


class HostView(msgspec.Struct, frozen=True, kw_only=True):
    """What the gateway can have done to the box.

    Attributes:
        is_there: Whether the box has a host that does such things.
        sticks: The USB sticks in it.
        on_trial: The release that is on trial; empty: none.
        latest: The release of the latest update; empty: there was none.
        kept: Whether that one was kept; `why` says why not.
    """

    is_there: bool
    sticks: tuple[Stick, ...]
    job: Job
    on_trial: str
    latest: str
    kept: bool
    why: str


# --- requests --------------------------------------------------------------------------------


class GetHost(Request[HostView], frozen=True, tag="host"):
    """What the gateway can have done to the box, and how the latest of it went."""

    needs: ClassVar[Role | None] = Role.OWNER


class SetBoxClock(Request[Done], frozen=True, tag="set_clock"):
    """Set the time, Unix seconds; refused while it comes from the network."""

    needs: ClassVar[Role | None] = Role.OWNER
    unix_s: float


class SetBoxName(Request[Done], frozen=True, tag="set_box_name"):
    """Name the box: the page is at NAME.local."""

    needs: ClassVar[Role | None] = Role.OWNER
    name: str


class SetBoxWifi(Request[Done], frozen=True, tag="set_box_wifi"):
    """Begin to join a Wi-Fi; `GetHost` tells how it went. No password: an open one."""

    needs: ClassVar[Role | None] = Role.OWNER
    ssid: str
    password: str = ""


class SetAccessPoint(Request[Done], frozen=True, tag="set_access_point"):
    """Open or close the set-up access point."""

    needs: ClassVar[Role | None] = Role.OWNER
    is_open: bool


class ApplyUpdate(Request[Done], frozen=True, tag="apply_update"):
    """Begin to apply a file that was sent, or a bundle on a stick; `GetHost` tells how it went."""

    needs: ClassVar[Role | None] = Role.OWNER
    file: str = ""
    stick: str = ""
    allow_older: bool = False


class BackupToStick(Request[Done], frozen=True, tag="backup_to_stick"):
    """Write a backup that was made onto a stick; then it can be pulled out.

    `file` and `name` are those of the answer to `MakeBackup`; what was made is not kept.
    """

    needs: ClassVar[Role | None] = Role.OWNER
    file: str
    name: str
    stick: str


class BackupFromStick(Request[str], frozen=True, tag="backup_from_stick"):
    """Take a backup, `STICK/FILE`, off a stick; the answer is its id, for `Restore`."""

    needs: ClassVar[Role | None] = Role.OWNER
    name: str


class RestartBox(Request[Done], frozen=True, tag="restart_box"):
    """Reboot the box: half a minute without pages."""

    needs: ClassVar[Role | None] = Role.OWNER


class FactoryReset(Request[Done], frozen=True, tag="factory_reset"):
    """Forget everything: settings, people, journal. `device` is the box's id, to be sure."""

    needs: ClassVar[Role | None] = Role.OWNER
    device: str


AnyHostRequest = (
    GetHost
    | SetBoxClock
    | SetBoxName
    | SetBoxWifi
    | SetAccessPoint
    | ApplyUpdate
    | BackupToStick
    | BackupFromStick
    | RestartBox
    | FactoryReset
)
