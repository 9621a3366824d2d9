"""Customers of cases on the real daemon: what is kept of them, where, and how long."""

import asyncio
import sqlite3
from pathlib import Path

from gateway.customers.messages import (
    DescribeCase,
    ForgetCustomer,
    GetCase,
    LookUpCustomer,
    NameCustomer,
)
from gateway.grants.cache import GrantCache
from gateway.messages import GetStatus, IssueGrant, Redeem, Resolve
from gateway.model import AlertState, Outcome
from gateway.simulator.shop import SimulatedShop
from tests.customers.cases import ACCOUNT, CARD, NOTE, bytes_of, met, state, why_not


async def test_words_are_in_the_personal_store_alone(shop: SimulatedShop) -> None:
    alert = await met(shop)
    await shop.ask(NameCustomer(alert=alert, customer="2912 3456"))
    await shop.ask(Resolve(alert=alert, outcome=Outcome.LEFT, note=NOTE))
    assert NOTE.encode() in bytes_of(shop, "personal.db")
    assert NOTE.encode() not in bytes_of(shop, "journal.db")
    # As it comes, of whose case it was a keyed hash is all there is.
    assert CARD.encode() not in bytes_of(shop, "personal.db", "journal.db")


async def test_where_the_shop_wants_it_the_account_is_kept(tmp_path: Path) -> None:
    shop = SimulatedShop(tmp_path)
    async with shop:
        await shop.stop_gateway()
        text = shop.config_file.read_text()
        shop.config_file.write_text(text.replace("[customers]", '[customers]\nkeep = "plain"'))
        await shop.start_gateway()
        alert = await met(shop)
        await shop.ask(NameCustomer(alert=alert, customer=CARD))
        await shop.stop_gateway()
        await shop.start_gateway()
        view = await shop.ask(GetCase(alert=alert))
        assert view.customer is not None
        assert view.customer.account == ACCOUNT
        await shop.ask(ForgetCustomer(account=ACCOUNT))
        assert CARD.encode() not in bytes_of(shop, "personal.db")


async def test_a_customer_is_known_again(shop: SimulatedShop) -> None:
    first = await met(shop)
    named = await shop.ask(NameCustomer(alert=first, customer=CARD))
    assert named.customer is not None
    assert (named.customer.kind, named.customer.account) == ("card", ACCOUNT)
    grant = await shop.ask(
        IssueGrant(request="r1", offer="souvenir", alert=first, customer="29-123456")
    )
    assert grant.grant.account == ACCOUNT
    await shop.ask(Resolve(alert=first, outcome=Outcome.RECOVERED, severity=2, cause="delay"))
    second = await met(shop, "hall-call")
    view = (await shop.ask(NameCustomer(alert=second, customer=CARD))).customer
    assert view is not None
    assert [each.alert.id for each in view.cases] == [second, first]
    assert view.cases[1].alert.outcome is Outcome.RECOVERED
    assert [each.grant.code for each in view.grants] == [grant.grant.code]
    assert view.live == 1
    # After a restart the hash is all that is left of the name, and the cases are still theirs.
    await shop.stop_gateway()
    await shop.start_gateway()
    view = (await shop.ask(GetCase(alert=second))).customer
    assert view is not None
    assert view.account is None
    assert [each.alert.id for each in view.cases] == [second, first]
    looked_up = await shop.ask(LookUpCustomer(customer=CARD))
    assert [each.alert.id for each in looked_up.cases] == [second, first]
    # The name was a slip: nobody is kept as the customer of that case.
    taken_back = await shop.ask(NameCustomer(alert=second))
    assert taken_back.customer is None
    assert [e.alert.id for e in (await shop.ask(LookUpCustomer(customer=CARD))).cases] == [first]
    assert await why_not(shop, NameCustomer(alert=second, customer="12")) == "unknown_customer"


