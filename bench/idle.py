"""What the daemon costs while nothing happens, and how soon it is ready for that.

python -m bench.idle [--json] [--seconds 60] [--directory DIR]

The real `gateway run` on the settings that docs/gateway.example.toml shows, with simulated pins,
a TAP terminal on a pty, and no uplink, so that gRPC is never imported. Linux's own figures from
/proc (proc(5)).
"""

import argparse
import asyncio
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

import tomlkit

from bench.common import print_report
from bench.disk import take_directory
from gateway.errors import CannotStart
from gateway.simulator.children import Child
from gateway.simulator.tap_terminal import TapTerminal

READY_MOST_S: Final = 2.0
"""From the program's start until it tells systemd that it is ready."""
RSS_MOST_MB: Final = 45.0
PROCESSOR_MOST: Final = 0.005
SETTLE_S: Final = 5.0
"""What starting leaves to do: the journal's first commits, the grant cache's file."""

_EXAMPLE: Final = Path(__file__).parents[1] / "docs" / "gateway.example.toml"


async def measure(directory: Path, seconds: float) -> dict[str, Any]:
    """Start the daemon, leave it alone, and look what it did."""
    with TapTerminal(pagers={"0101", "0102"}) as terminal:
        config = directory / "gateway.toml"
        config.write_text(_settings(directory, terminal.port), encoding="utf-8")
        words = ("gateway", "run", "--config", str(config))
        began_s = time.monotonic()
        child = await Child.start("the gateway", words, directory / "gateway.log", ready=True)
        ready_s = round(time.monotonic() - began_s, 2)
        try:
            await asyncio.sleep(SETTLE_S)
            report = await _watch(Path(f"/proc/{child.process.pid}"), seconds)
            if child.process.returncode is not None:
                raise CannotStart(f"the gateway ended: {child.last_words()}")
        finally:
            await child.stop()
    return {"ready_s": ready_s} | report


async def _watch(proc: Path, seconds: float) -> dict[str, Any]:
    before, began_s = _used(proc), time.monotonic()
    await asyncio.sleep(seconds)
    after, took_s = _used(proc), time.monotonic() - began_s
    memory = _fields(proc / "smaps_rollup")
    return {
        "seconds": round(took_s, 1),
        "rss_mb": round(_fields(proc / "status")["VmRSS"] / 1024, 1),
        "pss_mb": round(memory["Pss"] / 1024, 1),
        "threads": _fields(proc / "status")["Threads"],
        "processor_share": round((after["cpu_s"] - before["cpu_s"]) / took_s, 5),
        "bytes_to_disk": round(after["write_bytes"] - before["write_bytes"]),
        "bytes_written": round(after["wchar"] - before["wchar"]),
        "write_calls": round(after["syscw"] - before["syscw"]),
    }


def _used(proc: Path) -> dict[str, float]:
    """Processor seconds so far, and what was written, in bytes and calls."""
    fields = (proc / "stat").read_text().rpartition(")")[2].split()
    ticks = int(fields[11]) + int(fields[12])
    return {"cpu_s": ticks / os.sysconf("SC_CLK_TCK"), **_fields(proc / "io")}


def _fields(file: Path) -> dict[str, int]:
    """The numbers of a `name: number` file of /proc; what counts kB is in kB."""
    found = {}
    for line in file.read_text().splitlines():
        name, _, value = line.partition(":")
        first = value.split()[:1]
        if first and first[0].isdigit():
            found[name] = int(first[0])
    return found


def _settings(directory: Path, port: str) -> str:
    """The example's settings, on simulated equipment."""
    example = tomlkit.parse(_EXAMPLE.read_text(encoding="utf-8"))
    paths = {"state": str(directory / "state"), "control_socket": str(directory / "control.sock")}
    settings: dict[str, Any] = example.unwrap()
    settings["paths"] = paths
    settings["inputs"]["simulated"] = True
    settings["transmitters"][0]["port"] = port
    settings["uplink"] = {"kind": "none"}
    return tomlkit.dumps(settings)


def main(arguments: list[str] | None = None) -> int:
    """Run the benchmark; 0 when all of it is reached."""
    parser = argparse.ArgumentParser(prog="python -m bench.idle", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one line of JSON at the end")
    parser.add_argument("--seconds", type=float, default=60.0, help="how long to watch")
    take_directory(parser)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="achivx-bench-", dir=options.directory) as directory:
        report = asyncio.run(measure(Path(directory), options.seconds))
    reached = {
        f"ready_s <= {READY_MOST_S:g}": report["ready_s"] <= READY_MOST_S,
        f"rss_mb <= {RSS_MOST_MB:g}": report["rss_mb"] <= RSS_MOST_MB,
        f"processor_share < {PROCESSOR_MOST:g}": report["processor_share"] < PROCESSOR_MOST,
        "bytes_to_disk == 0": report["bytes_to_disk"] == 0,
    }
    print_report(report | {"reached": reached}, as_json=options.json)
    return 0 if all(reached.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
