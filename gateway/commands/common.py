"""What the commands share: the configuration, the control socket, and how things are printed."""

import argparse
import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import msgspec

from gateway.client import Client
from gateway.config import DEFAULT_CONFIG, Config, check
from gateway.config.check import ConfigError

Commands = Any
"""argparse has no public name for what `add_subparsers` returns."""
Run = Callable[[argparse.Namespace], int]

WAIT_S: Final = 90.0
"""The longest a command waits for its answer: a page may take a minute to have its receipt."""


def add_command(
    commands: Commands, name: str, run: Run, help_text: str, *, details: str = ""
) -> argparse.ArgumentParser:
    """Add one command with `--config`."""
    description = f"{help_text[0].upper()}{help_text[1:]}. {details}".strip()
    parser: argparse.ArgumentParser = commands.add_parser(
        name, help=help_text, description=description
    )
    parser.add_argument(
        "--config",
        type=Path,
        default=Path(DEFAULT_CONFIG),
        metavar="FILE",
        help=f"the settings (default {DEFAULT_CONFIG})",
    )
    parser.set_defaults(command=run)
    return parser


def add_json(parser: argparse.ArgumentParser) -> None:
    """Add `--json`."""
    parser.add_argument("--json", action="store_true", help="print one JSON value")


def load(path: Path) -> Config:
    """The settings.

    Raises:
        ConfigError: They cannot be used.
    """
    return check.load(path)


def control_socket(path: Path) -> Path:
    """Where the gateway of these settings listens.

    A gateway that found its file broken runs on the last good one: then that names the socket.

    Raises:
        ConfigError: Neither can be used.
    """
    try:
        config = load(path)
    except ConfigError:
        last_good = path.with_name(path.name + ".last-good")
        if not last_good.exists():
            raise
        config = load(last_good)
    return Path(config.paths.control_socket)


@contextlib.contextmanager
def gateway(options: argparse.Namespace) -> Iterator[Client]:
    """A connection to the running gateway.

    Raises:
        Unreachable: None runs.
        ConfigError: The settings cannot be used.
    """
    with Client(control_socket(options.config), timeout_s=WAIT_S) as client:
        yield client


def print_json(value: object) -> None:
    """Print one JSON value on one line."""
    print(msgspec.json.encode(value).decode())
