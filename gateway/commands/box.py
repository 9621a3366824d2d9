"""Commands about the box itself: run, check, status, export, staff."""

import argparse
import getpass
import sys
from pathlib import Path

from gateway import logs
from gateway.commands.common import (
    Commands,
    add_command,
    add_json,
    gateway,
    load,
    print_json,
)
from gateway.config import check
from gateway.config.check import format_problem
from gateway.config.settings import Settings
from gateway.errors import CannotStart, JournalError
from gateway.journal.export import export_lines
from gateway.messages import GetStatus, SetPin
from gateway.setup import claim
from gateway.status import Status


def add_to(commands: Commands) -> None:
    """Add them."""
    add_command(
        commands,
        "run",
        _run,
        "run the daemon until SIGTERM",
        details="Under systemd: Type=notify.",
    )
    add_command(
        commands,
        "check",
        _check,
        "check the settings and say everything that is wrong",
        details="Exits 1 when the gateway could not start on them.",
    )
    status = add_command(commands, "status", _status, "show every part of the box and its health")
    add_json(status)
    export = add_command(
        commands,
        "export",
        _export,
        "print the journal as JSON lines",
        details="Works while the daemon runs, and when it does not.",
    )
    export.add_argument("--after", type=int, default=0, metavar="SEQ", help="only later records")
    pin = add_command(
        commands, "pin", _pin, "give a person a PIN", details="Reads it from the terminal or stdin."
    )
    pin.add_argument("staff", metavar="NAME", help="a name of [[staff]]")
    add_command(
        commands,
        "claim-code",
        _claim_code,
        "print the code that makes somebody the owner of this box",
        details="It is on the box's label, and good for nothing once the box has an owner.",
    )


def _run(options: argparse.Namespace) -> int:
    logs.set_up()
    settings = Settings(options.config)
    loaded = settings.load_or_last_good()
    for problem in loaded.problems:
        logs.log.error("settings: %s", format_problem(problem))
    for warning in loaded.warnings:
        logs.log.warning("settings: %s", format_problem(warning))

    # The drivers and gpiozero take half a second to import: `check` need not wait for them.
    from gateway.setup import lives  # noqa: PLC0415

    lives.run(settings, loaded)
    return 0


def _claim_code(options: argparse.Namespace) -> int:
    state = Path(load(options.config).paths.state)
    try:
        print(claim.read(state))
    except OSError as error:
        raise CannotStart(
            f"no claim code can be read in {state} ({error.strerror}): the gateway makes it at its"
            " first start, for root and its own user"
        ) from error
    return 0


def _check(options: argparse.Namespace) -> int:
    try:
        text = options.config.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise CannotStart(f"{options.config} is not UTF-8 text: {error.reason}") from error
    except OSError as error:
        raise CannotStart(f"cannot read {options.config}: {error.strerror}") from error
    config, problems, warnings = check.check(text)
    for problem in problems:
        print(f"error: {format_problem(problem)}")
    for warning in warnings:
        print(f"warning: {format_problem(warning)}")
    if config is None:
        print(f"{options.config}: {len(problems)} to put right", file=sys.stderr)
        return 1
    print(
        f"{options.config}: good: {len(config.buttons)} buttons, {len(config.pagers)} pagers,"
        f" {len(config.transmitters)} transmitters"
    )
    return 0


def _status(options: argparse.Namespace) -> int:
    with gateway(options) as client:
        status = client.call(GetStatus())
    if options.json:
        print_json(status)
    else:
        print("\n".join(_lines(status)))
    return 0


def _lines(status: Status) -> list[str]:
    clock = status.clock
    journal, uplink, grants = status.journal, status.uplink, status.grants
    lines = [
        f"{status.device}  version {status.version}  up {clock.uptime_s:.0f} s",
        f"clock        {clock.wall}  {'synchronised' if clock.synced else 'NOT synchronised'}",
        f"journal      {journal.state}  seq {journal.last_seq}, waiting {journal.waiting}",
        f"disk         {journal.bytes // 1024} KiB used, {journal.free_bytes // 2**20} MiB free"
        + ("" if journal.days_left is None else f", room for {journal.days_left:.0f} days"),
        f"uplink       {uplink.kind}: {uplink.state}",
        f"synced       {uplink.cursor}, backlog {uplink.backlog}, set aside {uplink.quarantined}",
        f"open alerts  {status.open_alerts}",
        f"at stake     {grants.live} grants: cost {grants.cost:g}, tokens {grants.tokens:g}",
        (
            f"offline      {grants.spent:g} tokens spent that the server does not know of,"
            f" {grants.spendable:g} more may be"
        ),
        (
            f"misuse       {grants.overrides} granted against its signs,"
            f" alerts: {grants.misuses} misuse, {grants.false_alarms} false alarms"
        ),
    ]
    lines += [
        f"transmitter  {each.name} ({each.driver}, {each.port}): {each.state}"
        f"  sent {each.sent}, queued {each.queued}"
        for each in status.transmitters
    ]
    lines += [
        f"button       {each.name} ({each.kind}, {each.zone}, GPIO{each.pin}): {each.state}"
        f"  {each.presses} presses, {each.flagged} flagged"
        for each in status.buttons
    ]
    lines += [f"FAULT        {fault}" for fault in status.faults] or ["no faults"]
    return lines


def _export(options: argparse.Namespace) -> int:
    path = load(options.config).paths.journal
    if not path.exists():
        raise JournalError(f"there is no journal at {path}")
    for line in export_lines(path, options.after):
        print(line)
    return 0


def _pin(options: argparse.Namespace) -> int:
    if sys.stdin.isatty():
        pin = getpass.getpass(f"new PIN of {options.staff}: ")
        if pin != getpass.getpass("once more: "):
            raise CannotStart("the two PINs differ: nothing was changed")
    else:
        pin = sys.stdin.readline().strip()
    with gateway(options) as client:
        client.call(SetPin(staff=options.staff, pin=pin))
    print(f"{options.staff} has a new PIN")
    return 0
