"""A case from the press to its end, on the real daemon: what is kept of it, where, and how long."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.customers.messages import (
    CallSecurity,
    DescribeCase,
    ForgetCustomer,
    GetCase,
    GetCases,
    GetGuidance,
    LookUpCustomer,
    NameCustomer,
    RedeemScanned,
    RotateKey,
)
from gateway.errors import Refused
from gateway.events import AnswerStood
from gateway.grants.cache import GrantCache
from gateway.messages import (
    Acknowledge,
    Contact,
    GetAlerts,
    GetRecords,
    GetStatus,
    IssueGrant,
    Redeem,
    Resolve,
    SimulatePress,
    Withdraw,
)
from gateway.model import AlertState, GrantState, Outcome, ReceiptState
from gateway.simulator.shop import SimulatedShop
from tests.grants.test_personal import central_code

RED = "exit-very-unhappy"
CARD = "29123456"
ACCOUNT = f"card:{CARD}"
NOTE = "cold soup, sat by the window"


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[SimulatedShop]:
    async with SimulatedShop(tmp_path) as opened:
        yield opened


async def pressed(shop: SimulatedShop, button: str = RED) -> str:
    """A new alert; a second press of one button would be a repeat."""
    await shop.ask(SimulatePress(button=button))
    return (await shop.ask(GetAlerts()))[-1].alert.id


async def met(shop: SimulatedShop, button: str = RED) -> str:
    """A case whose customer somebody is with."""
    alert = await pressed(shop, button)
    await shop.ask(Acknowledge(alert=alert))
    await shop.ask(Contact(alert=alert))
    return alert


async def why_not(shop: SimulatedShop, request: object, token: str | None = None) -> str:
    with pytest.raises(Refused) as refused:
        await shop.ask(request, token)  # type: ignore[arg-type]
    return refused.value.code


def state(shop: SimulatedShop) -> Path:
    return shop.directory / "state"


def bytes_of(shop: SimulatedShop, *names: str) -> bytes:
    """What is on the disk under these names, write-ahead logs with them."""
    parts = [part for name in names for part in sorted(state(shop).glob(f"{name}*"))]
    return b"".join(part.read_bytes() for part in parts)


async def test_from_the_press_to_the_end(shop: SimulatedShop) -> None:
    alert = await pressed(shop)
    description = DescribeCase(alert=alert, severity=3, cause="product", note=NOTE)
    assert await why_not(shop, description) == "not_contacted"
    await shop.ask(Acknowledge(alert=alert))
    await shop.ask(Contact(alert=alert))
    assert await why_not(shop, DescribeCase(alert=alert, severity=6)) == "bad_severity"
    assert await why_not(shop, DescribeCase(alert=alert, cause="weather")) == "unknown_cause"
    assert await why_not(shop, DescribeCase(alert=alert, note="x" * 1001)) == "bad_note"
    described = await shop.ask(description)
    assert (described.view.alert.severity, described.view.alert.mishap) == (3, "product")
    assert described.note == NOTE
    assert described.proposals > 0
    changed = await shop.ask(DescribeCase(alert=alert, severity=2))
    assert (changed.view.alert.severity, changed.view.alert.mishap) == (2, "product")
    assert changed.note == NOTE
    ended = await shop.ask(Resolve(alert=alert, outcome=Outcome.RECOVERED))
    case = ended.alert
    assert (case.state, case.outcome) == (AlertState.RESOLVED, Outcome.RECOVERED)
    assert (case.severity, case.mishap) == (2, "product")
    acts = [case.acknowledged, case.contacted, case.described, case.closed]
    moments = [act.at.mono_ns for act in acts if act is not None]
    assert len(moments) == 4
    assert moments == sorted(moments)
    assert (await shop.ask(GetCase(alert=alert))).note == NOTE


async def test_an_answer_is_taken_back_until_more_is_done(shop: SimulatedShop) -> None:
    alert = await pressed(shop)
    for answer in (Acknowledge, Contact):
        said = await shop.ask(answer(alert=alert))
        assert said.undo_s is not None
        assert 0 < said.undo_s <= 10
        back = await shop.ask(Withdraw(alert=alert))
        assert (back.alert.state, back.alert.taken, back.undo_s) == (AlertState.OPEN, None, None)
        assert back.next_page_s is not None
    await shop.ask(Acknowledge(alert=alert))
    await shop.ask(IssueGrant(request="r", offer="apology", alert=alert))
    assert await why_not(shop, Withdraw(alert=alert)) == "answer_stands"
    assert (await shop.ask(GetAlerts()))[0].undo_s is None
    assert await why_not(shop, Withdraw(alert="no-such")) == "unknown_alert"


async def test_an_answer_stands_when_the_gateway_starts_again(shop: SimulatedShop) -> None:
    alert = await pressed(shop)
    await shop.ask(Contact(alert=alert))
    await shop.stop_gateway()
    await shop.start_gateway()
    assert await why_not(shop, Withdraw(alert=alert)) == "answer_stands"
    events = [each.event for each in await shop.ask(GetRecords(most=1000))]
    (stood,) = (each for each in events if isinstance(each, AnswerStood))
    assert (stood.alert, stood.state) == (alert, AlertState.CONTACTED)


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


async def test_security_is_paged_and_not_taken_back(shop: SimulatedShop) -> None:
    alert = await met(shop)
    call = await shop.ask(CallSecurity(alert=alert))
    assert [each.pager for each in call.pages] == ["watch-2"]
    assert call.pages[0].receipt.state is ReceiptState.ACCEPTED
    assert "112" in call.words.en
    texts = [page.text for page in shop.terminal.pages if page.pager == "1002"]
    assert any(text.upper().startswith("SECURITY EXIT") for text in texts)
    ended = await shop.ask(Resolve(alert=alert, outcome=Outcome.MISUSE))
    assert ended.alert.security is not None
    (misuse,) = await shop.ask(GetCases(closed=True, outcome=Outcome.MISUSE))
    assert misuse.alert.id == alert
    assert await why_not(shop, CallSecurity(alert=alert)) == "unknown_alert"


async def test_without_security_the_words_are_all(tmp_path: Path) -> None:
    shop = SimulatedShop(tmp_path)
    async with shop:
        await shop.stop_gateway()
        words = 'words = { ru = "Пост 2", en = "Post 2" }'
        text = shop.config_file.read_text()
        changed = text.replace('[security]\nto = ["managers"]', f"[security]\n{words}")
        shop.config_file.write_text(changed)
        await shop.start_gateway()
        call = await shop.ask(CallSecurity(alert=await pressed(shop)))
        assert (call.pages, call.words.ru) == ((), "Пост 2")


async def test_cases_are_listed_by_how_they_are(shop: SimulatedShop) -> None:
    open_alert = await pressed(shop)
    assert await shop.ask(GetCases()) == ()  # nobody has taken it yet
    await shop.ask(Acknowledge(alert=open_alert))
    (case,) = await shop.ask(GetCases(closed=False))
    assert case.alert.id == open_alert
    await shop.ask(Resolve(alert=open_alert, outcome=Outcome.LEFT, cause="delay"))
    assert await shop.ask(GetCases(closed=False)) == ()
    assert len(await shop.ask(GetCases(cause="delay"))) == 1
    assert await shop.ask(GetCases(cause="money")) == ()
    assert await shop.ask(GetCases(outcome=Outcome.RECOVERED)) == ()
    assert await why_not(shop, GetCases(cause="weather")) == "unknown_cause"


async def test_guidance_is_four_steps_in_both_languages(shop: SimulatedShop) -> None:
    steps = await shop.ask(GetGuidance())
    assert [step.label.en for step in steps] == ["Let them finish", "Reflect", "Sum up", "Offer"]
    assert all(step.label.ru and step.text.ru and step.text.en for step in steps)


async def test_a_scanner_reads_codes_and_cards(shop: SimulatedShop) -> None:
    assert await why_not(shop, RedeemScanned(text=CARD)) == "no_grants"
    assert await why_not(shop, RedeemScanned(text="0000")) == "mistyped"
    issued = [
        await shop.ask(IssueGrant(request=f"r{n}", offer="apology", customer=CARD))
        for n in range(3)
    ]
    codes = [each.grant.code for each in issued]
    several = await shop.ask(RedeemScanned(text=CARD))
    assert several.redeemed is None
    assert {each.grant.code for each in several.choose} == set(codes)
    by_code = await shop.ask(RedeemScanned(text=codes[0].lower().replace("-", " ")))
    assert by_code.redeemed is not None
    await shop.ask(Redeem(code=codes[1]))
    by_card = await shop.ask(RedeemScanned(text=f"{CARD}\n"))
    assert by_card.redeemed is not None
    assert by_card.redeemed.grant.code == codes[2]
    assert by_card.redeemed.grant.state is GrantState.REDEEMED
    assert await why_not(shop, RedeemScanned(text=CARD)) == "no_grants"


async def test_a_card_that_looks_like_a_code_is_a_card(shop: SimulatedShop) -> None:
    await shop.stop_gateway()
    text = shop.config_file.read_text()
    longer = text.replace("'29[0-9]{6}'", "'29[0-9]{6}|[0-9A-Z]{16}'")
    assert longer != text
    shop.config_file.write_text(longer)
    await shop.start_gateway()
    card = central_code("demo-cafe")
    assert await why_not(shop, RedeemScanned(text=card)) == "no_grants"
    issued = await shop.ask(IssueGrant(request="r", offer="apology", customer=card))
    by_card = (await shop.ask(RedeemScanned(text=card))).redeemed
    assert by_card is not None
    assert by_card.grant.code == issued.grant.code


async def test_one_card_at_many_tills_is_redeemed_once(shop: SimulatedShop) -> None:
    await shop.ask(IssueGrant(request="r", offer="apology", customer=CARD))

    async def till() -> bool:
        try:
            return (await shop.ask(RedeemScanned(text=CARD))).redeemed is not None
        except Refused:
            return False

    assert sum(await asyncio.gather(*(till() for _ in range(8)))) == 1


async def test_a_new_key_leaves_live_codes_alive(shop: SimulatedShop) -> None:
    before = await shop.ask(IssueGrant(request="r1", offer="apology"))
    undone = await shop.ask(IssueGrant(request="r2", offer="apology"))
    await shop.ask(Redeem(code=undone.grant.code))
    manager = await shop.sign_in("manager")
    assert await why_not(shop, RotateKey(), manager.token) == "forbidden"
    assert (await shop.ask(RotateKey())).old == 1
    assert await why_not(shop, Redeem(code=undone.grant.code)) == "already_redeemed"
    after = await shop.ask(IssueGrant(request="r3", offer="apology"))
    await shop.stop_gateway()
    await shop.start_gateway()
    assert len((state(shop) / "grant.key").read_bytes()) == 64
    for issued in (before, after):
        view = await shop.ask(Redeem(code=issued.grant.code))
        assert view.grant.state is GrantState.REDEEMED


async def test_old_journals_still_read(shop: SimulatedShop) -> None:
    """A free word of a journal of before stays where it is, and is told."""
    alert = await pressed(shop)
    await shop.ask(Resolve(alert=alert, outcome=Outcome.LEFT))
    await shop.stop_gateway()
    await asyncio.to_thread(make_old, shop)
    await shop.start_gateway()
    case = await shop.ask(GetCase(alert=alert))
    assert case.view.alert.reason == "cold soup"
    assert case.note is None


def make_old(shop: SimulatedShop) -> None:
    """The end of a case as an older version wrote it."""
    with sqlite3.connect(state(shop) / "journal.db") as db:
        db.execute(
            "UPDATE event SET body = CAST(json_remove(json_set(CAST(body AS TEXT), '$.reason',"
            " 'cold soup'), '$.cause', '$.note') AS BLOB) WHERE CAST(body AS TEXT) LIKE ?",
            ('%"alert_resolved"%',),
        )
        db.execute("DELETE FROM meta WHERE key = 'views'")
    db.close()