async def test_a_known_customer_shows_their_account_and_its_age(shop: SimulatedShop) -> None:
    """From the server while it answers, from the cache with its age when it does not."""
    issued = await shop.ask(IssueGrant(request="r", offer="tokens", customer=CARD))
    await shop.ask(Redeem(code=issued.grant.code))
    view = await shop.ask(LookUpCustomer(customer=CARD))
    async with asyncio.timeout(30):
        while view.known is None or float(view.known.balance) != 5:  # the uplink gets on with it
            view = await shop.ask(LookUpCustomer(customer=CARD))
    assert view.known.fresh
    as_of = view.known.as_of_wall_ns
    alert = await met(shop)
    named = await shop.ask(NameCustomer(alert=alert, customer=CARD))
    assert named.customer is not None
    assert named.customer.known is not None
    await shop.server.__aexit__(None, None, None)
    case = (await shop.ask(GetCase(alert=alert))).customer
    assert case is not None
    assert case.known is not None
    assert (case.known.balance, case.known.fresh) == (view.known.balance, False)
    assert case.known.as_of_wall_ns >= as_of
    gone = await shop.ask(ForgetCustomer(account=ACCOUNT))
    assert gone.details
    on_disk = GrantCache(state(shop) / "grants.json")
    assert on_disk.account(ACCOUNT) is None  # when it is said, it is so
    assert (await shop.ask(LookUpCustomer(customer=CARD))).known is None


async def test_forgetting_deletes_and_says_what(shop: SimulatedShop) -> None:
    alert = await met(shop)
    await shop.ask(NameCustomer(alert=alert, customer=CARD))
    await shop.ask(Resolve(alert=alert, outcome=Outcome.RECOVERED, note=NOTE))
    staff = await shop.sign_in("barista")
    request = ForgetCustomer(account=ACCOUNT)
    assert await why_not(shop, request, staff.token) == "forbidden"
    manager = await shop.sign_in("manager")
    gone = await shop.ask(request, manager.token)
    assert (gone.names, gone.notes) == (1, 1)
    assert NOTE.encode() not in bytes_of(shop, "personal.db", "journal.db")
    case = await shop.ask(GetCase(alert=alert))
    assert (case.note, case.customer) == (None, None)
    assert case.view.alert.outcome is Outcome.RECOVERED  # what happened stays
    assert (await shop.ask(LookUpCustomer(customer=CARD))).cases == ()
    again = await shop.ask(request)
    assert (again.names, again.notes, again.details) == (0, 0, False)


async def test_what_is_over_is_deleted_by_itself(shop: SimulatedShop) -> None:
    alert = await met(shop)
    await shop.ask(DescribeCase(alert=alert, note=NOTE))
    await shop.stop_gateway()
    await asyncio.to_thread(age, shop, 89)
    await shop.start_gateway()
    assert (await shop.ask(GetCase(alert=alert))).note == NOTE
    await shop.stop_gateway()
    await asyncio.to_thread(age, shop, 2)
    await shop.start_gateway()
    case = await shop.ask(GetCase(alert=alert))
    assert case.note is None
    assert case.view.alert.note is not None
    assert NOTE.encode() not in bytes_of(shop, "personal.db")


def age(shop: SimulatedShop, days: int) -> None:
    """Make everything personal so many days older."""
    with sqlite3.connect(state(shop) / "personal.db") as db:
        db.execute("UPDATE entry SET mono_ns = mono_ns - ?", (days * 24 * 3600 * 10**9,))
    db.close()


async def test_a_damaged_personal_store_stops_nothing(shop: SimulatedShop) -> None:
    alert = await met(shop)
    await shop.ask(DescribeCase(alert=alert, note=NOTE))
    await shop.stop_gateway()
    (state(shop) / "personal.db").write_bytes(b"no database" * 1000)
    await shop.start_gateway()
    case = await shop.ask(GetCase(alert=alert))
    assert case.note is None
    assert case.view.alert.note is not None
    faults = (await shop.ask(GetStatus())).faults
    assert any("personal/old" in each and "personal.db.damaged-2" in each for each in faults)
    await shop.ask(Resolve(alert=alert, outcome=Outcome.LEFT, note="once more"))
    assert (await shop.ask(GetCase(alert=alert))).note == "once more"


async def test_a_case_ends_though_its_note_cannot_be_kept(shop: SimulatedShop) -> None:
    await shop.stop_gateway()
    for part in state(shop).glob("personal.db*"):
        part.unlink()
    (state(shop) / "personal.db").mkdir()
    await shop.start_gateway()
    before = len(shop.terminal.pages)
    alert = await met(shop)
    assert len(shop.terminal.pages) > before  # it pages regardless
    named = await shop.ask(NameCustomer(alert=alert, customer=CARD))
    assert named.view.unkept
    ended = await shop.ask(Resolve(alert=alert, outcome=Outcome.LEFT, note=NOTE))
    assert ended.unkept
    assert ended.alert.state is AlertState.RESOLVED
    assert any(each.startswith("personal: ") for each in (await shop.ask(GetStatus())).faults)
