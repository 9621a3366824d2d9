"""The bridge's command: it runs centrally, beside the ACHIVX server, not in a shop."""

import argparse
import asyncio
from pathlib import Path
from typing import Final

from gateway import logs
from gateway.commands.common import Commands

DEFAULT_CONFIG: Final = "/etc/achivx-gateway/bridge.toml"


def add_to(commands: Commands) -> None:
    """Add it."""
    bridge = commands.add_parser(
        "bridge",
        help="take all shops' batches from the broker to the ACHIVX server",
        description="Take all shops' batches from the broker to the ACHIVX server, until SIGTERM."
        " Any number may run. Under systemd: Type=notify.",
    )
    bridge.add_argument(
        "--config",
        type=Path,
        default=Path(DEFAULT_CONFIG),
        metavar="FILE",
        help=f"the bridge's settings (default {DEFAULT_CONFIG})",
    )
    bridge.add_argument("--check", action="store_true", help="only check the settings")
    bridge.set_defaults(command=_bridge)


def _bridge(options: argparse.Namespace) -> int:
    # It brings grpcio, which a shop's box may not even have.
    from gateway.sync import bridge_app, bridge_config  # noqa: PLC0415

    config = bridge_config.load(options.config)
    if options.check:
        print(f"{options.config}: good: {len(config.devices)} entries of [[devices]]")
        return 0
    logs.set_up()
    asyncio.run(bridge_app.run(config))
    return 0
