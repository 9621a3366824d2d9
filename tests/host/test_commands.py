"""The commands on the box itself: their words, and what is asked on the control socket."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from gateway.cli import main
from gateway.commands import host
from gateway.errors import Refused
from gateway.host import messages
from gateway.host.messages import HostView, Job
from gateway.host.verbs import OnStick, Stick
from gateway.request import Done, Request
from gateway.transfer.messages import PIECE_BYTES, BeginUpload, Purpose, SendPiece

UPDATE = OnStick(name="sda1/x.achivx", bytes=7, version="0.2.0")
NOTHING = HostView(
    is_there=True,
    sticks=(),
    job=Job(),
    on_trial="",
    latest="",
    kept=False,
    why="",
)


class FakeClient:
    """Answers in the place of a gateway, and keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[Request[Any]] = []
        self.views = [NOTHING]
        self.upload = b""

    def call(self, request: Request[Any]) -> object:
        self.asked.append(request)
        match request:
            case messages.GetHost():
                return self.views.pop(0) if len(self.views) > 1 else self.views[0]
            case BeginUpload():
                return "the-file"
            case SendPiece(file="the-file", offset=offset, data=data):
                self.upload = self.upload[:offset] + data
                return Done()
            case messages.RestartBox():
                raise Refused("no_host", "this machine is no appliance")
            case _:
                return Done()


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> FakeClient:
    fake = FakeClient()

    @contextmanager
    def gateway(_: object) -> Iterator[FakeClient]:
        yield fake

    monkeypatch.setattr(host, "gateway", gateway)
    monkeypatch.setattr(host, "LOOK_S", 0.0)
    return fake


def test_a_file_is_handed_over_in_pieces_and_applied(
    client: FakeClient, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bundle = tmp_path / "x.achivx"
    bundle.write_bytes(b"x" * (PIECE_BYTES + 3))
    running = HostView(**{**_fields(NOTHING), "job": Job(name="update", running=True)})
    taken = HostView(**{**_fields(NOTHING), "job": Job(name="update"), "on_trial": "0.2.0-b"})
    client.views = [running, running, taken]
    assert main(["update", str(bundle), "--allow-older"]) == 0
    assert client.upload == bundle.read_bytes()
    announced = BeginUpload(bytes=PIECE_BYTES + 3, purpose=Purpose.UPDATE)
    assert client.asked[0] == announced
    assert messages.ApplyUpdate(file="the-file", allow_older=True) in client.asked
    assert "0.2.0-b is on trial" in capsys.readouterr().out


def _fields(view: HostView) -> dict[str, Any]:
    return {name: getattr(view, name) for name in view.__struct_fields__}


def test_why_an_update_is_refused_is_said(
    client: FakeClient, capsys: pytest.CaptureFixture[str]
) -> None:
    job = Job(name="update", code="older", words="0.0.9 is older than 0.1.0")
    client.views = [HostView(**{**_fields(NOTHING), "job": job})]
    assert main(["update", "--stick", "sda1/x.achivx"]) == 1
    assert "0.0.9 is older than 0.1.0" in capsys.readouterr().err
    assert client.asked[0] == messages.ApplyUpdate(stick="sda1/x.achivx")


def test_a_file_that_is_not_there(
    client: FakeClient, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["update", str(tmp_path / "none")]) == 1
    assert "No such file" in capsys.readouterr().err
    assert client.asked == []


@pytest.mark.parametrize(
    ("words", "request_"),
    [
        (["factory-reset", "box-1"], messages.FactoryReset(device="box-1")),
        (["box-name", "pager-1"], messages.SetBoxName(name="pager-1")),
        (["access-point", "close"], messages.SetAccessPoint(is_open=False)),
        (["set-clock", "2026-11-22T10:00+03:00"], messages.SetBoxClock(unix_s=1795330800.0)),
        (["set-clock", "2026-11-22T07:00"], messages.SetBoxClock(unix_s=1795330800.0)),
    ],
)
def test_each_asks_for_its_own(
    client: FakeClient, words: list[str], request_: Request[Any]
) -> None:
    assert main(words) == 0
    assert client.asked[0] == request_


def test_a_password_comes_from_stdin(
    client: FakeClient, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "in").write_text("coffee and cake\n")
    with (tmp_path / "in").open() as stdin:
        monkeypatch.setattr("sys.stdin", stdin)
        assert main(["wifi", "Shop"]) == 0
    assert client.asked[0] == messages.SetBoxWifi(ssid="Shop", password="coffee and cake")


def test_a_time_that_is_none(client: FakeClient, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["set-clock", "noon"]) == 1
    assert "noon is no time" in capsys.readouterr().err
    assert client.asked == []


@pytest.mark.usefixtures("client")
def test_without_a_host(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["restart-box"]) == 1
    assert "no appliance" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({}, "no update was ever applied"),
        ({"is_there": False}, "update it with scripts/install"),
        ({"sticks": (Stick(name="sda1", updates=(UPDATE,)),)}, "sda1/x.achivx, version 0.2.0"),
        ({"latest": "0.2.0-b", "kept": True}, "0.2.0-b: kept"),
        ({"latest": "0.2.0-b", "why": "it does not page"}, "put back: it does not page"),
        ({"job": Job(name="wifi", running=True)}, "under way"),
    ],
)
def test_how_it_stands(
    client: FakeClient, capsys: pytest.CaptureFixture[str], change: dict[str, Any], words: str
) -> None:
    client.views = [HostView(**{**_fields(NOTHING), **change})]
    assert main(["host"]) == 0
    assert words in capsys.readouterr().out
