"""Commands on the box itself, on an appliance: update, clock, network, restart, factory reset."""

import argparse
import getpass
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from gateway.client import Client
from gateway.commands.carry import send
from gateway.commands.common import Commands, add_command, add_json, gateway, print_json
from gateway.errors import CannotStart, Refused
from gateway.host.messages import (
    ApplyUpdate,
    FactoryReset,
    GetHost,
    HostView,
    RestartBox,
    SetAccessPoint,
    SetBoxClock,
    SetBoxName,
    SetBoxWifi,
)
from gateway.host.verbs import Stick
from gateway.transfer.messages import Purpose

LOOK_S: Final = 1.0


def add_to(commands: Commands) -> None:
    """Add them."""
    update = add_command(
        commands,
        "update",
        _update,
        "update an appliance with a signed bundle",
        details="Its trial follows by itself; `host` tells how it went.",
    )
    where = update.add_mutually_exclusive_group(required=True)
    where.add_argument("file", nargs="?", type=Path, metavar="FILE", help="a file of this machine")
    where.add_argument("--stick", metavar="NAME", help="a bundle on a USB stick, from `host`")
    update.add_argument("--allow-older", action="store_true", help="also an older version")
    add_json(
        add_command(
            commands, "host", _host, "show what is on USB sticks, and how the latest update went"
        )
    )
    add_command(commands, "restart-box", _restart, "restart an appliance: pages wait meanwhile")
    reset = add_command(
        commands,
        "factory-reset",
        _factory_reset,
        "forget settings, people and journal of an appliance",
    )
    reset.add_argument("device", metavar="ID", help="the box's id, to be sure")
    clock = add_command(
        commands, "set-clock", _set_clock, "set an appliance's clock where no network does"
    )
    clock.add_argument("time", metavar="TIME", help="e.g. 2026-11-22T10:00+03:00; else UTC")
    name = add_command(commands, "box-name", _name, "name an appliance: the page is at NAME.local")
    name.add_argument("name", metavar="NAME", help="a-z, 0-9 and -")
    wifi = add_command(
        commands,
        "wifi",
        _wifi,
        "join an appliance to a Wi-Fi",
        details="Reads its password from the terminal or stdin; none: an open network.",
    )
    wifi.add_argument("ssid", metavar="SSID")
    point = add_command(
        commands, "access-point", _access_point, "open or close the set-up access point"
    )
    point.add_argument("do", choices=("open", "close"))


def _update(options: argparse.Namespace) -> int:
    with gateway(options) as client:
        file = send(client, options.file, Purpose.UPDATE) if options.file is not None else ""
        wish = ApplyUpdate(file=file, stick=options.stick or "", allow_older=options.allow_older)
        client.call(wish)
        view = _finished(client)
    print(f"good: {view.on_trial or view.latest} is on trial; `achivx-gateway host` tells more")
    return 0


def _finished(client: Client) -> HostView:
    """Wait for the slow thing that was begun.

    Raises:
        Refused: It was not done, and why.
    """
    while (view := client.call(GetHost())).job.running:
        time.sleep(LOOK_S)
    if view.job.code:
        raise Refused(view.job.code, view.job.words)
    return view


def _host(options: argparse.Namespace) -> int:
    with gateway(options) as client:
        view = client.call(GetHost())
    if options.json:
        print_json(view)
    else:
        print("\n".join(_lines(view)))
    return 0


def _lines(view: HostView) -> list[str]:
    if not view.is_there:
        return ["this machine is no appliance: update it with scripts/install"]
    lines = [line for stick in view.sticks for line in _stick_lines(stick)]
    if view.on_trial:
        lines.append(f"on trial     {view.on_trial}")
    if view.latest:
        kept = "kept" if view.kept else f"put back: {view.why}"
        lines.append(f"latest       {view.latest}: {kept}")
    if view.job.name:
        how = "under way" if view.job.running else view.job.words or "done"
        lines.append(f"{view.job.name:<12} {how}")
    return lines or ["no update was ever applied, and there is no USB stick"]


def _stick_lines(stick: Stick) -> list[str]:
    label = f" ({stick.label})" if stick.label else ""
    lines = [f"USB stick    {stick.name}{label}: {stick.free // 2**20} MiB free"]
    for update in stick.updates:
        version = f", version {update.version}" if update.version else ""
        lines.append(f"  update     {update.name}{version}")
    return lines + [f"  backup     {each.name}, {each.bytes} bytes" for each in stick.backups]


def _restart(options: argparse.Namespace) -> int:
    with gateway(options) as client:
        client.call(RestartBox())
    print("the box restarts")
    return 0


def _factory_reset(options: argparse.Namespace) -> int:
    with gateway(options) as client:
        client.call(FactoryReset(device=options.device))
    print("the box forgets everything and restarts")
    return 0


def _set_clock(options: argparse.Namespace) -> int:
    try:
        moment = datetime.fromisoformat(options.time)
    except ValueError as error:
        raise CannotStart(f"{options.time} is no time, as 2026-11-22T10:00+03:00 is") from error
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    with gateway(options) as client:
        client.call(SetBoxClock(unix_s=moment.timestamp()))
    print(f"the box's clock is set: {moment.astimezone(UTC).isoformat()}")
    return 0


def _name(options: argparse.Namespace) -> int:
    with gateway(options) as client:
        client.call(SetBoxName(name=options.name))
    print(f"the page is at {options.name}.local")
    return 0


def _wifi(options: argparse.Namespace) -> int:
    if sys.stdin.isatty():
        password = getpass.getpass(f"password of {options.ssid}: ")
    else:
        password = sys.stdin.readline().rstrip("\n")
    with gateway(options) as client:
        client.call(SetBoxWifi(ssid=options.ssid, password=password))
        _finished(client)
    print(f"the box is in {options.ssid}")
    return 0


def _access_point(options: argparse.Namespace) -> int:
    with gateway(options) as client:
        client.call(SetAccessPoint(is_open=options.do == "open"))
        _finished(client)
    print("the access point is " + ("open" if options.do == "open" else "closed"))
    return 0
