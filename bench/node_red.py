"""Node-RED, the named peer: installed from npm once, started with a flow that does what ours does.

An event comes in over TCP, a function makes the same frame of it, a serial node writes it. Under
load each event is also appended to a file and told to the open event streams, and a drain sends
batches of 64 to the same server one after another, no faster than ours, its position kept in a
file. Its events are in memory, and nothing is ever forced to disk by Node-RED, so that a stalled
disk does not stall it: both are to its favour.
"""

import contextlib
import hashlib
import os
import shutil
import socket
import subprocess
from pathlib import Path
from typing import Final

import msgspec

from bench.common import BenchError, Child, until

_FILES: Final = Path(__file__).with_name("node_red")
_INSTALL_S: Final = 600


def default_cache() -> Path:
    """Where Node-RED is kept between runs: a directory for each lock."""
    root = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    lock = (_FILES / "package-lock.json").read_bytes()
    return root / "achivx-store-gateway" / f"node-red-{hashlib.sha256(lock).hexdigest()[:12]}"


def install(cache: Path) -> None:
    """Install what the lock says, unless it is there already.

    Raises:
        BenchError: npm is missing or does not reach its registry; in a sentence.
    """
    done = cache / "installed"
    if done.exists():
        return
    cache.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(_FILES / name, cache)
    # No scripts are run: the serial port's binaries are in its package.
    words = ("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
    try:
        subprocess.run(words, cwd=cache, check=True, capture_output=True, timeout=_INSTALL_S)
    except FileNotFoundError as error:
        raise BenchError("Node-RED cannot be installed: there is no npm here") from error
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        words_heard = (error.stderr or b"").decode(errors="replace").strip().splitlines()
        reason = next((line for line in words_heard if "error" in line), "npm gave no reason")
        raise BenchError(f"Node-RED cannot be installed: {reason}") from error
    done.touch()


def version(cache: Path) -> str:
    """Which Node-RED, on which Node.js."""

    class Package(msgspec.Struct):
        version: str

    text = (cache / "node_modules" / "node-red" / "package.json").read_bytes()
    node = subprocess.run(("node", "--version"), check=True, capture_output=True, text=True)
    return f"{msgspec.json.decode(text, type=Package).version} on Node.js {node.stdout.strip()}"


class NodeRed(Child):
    """Node-RED with the benchmark's flow.

    Args:
        cache: Where it is installed.
        directory: For everything it keeps.
        serial: The port to write to.
        server_port: Where the drain delivers.
        events: How many events there are to drain.
    """

    def __init__(
        self, cache: Path, directory: Path, *, serial: str, server_port: int, events: int
    ) -> None:
        self.tcp_port: Final = _free_port()
        self.http_port: Final = _free_port()
        self._serial: Final = serial
        directory.mkdir()
        flow = shutil.copy(_FILES / "flow.json", directory)
        env = {
            "BENCH_SERIAL": serial,
            "BENCH_TCP_PORT": str(self.tcp_port),
            "BENCH_HTTP_PORT": str(self.http_port),
            "BENCH_SERVER_PORT": str(server_port),
            "BENCH_DIRECTORY": str(directory),
            "BENCH_EVENTS": str(events),
            "BENCH_FLOW": str(flow),
            "NODE_PATH": str(cache / "node_modules"),
        }
        script = cache / "node_modules" / "node-red" / "red.js"
        settings = _FILES / "settings.js"
        (directory / "node_modules").symlink_to(cache / "node_modules")
        shutil.copy(cache / "package.json", directory)
        words = ("node", str(script), "--userDir", str(directory), "--settings", str(settings))
        super().__init__(words, directory / "node-red.log", program=True, env=env)

    def until_open(self) -> None:
        """Return once it listens and holds its serial port.

        Raises:
            BenchError: It does not.
        """
        until(self._is_open, lambda: f"Node-RED has not opened its ports: {self.last_words()}")

    def _is_open(self) -> bool:
        self.check()
        held = Path(f"/proc/{self.pid}/fd")
        with contextlib.suppress(OSError):
            if self._serial in {str(each.readlink()) for each in held.iterdir()}:
                socket.create_connection(("127.0.0.1", self.tcp_port)).close()
                return True
        return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
