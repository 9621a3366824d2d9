"""The box by commands: pages, its status, its journal, PINs, and what goes on the air."""

import io
import json
from pathlib import Path

import pytest

from gateway.cli import main
from gateway.simulator.shop import SimulatedShop
from gateway.simulator.tap_terminal import TapTerminal
from tests.commands.asking import RED, asked, refused


def test_page_prints_its_receipt(
    capsys: pytest.CaptureFixture[str], config: list[str], shop: SimulatedShop
) -> None:
    view = asked(capsys, "page", "--to", "watch-2", "--text", "hello", *config)
    assert view["receipt"]["state"] == "accepted"
    assert view["receipt"]["transmitter"] == "radio"
    assert ("1002", "hello") in [(page.pager, page.text) for page in shop.terminal.pages]


def test_page_that_cannot_go(capsys: pytest.CaptureFixture[str], config: list[str]) -> None:
    words = refused(capsys, "page", "--to", "nobody", "--text", "x", *config)
    assert "there is watch-1, watch-2" in words
    assert "needs a text" in refused(capsys, "page", "--to", "watch-1", "--text", " ", *config)


def test_status_for_people_and_programs(
    capsys: pytest.CaptureFixture[str], config: list[str]
) -> None:
    status = asked(capsys, "status", "--json", *config)
    assert {button["name"] for button in status["buttons"]} >= {RED, "counter-ack"}
    assert status["transmitters"][0]["state"] == "ok"
    assert status["journal"]["state"] == "ok"
    assert status["uplink"]["kind"] == "achivx"
    assert "synced" in status["clock"]
    assert main(["status", *config]) == 0
    assert "transmitter  radio (tap" in capsys.readouterr().out


def test_export_is_json_lines_in_order(
    capsys: pytest.CaptureFixture[str], config: list[str]
) -> None:
    asked(capsys, "press", "exit-very-happy", *config)
    asked(capsys, "status", "--json", *config)
    assert main(["export", *config]) == 0
    records = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [record["seq"] for record in records] == list(range(1, len(records) + 1))
    assert records[0]["id"] == f"demo-cafe.{records[0]['epoch']}.1"
    assert main(["export", "--after", str(len(records) - 1), *config]) == 0
    assert len(capsys.readouterr().out.splitlines()) >= 1


def test_pin_from_stdin(
    capsys: pytest.CaptureFixture[str], config: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("4821\n"))
    assert main(["pin", "owner", *config]) == 0
    monkeypatch.setattr("sys.stdin", io.StringIO("12\n"))
    assert main(["pin", "owner", *config]) == 1
    assert "4 to 32 characters" in capsys.readouterr().err


def test_page_without_a_gateway_goes_straight_to_the_transmitter(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, shop: SimulatedShop
) -> None:
    with TapTerminal(pagers={"1001"}) as terminal:
        text = shop.config_file.read_text()
        text = text.replace(str(shop.control_socket), str(tmp_path / "none"))
        text = text.replace(shop.config.transmitters[0].port, str(terminal.port))
        other = tmp_path / "gateway.toml"
        other.write_text(text)
        words = ("page", "--to", "watch-1", "--text", "direct", "--config", str(other))
        assert asked(capsys, *words)["receipt"]["state"] == "accepted"
        assert terminal.wait_for_page(1.0) is not None
        # 1002 is not known to this terminal: the page is refused in its words, and the exit says so
        words = ("page", "--to", "watch-2", "--text", "direct", "--config", str(other))
        assert main(words) == 1
        assert "511" in json.loads(capsys.readouterr().out)["receipt"]["detail"]


def test_encode_writes_what_was_asked(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    raw, cu8 = tmp_path / "a.raw", tmp_path / "A_433.92M_250k.cu8"
    assert main(["encode", "pocsag", "--ric", "8", "--text", "hi", "--out", str(raw)]) == 0
    assert main(["encode", "ev1527", "--code", "A5C3E4", "--out", str(cu8)]) == 0
    assert raw.stat().st_size > 10_000
    assert cu8.stat().st_size > 10_000
    assert "the pager shows" not in capsys.readouterr().out
    other = ("--text", "Касса 2", "--out", str(raw))
    assert main(["encode", "pocsag", "--ric", "8", *other]) == 0
    assert "the pager shows: KASSA 2" in capsys.readouterr().out
    assert main(["encode", "pocsag", "--ric", "8", "--numeric", *other]) == 0
    assert "the pager shows: ----- 2" in capsys.readouterr().out
    refused(capsys, "encode", "pocsag", "--ric", "2097152", "--text", "hi", "--out", str(raw))
    refused(capsys, "encode", "ev1527", "--code", "XYZ", "--out", str(cu8))
    refused(capsys, "encode", "ev1527", "--code", "A5C3E4", "--unit-us", "1", "--out", str(cu8))
