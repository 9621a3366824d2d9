"""The words of the commands: help, refusals in one line, and what they exit with."""

from pathlib import Path

import pytest

from gateway.cli import main
from gateway.simulator.shop import SimulatedShop
from tests.commands.asking import RED, refused


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["press", "nope"], "no button named 'nope'"),
        (["press", RED, "--count", "0"], "from 1 to"),
        (["ack", "ZZZZ"], "no live alert has the id ZZZZ"),
        (["grant", "yacht"], "no offer named 'yacht'"),
        (["grant", "tokens"], "tokens need the customer's account"),
        (["grant", "souvenir", "--alert", "ZZZZ"], "no alert has the id ZZZZ"),
        (["redeem", "0000"], "letter by letter"),
    ],
)
def test_refusals_are_one_line(
    capsys: pytest.CaptureFixture[str], config: list[str], words: list[str], expected: str
) -> None:
    assert expected in refused(capsys, *words, *config)


def test_no_gateway_is_one_line(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, shop: SimulatedShop
) -> None:
    other = tmp_path / "gateway.toml"
    text = shop.config_file.read_text().replace(str(shop.control_socket), str(tmp_path / "none"))
    other.write_text(text)
    assert "no gateway answers at" in refused(capsys, "status", "--config", str(other))


def test_check_names_everything_at_once(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, config: list[str]
) -> None:
    assert main(["check", *config]) == 0
    assert "good: 6 buttons, 2 pagers, 1 transmitters" in capsys.readouterr().out
    broken = tmp_path / "gateway.toml"
    broken.write_text('[device]\nid = "Ünfit"\nfoo = 1\n[shop]\nname = 3\n')
    assert main(["check", "--config", str(broken)]) == 1
    out, err = capsys.readouterr()
    problems = [line for line in out.splitlines() if line.startswith("error: ")]
    assert len(problems) >= 4  # the id, foo, the name, and the account that is missing
    assert err.strip().endswith("to put right")


def test_a_missing_configuration_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    for command in ("check", "status", "run", "export"):
        assert "/nowhere/gateway.toml" in refused(
            capsys, command, "--config", "/nowhere/gateway.toml"
        )


COMMANDS = (
    *("run", "check", "press", "page", "alerts", "ack", "contact", "resolve", "grant"),
    *("redeem", "grants", "offers", "status", "export", "pin"),
    *("undo", "void", "staff", "spend", "playbook", "leaders"),
    *("cases", "case", "security", "guidance", "customer", "forget", "rotate-key"),
)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(capsys: pytest.CaptureFixture[str], command: str) -> None:
    with pytest.raises(SystemExit) as left:
        main([command, "--help"])
    assert left.value.code == 0
    assert "--config FILE" in capsys.readouterr().out


def test_wrong_words_exit_2(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(["frobnicate"])
    assert left.value.code == 2
    assert "invalid choice" in capsys.readouterr().err
