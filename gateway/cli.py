"""`achivx-gateway`: the daemon and everything that can be asked of it from a shell.

Exit codes: 0 it was done, 1 it was not and one line on stderr says why, 2 the words of the command
line are wrong.
"""

import argparse
import contextlib
import os
import sys
from collections.abc import Sequence

from gateway import __version__
from gateway.commands import (
    ask,
    backup,
    box,
    bridge,
    cases,
    encode,
    host,
    insights,
    pages,
    replay,
    rewards,
)
from gateway.errors import GatewayError

_GROUPS = (box, backup, pages, ask, cases, rewards, insights, replay, host, encode, bridge)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code."""
    options = _parser().parse_args(arguments)
    try:
        code: int = options.command(options)
        sys.stdout.flush()
    except GatewayError as error:
        print(f"achivx-gateway: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:
        # Whoever read our output has seen enough; Python's own last flush must not complain.
        with contextlib.suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        return 130
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="achivx-gateway",
        description="Loyalty buttons, wrist pagers and rewards of one shop.",
        epilog="Every command has --help of its own.",
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for group in _GROUPS:
        group.add_to(commands)
    return parser
