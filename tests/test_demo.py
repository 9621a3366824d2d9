"""`scripts/demo`'s program as its visitor runs it."""

import json
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

DEMO = (sys.executable, "-m", "gateway.simulator.demo")


def test_once_prints_every_hop() -> None:
    done = subprocess.run([*DEMO, "--once"], capture_output=True, text=True, timeout=30, check=True)
    for word in ("pressed", "page on the watch", "acknowledged", "resolved", "redeemed", "server"):
        assert word in done.stdout
    assert not done.stderr


def test_once_as_json() -> None:
    done = subprocess.run(
        [*DEMO, "--once", "--json"], capture_output=True, text=True, timeout=30, check=True
    )
    report = json.loads(done.stdout)
    assert report["press"]["verdicts"] == ["counted"]
    assert report["page"]["text"].startswith("exit: Very unhappy")
    assert report["page"]["receipt"] == "accepted"
    times = [report["page"]["ms"], report["acknowledged_ms"], report["sync"]["ms"]]
    assert times == sorted(times)
    assert report["grant"]["state"] == "redeemed"
    assert "RecoveryTokens" in {action["action"] for action in report["sync"]["actions"]}


def test_a_busy_port_is_one_sentence() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = subprocess.run(
            [*DEMO, "--port", str(port)], capture_output=True, text=True, timeout=30, check=False
        )
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert f"--port {port + 1}" in line


def test_the_page_opens_and_ctrl_c_leaves_nothing() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    # A session of its own, so that every process it leaves can be found.
    with subprocess.Popen(
        [*DEMO, "--port", str(port)], stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as demo:
        assert demo.stdout is not None
        while f"http://127.0.0.1:{port}/" not in (line := demo.stdout.readline()):
            assert line, "the demo ended"
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=10) as answer:
            page = answer.read().decode()
        assert "Very unhappy" in page
        children = _descendants(demo.pid)
        assert len(children) >= 2
        demo.send_signal(signal.SIGINT)
        assert demo.wait(15) == 0
        assert not [pid for pid in children if Path(f"/proc/{pid}").exists()]


def _descendants(pid: int) -> list[int]:
    found = []
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        found += [int(child), *_descendants(int(child))]
    return found
