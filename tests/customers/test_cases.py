"""A case on the real daemon, from the press to its end."""

import asyncio
import sqlite3
from pathlib import Path

from gateway.customers.messages import CallSecurity, DescribeCase, GetCase, GetCases, GetGuidance
from gateway.events import AnswerStood
from gateway.messages import (
    Acknowledge,
    Contact,
    GetAlerts,
    GetRecords,
    IssueGrant,
    Resolve,
    Withdraw,
)
from gateway.model import AlertState, Outcome, ReceiptState
from gateway.simulator.shop import SimulatedShop
from tests.customers.cases import NOTE, met, pressed, state, why_not


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
