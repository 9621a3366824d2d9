"""Tokens by commands: what is at stake offline, granted and spent."""

import pytest

from gateway.cli import main
from gateway.simulator.shop import SimulatedShop
from tests.commands.asking import asked, refused


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
