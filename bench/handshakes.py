"""How many boxes a second one mosquitto lets in: TLS handshakes with client certificates.

python -m bench.handshakes [--seconds 5] [--json]

P-256 keys and the settings of docs/mqtt.md; the other side is `openssl s_time`, which leaves as
soon as the handshake is over. `broker_cpu_ms` is the one to reckon with: the broker's handshakes
are all made by one thread.
"""

import argparse
import asyncio
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

from bench.common import BenchError, print_report
from bench.proc import processor_s
from gateway.simulator.mosquitto import BrokerTls, Mosquitto

_COUNTED: Final = re.compile(r"(\d+) connections in (\d+) real seconds")
_CURVE: Final = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")


def _certificate(place: Path, name: str, *more: str) -> None:
    """A key and a certificate for this machine, good for a day."""
    files = ("-keyout", f"{place / name}.key", "-out", f"{place / name}.pem")
    words = ["openssl", "req", "-x509", *_CURVE, "-days", "1", "-subj", f"/CN={name}", *files]
    subprocess.run([*words, *more], check=True, capture_output=True)


async def measure(place: Path, seconds: int) -> dict[str, Any]:
    """Handshakes a second, and the broker's processor time for one.

    Raises:
        BenchError: openssl did not get through.
    """
    ca = place / "ca.pem"
    await asyncio.to_thread(_certificate, place, "ca")
    for name in ("broker", "box-1"):
        signed = ("-CA", str(ca), "-CAkey", str(place / "ca.key"))
        await asyncio.to_thread(_certificate, place, name, *signed)
    tls = BrokerTls(ca, place / "broker.pem", place / "broker.key")
    async with Mosquitto(place / "broker", {}, tls=tls) as broker:
        words = ["openssl", "s_time", "-connect", f"127.0.0.1:{broker.port}", "-new"]
        words += ["-time", str(seconds), "-CAfile", str(ca)]
        words += ["-cert", str(place / "box-1.pem"), "-key", str(place / "box-1.key")]
        before_s = processor_s(broker.pid)
        done = await asyncio.to_thread(
            subprocess.run, words, capture_output=True, text=True, check=False
        )
        used_s = processor_s(broker.pid) - before_s
    counted = _COUNTED.search(done.stdout)
    if counted is None or not int(counted[1]):
        raise BenchError(f"no handshake: {done.stdout}{done.stderr}")
    count, took_s = int(counted[1]), int(counted[2])
    return {
        "handshakes": count,
        "handshakes_per_s": round(count / took_s),
        "broker_cpu_ms": round(1000 * used_s / count, 3),
    }


def main(arguments: list[str] | None = None) -> int:
    """Run it; 0 if there was something to count."""
    parser = argparse.ArgumentParser(prog="python -m bench.handshakes", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one line of JSON at the end")
    parser.add_argument("--seconds", type=int, default=5)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="achivx-bench-") as directory:
        try:
            report = asyncio.run(measure(Path(directory), options.seconds))
        except BenchError as error:
            print(error, file=sys.stderr)
            return 1
    print_report(report, as_json=options.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
