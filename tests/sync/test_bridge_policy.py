"""What a box may write, and bridge.toml, which says so."""

from datetime import date
from pathlib import Path

import msgspec
import pytest

from gateway.config.check import ConfigError, format_problem
from gateway.events import (
    AlertMissed,
    AlertResolved,
    AnyEvent,
    GrantRedeemed,
    Record,
    ShiftKept,
    Started,
    TokensSpent,
)
from gateway.model import OfferKind, Outcome
from gateway.sync import bridge_config
from gateway.sync.answers import Rejected
from gateway.sync.bridge_config import BridgeConfig, Device, check
from gateway.sync.bridge_policy import CUSTOMER_ACTIONS, STAFF_ACTIONS, CapReached, NotBound, Policy
from gateway.sync.mapping import REQUIRED
from tests.sync.batches import PRESS, batch, contact, tokens
from tests.sync.bridges import BOX

DOCS = Path(__file__).parents[2] / "docs"
EXAMPLE = (DOCS / "bridge.example.toml").read_text()
TODAY = date(2027, 1, 1)


def record(event: AnyEvent, seq: int = 1, device: str = "box-1", account: str = "shop") -> Record:
    (one,) = batch(event, first=seq, device=device, account=account).records
    return one


def plan(policy: Policy, one: Record, today: date = TODAY) -> list[tuple[str, str]]:
    binding = policy.binding("box-1")
    assert binding is not None
    return [(action.account, action.action) for action in policy.plan(binding, one, today)]


def newer(event: AnyEvent, seq: int = 1) -> Record:
    return msgspec.structs.replace(record(event, seq), mapping=2)


def spent(amount: float, account: str = "zoe") -> TokensSpent:
    return TokensSpent(request="r", account=account, tokens=amount, by="x", balance=99.0)


def redeemed(account: str | None) -> GrantRedeemed:
    return GrantRedeemed(code="C", by="x", kind=OfferKind.COUPON, account=account)


class TestPolicy:
    @pytest.mark.parametrize(
        ("event", "actions"),
        [
            (Started(version="1"), []),
            (PRESS, [("shop", "PressUnhappy")]),
            (AlertMissed(alert="a"), [("shop", "AlertMissed")]),
            (contact("anna"), [("anna", "CustomerContacted")]),
            (tokens(50), [("zoe", "RecoveryTokens")]),
            (redeemed("zoe-7"), [("zoe-7", "GrantRedeemed")]),
            (redeemed(None), [("shop", "GrantRedeemed")]),
        ],
    )
    def test_what_a_box_may(self, event: AnyEvent, actions: list[tuple[str, str]]) -> None:
        assert plan(Policy([BOX]), record(event)) == actions

    @pytest.mark.parametrize(
        "event",
        [
            contact("shop"),
            contact("mallory"),
            AlertResolved(alert="a", by="x", outcome=Outcome.RECOVERED, account="zoe"),
            tokens(50.25),
            tokens(-1),
            tokens(0),
            tokens(float("nan")),
            tokens(float("inf")),
            tokens(1, account="shop"),
            tokens(1, account="anna"),
            redeemed("mallory"),
        ],
    )
    def test_what_a_box_may_not(self, event: AnyEvent) -> None:
        with pytest.raises(Rejected, match="box-1 may"):
            plan(Policy([BOX]), record(event))

    def test_a_box_with_no_people_writes_for_its_shop_alone(self) -> None:
        policy = Policy([Device(id="box-1", account="shop")])
        assert plan(policy, record(PRESS)) == [("shop", "PressUnhappy")]
        for event in (contact("anna"), tokens(0.25), redeemed("zoe")):
            with pytest.raises(Rejected):
                plan(policy, record(event))

    def test_anybody_may_be_a_customer(self) -> None:
        policy = Policy([Device(id="*", account="s-{device}", customers=("*",), reward_most=1)])
        with pytest.raises(CapReached):
            plan(policy, record(tokens(1), account="s-box-1"))
        assert plan(policy, record(redeemed("+7 900"), account="s-box-1")) == [
            ("+7 900", "GrantRedeemed")
        ]

    def test_another_shop_is_held(self) -> None:
        with pytest.raises(NotBound, match="'other', and the bridge has it bound to 'shop'"):
            plan(Policy([BOX]), record(PRESS, account="other"))

    def test_the_day_begins_anew(self) -> None:
        policy = Policy([msgspec.structs.replace(BOX, reward_most=5, reward_day=5)])
        assert plan(policy, record(tokens(5), 1)) == [("zoe", "RecoveryTokens")]
        with pytest.raises(CapReached, match="5 tokens a day"):
            plan(policy, record(tokens(0.25), 2))
        assert plan(policy, record(tokens(5), 1)) == [("zoe", "RecoveryTokens")]
        assert plan(policy, record(tokens(0.25), 2), date(2027, 1, 2)) != []

    def test_what_is_spent_is_the_customers_and_has_a_day_of_its_own(self) -> None:
        policy = Policy([msgspec.structs.replace(BOX, reward_most=5, reward_day=8)])
        assert plan(policy, newer(spent(5), 1)) == [("zoe", "TokensSpent")]
        assert plan(policy, newer(tokens(5), 2)) == [("zoe", "RecoveryTokens")]
        assert plan(policy, newer(spent(3), 3)) == [("zoe", "TokensSpent")]
        with pytest.raises(CapReached, match="may take 8 tokens a day"):
            plan(policy, newer(spent(0.25), 4))
        assert plan(policy, newer(tokens(3), 5)) == [("zoe", "RecoveryTokens")]

    @pytest.mark.parametrize(
        "event",
        [
            spent(50.25),
            spent(-1),  # which would pay
            spent(0),
            spent(float("nan")),
            spent(1, account="shop"),
            spent(1, account="anna"),
            ShiftKept(by="x", account="zoe", begins_ns=1, ends_ns=2),
        ],
    )
    def test_what_a_newer_box_may_not(self, event: AnyEvent) -> None:
        with pytest.raises(Rejected, match="box-1 may"):
            plan(Policy([BOX]), newer(event))

    def test_every_action_is_somebodys(self) -> None:
        assert REQUIRED >= STAFF_ACTIONS | CUSTOMER_ACTIONS
        assert {each for each in REQUIRED if each.startswith(("Press", "AlertMissed"))} == (
            REQUIRED - STAFF_ACTIONS - CUSTOMER_ACTIONS - {"GatewayCanary"}
        )

    def test_an_entry_of_its_own_goes_before_the_one_for_all(self) -> None:
        policy = Policy([Device(id="*", account="s-{device}"), BOX])
        own, any_ = policy.binding("box-1"), policy.binding("box-9")
        assert own is not None
        assert any_ is not None
        assert (own.account, any_.account) == ("shop", "s-box-9")
        assert Policy([BOX]).binding("box-9") is None

    @pytest.mark.parametrize("name", ["", "box.E", "Box", "box/1", "*", "b" * 41, "бокс"])
    def test_what_is_no_box_has_no_entry(self, name: str) -> None:
        assert Policy([Device(id="*", account="s-{device}")]).binding(name) is None


