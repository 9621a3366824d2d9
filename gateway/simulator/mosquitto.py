"""A real MQTT broker for tests: Debian's mosquitto, with its own users, rules and files."""

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import msgspec

from gateway.errors import CannotStart

ACL: Final = """\
user bridge
topic read achivx/v1/+/events
topic write achivx/v1/+/ack
topic read achivx/v1/+/ask
topic write achivx/v1/+/told

user office
topic readwrite achivx/v1/#

pattern write achivx/v1/%u/events
pattern write achivx/v1/%u/state
pattern write achivx/v1/%u/ask
pattern read achivx/v1/%u/told
pattern read achivx/v1/%u/ack
pattern read achivx/v1/%u/config
pattern read achivx/v1/%u/command
"""
"""Who may do what, as docs/mqtt.md has it; `office` is whoever looks at all boxes."""


class BrokerTls(msgspec.Struct, frozen=True):
    """PEM files. Clients must show a certificate, and its common name is their username."""

    ca: Path
    certificate: Path
    key: Path


class Mosquitto:
    """The broker; use it as `async with`.

    Args:
        directory: For everything it keeps.
        users: Names and passwords.
        acl: Its ACL file.
        tls: None: plaintext.
        options: More lines of its configuration.

    Attributes:
        port: Where it listens; the same after a restart.
    """

    def __init__(
        self,
        directory: Path,
        users: Mapping[str, str],
        *,
        acl: str = ACL,
        tls: BrokerTls | None = None,
        options: str = "",
    ) -> None:
        self.port: Final = _free_port()
        self._directory: Final = directory
        self._process: asyncio.subprocess.Process | None = None
        self._listening: asyncio.Task[None] | None = None
        directory.mkdir(parents=True, exist_ok=True)
        self._write(users, acl, tls, options)

    @property
    def pid(self) -> int:
        """Its process id, 0 while it does not run."""
        return 0 if self._process is None else self._process.pid

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.kill()

    async def start(self) -> None:
        """Start it, with what it kept of before; returns when it listens.

        Raises:
            CannotStart: It ended instead; with its words.
        """
        self._process = process = await asyncio.create_subprocess_exec(
            "/usr/sbin/mosquitto",
            "-c",
            str(self._directory / "mosquitto.conf"),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
        words = b""
        stderr = process.stderr
        while stderr is not None and b" running" not in (line := await stderr.readline()):
            words += line
            if not line:
                await process.wait()
                raise CannotStart(f"mosquitto did not start: {words.decode(errors='replace')}")
        self._listening = asyncio.create_task(_read_on(stderr))

    async def stop(self) -> None:
        """Stop it as systemd does: sessions and retained messages are kept."""
        await self._end(signal.SIGTERM)

    async def kill(self) -> None:
        """Kill it: what had not been written is lost."""
        await self._end(signal.SIGKILL)

    def forget(self) -> None:
        """Lose every session and retained message, while it is not running."""
        (self._directory / "mosquitto.db").unlink(missing_ok=True)

    def freeze(self) -> None:
        """Stand still; the kernel goes on taking its connections."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Go on."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(number)

    async def _end(self, number: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(number)
        await process.wait()
        if self._listening is not None:
            await self._listening

    def _write(
        self, users: Mapping[str, str], acl: str, tls: BrokerTls | None, options: str
    ) -> None:
        passwords = self._directory / "passwords"
        passwords.touch(mode=0o600)
        for name, password in users.items():
            subprocess.run(
                ["mosquitto_passwd", "-b", str(passwords), name, password],
                check=True,
                capture_output=True,
            )
        rules = self._directory / "acl"
        rules.write_text(acl)
        lines = [
            f"listener {self.port} 127.0.0.1",
            "allow_anonymous false",
            f"acl_file {rules}",
            "persistence true",
            f"persistence_location {self._directory}/",
            "log_dest stderr",
            options,
        ]
        if os.geteuid() == 0:
            lines.append("user root")  # else it becomes a user that cannot read these files
        if tls is None:
            lines.append(f"password_file {passwords}")
        else:
            lines += [
                f"cafile {tls.ca}",
                f"certfile {tls.certificate}",
                f"keyfile {tls.key}",
                "require_certificate true",
                "use_identity_as_username true",
            ]
        (self._directory / "mosquitto.conf").write_text("\n".join(lines) + "\n")


async def _read_on(stderr: asyncio.StreamReader | None) -> None:
    """Keep its pipe from filling up."""
    while stderr is not None and await stderr.readline():
        pass


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
