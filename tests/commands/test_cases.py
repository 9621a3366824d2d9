"""A case by commands, from the press to its end, with what its customer gets and shows."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from gateway.cli import main
from gateway.client import Client
from gateway.commands.common import control_socket
from gateway.errors import Refused
from gateway.grants.grant import Grant
from gateway.messages import Redeem
from gateway.simulator.shop import SimulatedShop
from tests.commands.asking import RED, asked, refused


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
