"""What speaks for misuse, and what does not: fair to regulars, plain in its reasons."""

import asyncio
from typing import Any

import pytest

from gateway.clock import NS_PER_S, Stamp
from gateway.config import Offer, Staff
from gateway.errors import Refused
from gateway.events import AlertRaised, AlertResolved, GrantIssued, Pressed
from gateway.grants.codes import Codes
from gateway.grants.desk import GrantDesk
from gateway.grants.misuse import NEEDS_MANAGER, Claim, Request, Verdict, judge
from gateway.journal import promises, reading, schema, views
from gateway.journal.store import Journal
from gateway.model import AlertCause, ButtonKind, Label, OfferKind, Outcome, PressFlag, Role

HOUR_NS = 3600 * NS_PER_S
NOW = Stamp("boot-1", 5000 * HOUR_NS, 500_000 * HOUR_NS, synced=True)


def ago(hours: float, *, boot: str = "boot-1", synced: bool = True) -> Stamp:
    passed_ns = int(hours * HOUR_NS)
    return Stamp(boot, NOW.mono_ns - passed_ns, NOW.wall_ns - passed_ns, synced=synced)


def claim(hours: float = 0.0, **named: Any) -> Claim:
    given: dict[str, Any] = {"staff": "Anna", "account": None, "zone": "hall", "pressed": True}
    return Claim(**{**given, "at": ago(hours), **named})


def judged(
    latest: list[Claim], owner: str | None = None, presses: int = 1, **named: Any
) -> Verdict:
    asked = claim(**named)
    before = tuple(each.at for each in latest if each.account and each.account == asked.account)
    return judge(Request(claim=asked, before=before, owner=owner, presses=presses), latest)


def signs(verdict: Verdict) -> set[str]:
    return {reason.sign for reason in verdict.reasons}


def test_an_honest_day_says_nothing() -> None:
    latest = [claim(hours, account=f"card-{hours}") for hours in range(2, 40)]
    assert judged(latest, account="zoe") == Verdict(())


@pytest.mark.parametrize(
    ("sign", "latest", "asked"),
    [
        ("no_press", [], {"pressed": False}),
        ("repeat_customer", [claim(20, account="zoe")] * 3, {"account": "zoe", "zone": "till"}),
        ("repeat_staff", [claim(0.5, zone="till")] * 6, {}),
        ("repeat_zone", [claim(0.5, staff="Boris")] * 5, {}),
        ("mashing", [], {"presses": 10}),
        ("self_dealing", [], {"owner": "Boris"}),
    ],
)
def test_one_sign_alone_needs_no_manager(
    sign: str, latest: list[Claim], asked: dict[str, Any]
) -> None:
    verdict = judged(latest, **asked)
    assert signs(verdict) == {sign}
    assert 0 < verdict.score < NEEDS_MANAGER
    assert not verdict.needs_manager
    one_less = judged(latest[1:], **asked)
    assert bool(one_less.reasons) == (not latest)


def test_granting_to_oneself_always_does() -> None:
    verdict = judged([], owner="Anna", account="anna-1")
    assert verdict.needs_manager
    assert verdict.words == Label(
        ru="это счёт того, кто выдаёт", en="the account is the granter's own"
    )


def test_signs_add_up_and_the_weightiest_is_said_first() -> None:
    latest = [claim(30 + hours, account="zoe", pressed=False) for hours in range(6)]
    verdict = judged(latest, account="zoe", pressed=False)
    assert signs(verdict) == {"no_press", "staff_without_press", "repeat_customer"}
    assert verdict.needs_manager
    assert verdict.words.en == (
        "this customer was promised 6 in a month already;"
        " 6 of Anna's 6 this week were without a press; nobody pressed a button"
    )
    assert verdict.score == 100


def test_one_customer_among_many_is_no_concentration() -> None:
    many = [claim(100, account=f"card-{number % 10}", zone="till") for number in range(40)]
    assert "concentration" not in signs(judged(many, account="card-1"))
    few = [claim(100, account=f"card-{number % 4}", zone="till") for number in range(20)]
    assert "concentration" in signs(judged(few, account="card-1"))
    assert "concentration" not in signs(judged(few[1:], account="card-1"))


