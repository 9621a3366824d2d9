import http.client
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import pytest

from webui.cli import CannotServe, listen, main

if TYPE_CHECKING:
    from tests.webui.fake_gateway import FakeGateway

WAIT_S = 15
STOP_S = 5  # the unit's TimeoutStopSec=
Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def start(place: Path) -> Iterator[Start]:
    started: list[subprocess.Popen[str]] = []

    def starter(*options: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "webui.cli"]
        common = ["--listen", "127.0.0.1:0", "--state", f"{place}/state"]
        process = subprocess.Popen(
            [*command, *common, *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield starter
    for process in started:
        process.terminate()
        process.communicate(timeout=WAIT_S)


def port_of(process: subprocess.Popen[str]) -> int:
    assert process.stdout
    found = re.search(r"http://127\.0\.0\.1:(\d+)$", process.stdout.readline().strip())
    assert found
    return int(found[1])


def asked(port: int, path: str) -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=WAIT_S)
    connection.request("GET", path)
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, text


def sign_in(port: int) -> str:
    """The session cookie of a new sign-in, by the forms alone."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=WAIT_S)
    connection.request("GET", "/login")
    page = connection.getresponse()
    cookie = page.headers["Set-Cookie"].split(";")[0]
    token = re.search(r'name="csrf_token" value="([^"]+)"', page.read().decode())
    assert token
    form = urlencode({"staff": "Anna", "pin": "1234", "csrf_token": token[1]})
    headers = {"Cookie": cookie, "Content-Type": "application/x-www-form-urlencoded"}
    connection.request("POST", "/login", form, headers)
    answer = connection.getresponse()
    connection.close()
    assert answer.status == 303
    return answer.headers["Set-Cookie"].split(";")[0]


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_before_systemd_would_kill_it_with_streams_open(
    how: signal.Signals, start: Start, gateway: "FakeGateway"
) -> None:
    process = start("--control", str(gateway.path))
    port = port_of(process)
    cookie = sign_in(port)
    streams = []
    for _ in range(3):
        stream = http.client.HTTPConnection("127.0.0.1", port, timeout=WAIT_S)
        stream.request("GET", "/events", headers={"Cookie": cookie})
        answer = stream.getresponse()
        assert answer.readline() == b"retry: 3000\n"
        streams.append(stream)
    process.send_signal(how)
    _, complaints = process.communicate(timeout=STOP_S)
    assert (process.returncode, complaints) == (0, "")
    for stream in streams:
        stream.close()


def test_sessions_survive_a_restart(start: Start, gateway: "FakeGateway") -> None:
    first = start("--control", str(gateway.path))
    cookie = sign_in(port_of(first))
    first.terminate()
    first.wait(WAIT_S)
    connection = http.client.HTTPConnection(
        "127.0.0.1", port_of(start("--control", str(gateway.path))), timeout=WAIT_S
    )
    connection.request("GET", "/board", headers={"Cookie": cookie})
    assert connection.getresponse().status == 200
    connection.close()


def test_it_starts_before_the_gateway_and_finds_it_later(
    start: Start, gateway: "FakeGateway"
) -> None:
    gateway.stop()
    port = port_of(start("--control", str(gateway.path)))
    status, text = asked(port, "/login")
    assert status == 503
    assert "The gateway does not answer" in text
    gateway.start_again()
    assert asked(port, "/login")[0] == 200


def test_a_busy_port_is_one_sentence(start: Start) -> None:
    with listen("127.0.0.1:0") as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        process = start("--listen", address)
        said, complaints = process.communicate(timeout=WAIT_S)
    assert (process.returncode, said) == (1, "")
    assert complaints == (
        f"achivx-webui: {address} is in use by another program: stop it, "
        "or choose another port with --listen HOST:PORT\n"
    )


def test_a_state_that_cannot_be_kept_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    assert main(["--state", str(tmp_path / "file"), "--listen", "127.0.0.1:0"]) == 1
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("8080", "takes HOST:PORT"),
        (":8080", "takes HOST:PORT"),
        ("localhost:http", "takes HOST:PORT"),
        ("localhost:99999", "there is no port"),
        ("192.0.2.1:0", "cannot listen at 192.0.2.1:0"),
    ],
)
def test_an_address_that_is_none(address: str, words: str) -> None:
    with pytest.raises(CannotServe, match=words):
        listen(address)


def test_ipv6_stands_in_brackets() -> None:
    with listen("[::1]:0") as listener:
        assert listener.getsockname()[0] == "::1"
