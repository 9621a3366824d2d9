"""The commands, as a person at a shell sees them: what they print, and what they exit with."""

import asyncio
import io
import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from gateway.cli import main
from gateway.client import Client
from gateway.commands.common import control_socket
from gateway.errors import Refused
from gateway.grants.grant import Grant
from gateway.messages import Redeem
from gateway.simulator.shop import SimulatedShop
from gateway.simulator.tap_terminal import TapTerminal

RED = "exit-very-unhappy"


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimulatedShop]:
    """One simulated shop for the whole module, on an event loop in a thread of its own."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    async def make() -> SimulatedShop:
        opened = SimulatedShop(tmp_path_factory.mktemp("shop"))
        return await opened.__aenter__()

    async def leave() -> None:
        await opened.__aexit__(None, None, None)

    opened = asyncio.run_coroutine_threadsafe(make(), loop).result(30)
    yield opened
    asyncio.run_coroutine_threadsafe(leave(), loop).result(30)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(10)
    loop.close()


@pytest.fixture
def config(shop: SimulatedShop) -> list[str]:
    return ["--config", str(shop.config_file)]


def asked(capsys: pytest.CaptureFixture[str], *words: str) -> Any:
    """Run a command that must succeed; its JSON."""
    assert main(words) == 0
    return json.loads(capsys.readouterr().out)


def refused(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """Run a command that must fail; its one line."""
    assert main(words) == 1
    out, err = capsys.readouterr()
    assert not out
    (line,) = err.splitlines()
    assert line.startswith("achivx-gateway: ")
    return line


def test_a_whole_case_by_command(capsys: pytest.CaptureFixture[str], config: list[str]) -> None:
    pressed = asked(capsys, "press", RED, *config)
    assert pressed["verdicts"] == ["counted"]
    (view,) = asked(capsys, "alerts", "--json", *config)
    found = view["alert"]["id"]
    assert asked(capsys, "ack", found, "--json", *config)["alert"]["state"] == "acknowledged"
    assert asked(capsys, "withdraw", found, "--json", *config)["alert"]["state"] == "open"
    assert asked(capsys, "ack", found, "--json", *config)["alert"]["state"] == "acknowledged"
    assert asked(capsys, "contact", found, "--json", *config)["alert"]["state"] == "contacted"
    words = ("grant", "souvenir", "--alert", found, "--request", "r1", "--json", *config)
    grant = asked(capsys, *words)["grant"]
    assert asked(capsys, *words)["grant"]["code"] == grant["code"]  # the same request again
    words = ("resolve", found, "--outcome", "recovered", "--severity", "2", "--json", *config)
    assert asked(capsys, *words)["alert"]["outcome"] == "recovered"
    redeemed = asked(capsys, "redeem", grant["code"].lower(), "--json", *config)
    assert redeemed["grant"]["state"] == "redeemed"
    assert "redeemed already" in refused(capsys, "redeem", grant["code"], *config)
    assert "no live alert" in refused(capsys, "ack", found, *config)
    closed = asked(capsys, "alerts", "--closed", "5", "--json", *config)
    assert closed[0]["alert"]["id"] == found


def test_what_was_granted_is_undone_and_taken_back(
    capsys: pytest.CaptureFixture[str], config: list[str]
) -> None:
    grant = asked(capsys, "grant", "apology", "--json", *config)["grant"]
    asked(capsys, "redeem", grant["code"], "--json", *config)
    undone = asked(capsys, "undo", grant["code"], "--json", *config)["grant"]
    assert (undone["state"], undone["undone"]) == ("issued", 1)
    assert "has not been redeemed" in refused(capsys, "undo", grant["code"], *config)
    words = ("void", grant["code"], "--reason", "a slip", "--json", *config)
    assert asked(capsys, *words)["grant"]["void_reason"] == "a slip"
    assert "this code is void" in refused(capsys, "redeem", grant["code"], *config)


def test_of_sixteen_clients_that_redeem_one_code_at_once_one_wins(
    capsys: pytest.CaptureFixture[str], config: list[str], shop: SimulatedShop
) -> None:
    code = asked(capsys, "grant", "apology", "--json", *config)["grant"]["code"]
    ready = threading.Barrier(16)

    def redeem(_: int) -> Grant | Refused:
        with Client(control_socket(shop.config_file), timeout_s=30) as client:
            ready.wait(30)
            try:
                return client.call(Redeem(code=code)).grant
            except Refused as refusal:
                return refusal

    with ThreadPoolExecutor(16) as tills:
        answers = list(tills.map(redeem, range(16)))
    (won,) = (each for each in answers if isinstance(each, Grant))
    assert won.redeemed is not None
    told = f"redeemed already on {won.redeemed.iso()} by {won.redeemed_by}"
    lost = [(each.code, str(each)) for each in answers if isinstance(each, Refused)]
    assert lost == [("already_redeemed", told)] * 15


def test_what_is_at_stake_while_offline(
    capsys: pytest.CaptureFixture[str], config: list[str]
) -> None:
    before = asked(capsys, "status", "--json", *config)["grants"]
    words = ("grant", "tokens", "--account", "customer-1", "--json", *config)
    grant = asked(capsys, *words)["grant"]
    after = asked(capsys, "status", "--json", *config)["grants"]
    assert after["live"] == before["live"] + 1
    assert after["tokens"] == before["tokens"] + grant["tokens"]
    assert after["cost"] == before["cost"] + grant["cost"]
    assert main(["status", *config]) == 0
    out = capsys.readouterr().out
    assert f"at stake     {after['live']} grants" in out
    assert f"offline      {after['spent']:g} tokens spent" in out
    assert f"{after['spent'] + after['spendable']:g}" == "100"  # what the owner risks
    assert f"misuse       {after['overrides']} granted against its signs" in out


def told_of_all(capsys: pytest.CaptureFixture[str], config: list[str]) -> None:
    """Wait until the server has everything, and the box knows it."""
    for _ in range(1000):
        if asked(capsys, "status", "--json", *config)["uplink"]["backlog"] == 0:
            return
    pytest.fail("the uplink is not through")


def test_tokens_that_were_granted_are_spent(
    capsys: pytest.CaptureFixture[str], config: list[str], shop: SimulatedShop
) -> None:
    words = ("grant", "tokens", "--account", "customer-2", "--json", *config)
    grant = asked(capsys, *words)["grant"]
    asked(capsys, "redeem", grant["code"], "--json", *config)
    balance = 0.0
    for _ in range(1000):  # each command takes its time, and the line gets on with it
        asked(capsys, "status", "--json", *config)
        balances = {each.id: float(each.balance) for each in shop.look().accounts}
        if balance := balances.get("customer-2", 0.0):
            break
    assert balance == grant["tokens"] == 5
    # The server may know of a spending before the box knows that it does: then it counts twice.
    told_of_all(capsys, config)
    words = ("spend", "customer-2", "3.5", "--request", "s-1", "--json", *config)
    assert asked(capsys, *words)["left"] == 1.5
    told_of_all(capsys, config)
    assert asked(capsys, *words)["left"] == 1.5  # the same request again
    assert "customer-2 has 1.5 tokens" in refused(capsys, "spend", "customer-2", "2", *config)
    assert "nobody knows" in refused(capsys, "spend", "nobody", "1", *config)
    assert "steps of 0.25" in refused(capsys, "spend", "customer-2", "0.1", *config)
    assert main(["spend", "customer-2", "1.5", *config]) == 0
    assert capsys.readouterr().out == "customer-2  1.5 tokens spent, 0 left\n"


def test_a_grant_leads_to_the_playbook_it_is_of(
    capsys: pytest.CaptureFixture[str], config: list[str]
) -> None:
    grant = asked(capsys, "grant", "apology", "--json", *config)["grant"]
    found = asked(capsys, "playbook", grant["playbook"], "--json", *config)
    assert "apology" in {offer["name"] for offer in found["offers"]}
    assert main(["playbook", grant["playbook"], *config]) == 0
    assert "apology  Personal apology / Личные извинения  apology" in capsys.readouterr().out
    assert "no grant was issued under" in refused(capsys, "playbook", "another", *config)


def test_offers_say_why(capsys: pytest.CaptureFixture[str], config: list[str]) -> None:
    words = ("--severity", "3", "--cause", "product", *config)
    proposed = asked(capsys, "offers", "--json", *words)
    assert proposed[0]["offer"]["name"] == "exchange"
    assert proposed[0]["why"]["en"].startswith("Puts right just this")
    assert main(["offers", *words]) == 0
    assert f"    {proposed[0]['why']['ru']}\n" in capsys.readouterr().out
    assert main(["offers", "--severity", "5", *config]) == 0
    assert capsys.readouterr().out.startswith("no offer fits: ")
    assert main(["offers", *words]) == 0
    assert "Puts right just this: A faulty product" in capsys.readouterr().out
    assert "no cause named 'weather'" in refused(capsys, "offers", "--cause", "weather", *config)


def test_staff_is_who_answers(capsys: pytest.CaptureFixture[str], config: list[str]) -> None:
    people = asked(capsys, "staff", "--json", *config)
    assert {person["role"] for person in people} == {"staff", "manager", "owner"}
    assert all(person["on_duty"] for person in people)
    assert main(["staff", *config]) == 0
    assert f"{people[0]['name']}  {people[0]['role']}  on duty" in capsys.readouterr().out


def test_repeats_are_flagged(capsys: pytest.CaptureFixture[str], config: list[str]) -> None:
    verdicts = asked(capsys, "press", "exit-happy", "--count", "3", *config)["verdicts"]
    assert len(verdicts) == 3
    assert set(verdicts[1:]) <= {"repeat", "mashing"}


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


def test_pin_from_stdin(
    capsys: pytest.CaptureFixture[str], config: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("4821\n"))
    assert main(["pin", "owner", *config]) == 0
    monkeypatch.setattr("sys.stdin", io.StringIO("12\n"))
    assert main(["pin", "owner", *config]) == 1
    assert "4 to 32 characters" in capsys.readouterr().err


def test_no_gateway_is_one_line(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, shop: SimulatedShop
) -> None:
    other = tmp_path / "gateway.toml"
    text = shop.config_file.read_text().replace(str(shop.control_socket), str(tmp_path / "none"))
    other.write_text(text)
    assert "no gateway answers at" in refused(capsys, "status", "--config", str(other))


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


COMMANDS = ["run", "check", "press", "page", "alerts", "ack", "contact", "resolve", "grant"]
COMMANDS += ["redeem", "grants", "offers", "status", "export", "pin"]
COMMANDS += ["undo", "void", "staff", "spend", "playbook", "leaders"]
COMMANDS += ["cases", "case", "security", "guidance", "customer", "forget", "rotate-key"]


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


def test_a_case_with_its_customer_by_command(
    capsys: pytest.CaptureFixture[str], config: list[str]
) -> None:
    asked(capsys, "press", "hall-call", *config)
    found = asked(capsys, "alerts", "--json", *config)[-1]["alert"]["id"]
    told = refused(capsys, "case", found, "--cause", "delay", *config)
    assert "say first that you are with" in told
    asked(capsys, "contact", found, "--json", *config)
    words = ("--severity", "2", "--cause", "delay", "--note", "cold soup", "--customer", "29000001")
    case = asked(capsys, "case", found, *words, "--json", *config)
    assert (case["note"], case["customer"]["account"]) == ("cold soup", "card:29000001")
    assert main(["case", found, *config]) == 0
    shown = capsys.readouterr().out
    assert "severity 2" in shown
    assert "note: cold soup" in shown
    assert "customer: card:29000001 (card)" in shown
    (opened,) = asked(capsys, "cases", "--open", "--json", *config)
    assert opened["alert"]["id"] == found
    assert main(["security", found, *config]) == 0
    assert "watch-2  accepted" in capsys.readouterr().out
    asked(capsys, "resolve", found, "--outcome", "left", "--json", *config)
    assert main(["cases", "--closed", "--outcome", "left", "--cause", "delay", *config]) == 0
    assert f"{found}  " in capsys.readouterr().out
    assert "there are inattention" in refused(capsys, "cases", "--cause", "weather", *config)
    gone = asked(capsys, "forget", "card:29000001", "--json", *config)
    assert (gone["names"], gone["notes"]) == (1, 1)
    assert main(["forget", "card:29000001", *config]) == 0
    assert "named in 0 cases, 0 notes" in capsys.readouterr().out
    assert asked(capsys, "case", found, "--json", *config)["note"] is None


def test_a_customer_redeems_by_card(capsys: pytest.CaptureFixture[str], config: list[str]) -> None:
    card = "29000002"
    for _ in range(2):
        asked(capsys, "grant", "apology", "--customer", card, "--json", *config)
    assert main(["redeem", card, *config]) == 1
    out, err = capsys.readouterr()
    codes = [line.split()[0] for line in out.splitlines()]
    assert len(codes) == 2
    assert err.startswith("several: ")
    asked(capsys, "redeem", codes[0], "--json", *config)
    assert asked(capsys, "redeem", card, "--json", *config)["grant"]["code"] == codes[1]
    assert "nothing to redeem" in refused(capsys, "redeem", card, *config)
    assert main(["customer", card, *config]) == 0
    assert f"customer: card:{card} (card)" in capsys.readouterr().out
    assert "none of: card, phone" in refused(capsys, "customer", "12", *config)


def test_the_key_is_changed_by_command(
    capsys: pytest.CaptureFixture[str], config: list[str]
) -> None:
    grant = asked(capsys, "grant", "apology", "--json", *config)["grant"]
    assert main(["rotate-key", *config]) == 0
    assert "take a new backup" in capsys.readouterr().out
    assert asked(capsys, "redeem", grant["code"], "--json", *config)["grant"]["undone"] == 0


def test_guidance_is_printed_in_both_languages(
    capsys: pytest.CaptureFixture[str], config: list[str]
) -> None:
    assert main(["guidance", *config]) == 0
    assert "1. Let them finish / Дайте договорить" in capsys.readouterr().out
    assert len(asked(capsys, "guidance", "--json", *config)) == 4