def replaced(old: str, new: str) -> str:
    assert EXAMPLE.count(old) == 1, old
    return EXAMPLE.replace(old, new)


class TestConfig:
    def test_the_example_is_accepted_and_names_every_key(self) -> None:
        config, problems = check(EXAMPLE)
        assert problems == []
        assert config is not None
        whole = EXAMPLE.replace("\n#", "\n")
        for kind in (BridgeConfig, Device, bridge_config.Listen):
            for key in kind.__struct_fields__:
                assert f"{key} = " in whole or f"[{key}]" in whole or f"[[{key}]]" in whole, key

    def test_every_key_is_documented(self) -> None:
        text = (DOCS / "mqtt.md").read_text()
        for kind in (BridgeConfig, Device, bridge_config.Listen):
            assert [key for key in kind.__struct_fields__ if f"`{key}`" not in text] == []

    @pytest.mark.parametrize(
        ("text", "where", "right"),
        [
            (replaced('group = "achivx"', 'group = "a/b"'), "group", "letters, digits"),
            (
                replaced("reward_most = 25", "reward_most = 900"),
                "devices[0].reward_day",
                "at least",
            ),
            (replaced('"shop-{device}"', '"shop"'), "devices[1].account", "{device}"),
            (replaced('id = "cafe-1"', 'id = "Café"'), "devices[0].id", "a-z, 0-9"),
            (replaced('id = "*"', 'id = "cafe-1"'), "devices[1].id", "no other entry"),
            (
                replaced('id = "*"', 'id = "*"\nformer_ids = ["a"]'),
                "devices[1].former_ids",
                "nothing",
            ),
            (replaced("shop-{device}.", "shop-{device}-"), "devices[1].staff", "that no id has"),
            (replaced('username = "bridge"', ""), "broker.username", "of no use without it"),
            (replaced("port = 9108", "port = 70000"), "health.port", "65535"),
            (replaced("[achivx]", "[archivx]"), "achivx", "a table"),
            (EXAMPLE.partition("[[devices]]")[0], "devices", "tables that begin with"),
            ("[broker", "", "a table's header"),
        ],
    )
    def test_what_is_wrong_is_said(self, text: str, where: str, right: str) -> None:
        config, problems = check(text)
        assert config is None
        found = [problem for problem in problems if problem.where == where]
        assert found, [format_problem(each) for each in problems]
        assert right in format_problem(found[0])

    def test_a_file_that_is_not_there(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigError, match="no such file"):
            bridge_config.load(tmp_path / "bridge.toml")
