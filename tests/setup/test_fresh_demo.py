"""`scripts/demo --fresh` and `achivx-gateway claim-code`, as people run them."""

import re
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path


def test_the_demo_of_a_fresh_box_tells_its_code_and_leads_to_set_up() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = [sys.executable, "-m", "gateway.simulator.demo", "--fresh", "--port", str(port)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as demo:
        assert demo.stdout is not None
        said = ""
        while "closes it" not in said:
            line = demo.stdout.readline()
            assert line, "the demo ended"
            said += line
        assert re.search(r"claim code: +[0-9A-Z]{4}-[0-9A-Z]{4}\n", said)
        assert "1001" in said
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=10) as answer:
            assert answer.url.endswith("/setup")
            assert 'value="ru"' in answer.read().decode()
        demo.send_signal(signal.SIGINT)
        assert demo.wait(15) == 0


def claim_code(config: Path) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, "-m", "gateway", "claim-code", "--config", str(config)]
    return subprocess.run(words, capture_output=True, text=True, timeout=30, check=False)


def test_the_code_is_printed_for_who_may_read_it(tmp_path: Path) -> None:
    config = tmp_path / "gateway.toml"
    config.write_text(
        f'[device]\nid = "b"\n[shop]\nname = "s"\naccount = "a"\n[paths]\nstate = "{tmp_path}"\n'
    )
    missing = claim_code(config)
    assert missing.returncode == 1
    assert "at its first start" in missing.stderr
    (tmp_path / "claim.code").write_text("1A0B2C3D\n")
    assert claim_code(config).stdout == "1A0B-2C3D\n"