@pytest.mark.parametrize(
    "at",
    [
        ago(24 * 31),
        ago(1, boot="boot-0", synced=False),  # nobody knows when that was
        ago(-1),
    ],
)
def test_what_is_old_or_of_unknown_age_counts_for_nothing(at: Stamp) -> None:
    assert judged([claim(account="zoe", at=at)] * 30, account="zoe") == Verdict(())


CUP = Offer(name="cup", kind=OfferKind.SOUVENIR, label=Label(ru="Кружка", en="Cup"), cost=2.0)
SORRY = Offer(name="sorry", kind=OfferKind.APOLOGY, label=Label(ru="Простите", en="Sorry"))
STAFF = (Staff(name="Anna", account="anna-1"), Staff(name="Boris", account="boris-1"))


@pytest.fixture
def desk(kept: Journal) -> GrantDesk:
    codes = Codes(bytes(32), "box-1")
    return GrantDesk(kept, codes, (CUP, SORRY), lambda _: None, staff=STAFF)


class TestAtTheDesk:
    async def test_it_lowers_compensation_and_never_words(self, desk: GrantDesk) -> None:
        asked: dict[str, Any] = {"by": "Anna", "at": NOW, "account": "anna-1"}
        for role, override in ((Role.STAFF, None), (Role.STAFF, "I may"), (Role.MANAGER, None)):
            with pytest.raises(Refused, match=r"granter's own.* / это счёт") as error:
                await desk.issue("r-1", "cup", role=role, override=override, **asked)
            assert error.value.code == "needs_manager"
        await desk.issue("r-1", "sorry", role=Role.STAFF, **asked)

    async def test_a_manager_overrides_with_a_reason_that_is_kept_and_counted(
        self, desk: GrantDesk, kept: Journal
    ) -> None:
        asked: dict[str, Any] = {"by": "Anna", "role": Role.MANAGER, "at": NOW}
        with pytest.raises(Refused) as error:
            await desk.issue("r-1", "cup", account="anna-1", override="", **asked)
        assert error.value.code == "no_reason"
        grant = await desk.issue("r-2", "cup", account="anna-1", override="a fair claim", **asked)
        assert grant.override == "a fair claim"
        plain = await desk.issue("r-3", "cup", account="zoe", override="to be sure", **asked)
        assert plain.override is None  # nothing was overridden
        assert await asyncio.wrap_future(kept.read(promises.overrides)) == 1
        found = await asyncio.wrap_future(kept.read(lambda db: reading.records_after(db, 0, 9)))
        issued = [each.event for each in found if isinstance(each.event, GrantIssued)]
        assert [each.score for each in issued] == [100, 15]

    async def test_signs_come_from_the_journal(self, desk: GrantDesk, kept: Journal) -> None:
        raised = AlertRaised(alert="a-1", cause=AlertCause.RED, zone="hall")
        kept.append(raised, NOW).result()
        asked: dict[str, Any] = {"role": Role.STAFF, "at": NOW}
        await desk.issue("r-0", "cup", by="Anna", alert="a-1", **asked)
        for number in range(6):
            await desk.issue(f"b-{number}", "cup", by="Boris", **asked)
        latest = await asyncio.wrap_future(kept.read(promises.latest_claims))
        assert [(each.staff, each.zone, each.pressed) for each in latest] == [
            *[("Boris", None, False)] * 6,
            ("Anna", "hall", True),
        ]
        with pytest.raises(Refused, match="Boris promised 6 within an hour") as error:
            await desk.issue("b-7", "cup", by="Boris", **asked)
        assert error.value.code == "needs_manager"
        await desk.issue("r-1", "cup", by="Anna", alert="a-1", **asked)

    async def test_false_alarms_and_misuse_are_counted_for_ever(self, kept: Journal) -> None:
        ended = [Outcome.FALSE_ALARM, Outcome.RECOVERED, Outcome.FALSE_ALARM, Outcome.MISUSE]
        for number, outcome in enumerate(ended):
            name = f"a-{number}"
            kept.append(AlertRaised(alert=name, cause=AlertCause.RED, zone="hall"), NOW).result()
            kept.append(AlertResolved(alert=name, by="Anna", outcome=outcome), NOW).result()
        connection = schema.open_writer(kept.path)
        connection.execute("DELETE FROM event WHERE seq <= 2")  # trimmed long ago
        schema.set_meta(connection, "views", "of another version")
        views.prepare(connection)
        counts = [promises.ended_as(connection, each) for each in Outcome]
        connection.close()
        assert dict(zip(Outcome, counts, strict=True)) == {
            **dict.fromkeys(Outcome, 0),
            Outcome.RECOVERED: 1,
            Outcome.FALSE_ALARM: 2,
            Outcome.MISUSE: 1,
        }

    async def test_a_customer_is_known_among_however_many(
        self, desk: GrantDesk, kept: Journal
    ) -> None:
        raised = AlertRaised(alert="a-1", cause=AlertCause.RED, zone="hall")
        kept.append(raised, NOW).result()
        asked: dict[str, Any] = {"role": Role.STAFF, "alert": "a-1"}
        for number in range(3):
            await desk.issue(f"z-{number}", "cup", by="Anna", account="zoe", at=NOW, **asked)
        for number in range(promises.CLAIMS_KEPT):  # the shop is busy
            at = ago(-2 * number - 2)
            await desk.issue(f"r-{number}", "cup", by=f"p-{number}", at=at, **asked)
        late = ago(-100)
        await desk.issue("z-3", "cup", by="Anna", account="zoe", at=late, **asked)
        await desk.issue("z-4", "cup", by="Anna", account="max", at=late, **asked)
        read = kept.read(lambda db: reading.records_after(db, 0, 99))
        scores = [
            each.event.score
            for each in await asyncio.wrap_future(read)
            if isinstance(each.event, GrantIssued)
        ]
        assert scores == [0] * (3 + promises.CLAIMS_KEPT) + [25, 0]
        for number in range(promises.CLAIMED_KEPT + 3):
            at = ago(-101)
            await desk.issue(
                f"m-{number}",
                "cup",
                by="Mia",
                role=Role.MANAGER,
                account="zoe",
                at=at,
                override="ok",
            )
        found = await asyncio.wrap_future(kept.read(lambda db: promises.claimed(db, "zoe")))
        assert len(found) == promises.CLAIMED_KEPT

    async def test_playing_with_the_buttons_of_the_zone_counts(
        self, desk: GrantDesk, kept: Journal
    ) -> None:
        raised = AlertRaised(alert="a-1", cause=AlertCause.RED, zone="hall")
        kept.append(raised, NOW).result()
        for zone, flag in (
            ("hall", PressFlag.MASHING),
            ("hall", None),
            ("till", PressFlag.MASHING),
        ):
            pressed = Pressed(button="b", kind=ButtonKind.UNHAPPY, zone=zone, flag=flag)
            kept.append_all((pressed,) * 9, NOW).result()
        asked: dict[str, Any] = {"by": "Anna", "role": Role.STAFF, "alert": "a-1"}
        await desk.issue("r-1", "cup", at=ago(-0.2), **asked)
        await desk.issue("r-2", "cup", at=ago(-0.3), **asked)  # long over
        read = kept.read(lambda db: reading.records_after(db, 0, 99))
        issued = [each.event for each in await asyncio.wrap_future(read)][-2:]
        assert [each.score for each in issued if isinstance(each, GrantIssued)] == [20, 0]

    async def test_only_so_many_claims_are_kept(self, desk: GrantDesk, kept: Journal) -> None:
        for number in range(promises.CLAIMS_KEPT + 5):
            at = Stamp("boot-1", NOW.mono_ns + number * HOUR_NS, NOW.wall_ns, synced=True)
            await desk.issue(f"r-{number}", "cup", by=f"p-{number}", role=Role.STAFF, at=at)
        latest = await asyncio.wrap_future(kept.read(promises.latest_claims))
        assert [each.staff for each in latest] == [
            f"p-{number}" for number in reversed(range(5, promises.CLAIMS_KEPT + 5))
        ]
