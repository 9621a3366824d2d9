"""What may be promised, taken back and undone: caps, stock, void, undo."""

import asyncio
from collections.abc import Awaitable
from typing import Any

import pytest

from gateway.clock import NS_PER_S, Stamp
from gateway.config import Offer
from gateway.errors import Refused
from gateway.events import GrantRedeemed
from gateway.grants.codes import Codes
from gateway.grants.desk import UNDO_S, GrantDesk
from gateway.grants.grant import Grant
from gateway.journal import promises, reading, schema, views
from gateway.journal.store import Journal
from gateway.model import GrantState, Label, OfferKind, Role

HOUR_NS = 3600 * NS_PER_S
# 20:00 in UTC is 23:00 in Moscow, on 2024-10-04.
NOW = Stamp("boot-1", 100 * 24 * HOUR_NS, 20_000 * 24 * HOUR_NS + 20 * HOUR_NS, synced=True)


def offer(name: str, kind: OfferKind = OfferKind.SOUVENIR, **limits: Any) -> Offer:
    tokens = 5.0 if kind is OfferKind.TOKENS else 0.0
    return Offer(name=name, kind=kind, label=Label(ru=name, en=name), tokens=tokens, **limits)


OFFERS = (
    offer("two-each", per_staff_day=2),
    offer("three-a-day", per_shop_day=3),
    offer("two-each-week", per_staff_days=(2, 7)),
    offer("three-a-week", per_shop_days=(3, 7), per_shop_day=2),
    offer("one-a-week", per_customer_days=(1, 7)),
    offer("three-cups", stock=3),
    offer("tokens", OfferKind.TOKENS),
)


def later(hours: float, *, boot: str = "boot-1", synced: bool = True) -> Stamp:
    passed_ns = int(hours * HOUR_NS)
    return Stamp(boot, NOW.mono_ns + passed_ns, NOW.wall_ns + passed_ns, synced=synced)


@pytest.fixture
def desk(kept: Journal) -> GrantDesk:
    return GrantDesk(
        kept, Codes(bytes(32), "box-1"), OFFERS, lambda _: None, timezone="Europe/Moscow"
    )


class Counter:
    """Asks for grants under a new request each."""

    def __init__(self, desk: GrantDesk) -> None:
        self._desk = desk
        self._number = 0

    async def issue(self, name: str, by: str = "Anna", at: Stamp = NOW, **named: Any) -> Grant:
        self._number += 1
        return await self._desk.issue(
            f"r-{self._number}", name, by=by, role=Role.STAFF, at=at, **named
        )


@pytest.fixture
def counter(desk: GrantDesk) -> Counter:
    return Counter(desk)


async def refused(answer: Awaitable[Grant]) -> str:
    with pytest.raises(Refused) as error:
        await answer
    return f"{error.value.code}: {error.value}"


class TestCaps:
    async def test_of_one_person(self, counter: Counter) -> None:
        await counter.issue("two-each")
        await counter.issue("two-each")
        words = await refused(counter.issue("two-each"))
        assert words == "over_cap: Anna has promised two-each 2 times today: no more"
        await counter.issue("two-each", by="Boris")
        await counter.issue("three-a-day")

    async def test_of_the_shop(self, counter: Counter) -> None:
        for name in ("Anna", "Boris", "Clara"):
            await counter.issue("three-a-day", by=name)
        assert "the shop has promised" in await refused(counter.issue("three-a-day", by="Dora"))

    async def test_of_a_customer(self, counter: Counter) -> None:
        await counter.issue("one-a-week", account="zoe")
        words = await refused(counter.issue("one-a-week", by="Boris", account="zoe"))
        assert words == "over_cap: this customer was promised one-a-week 1 times in 7 days: no more"
        await counter.issue("one-a-week", account="max")
        await counter.issue("one-a-week")  # nobody knows who that is
        assert (await refused(counter.issue("one-a-week", at=later(144), account="zoe")))[:8] == (
            "over_cap"
        )
        await counter.issue("one-a-week", at=later(168), account="zoe")

    async def test_of_one_person_in_a_week(self, counter: Counter) -> None:
        await counter.issue("two-each-week")
        await counter.issue("two-each-week", at=later(72))
        words = await refused(counter.issue("two-each-week", at=later(6 * 24)))
        assert words == "over_cap: Anna has promised two-each-week 2 times in 7 days: no more"
        await counter.issue("two-each-week", by="Boris", at=later(6 * 24))
        await counter.issue("two-each-week", at=later(7 * 24))
        assert "over_cap" in await refused(counter.issue("two-each-week", at=later(7 * 24)))

    async def test_of_the_shop_in_a_week(self, counter: Counter) -> None:
        for _ in range(2):
            await counter.issue("three-a-week")
        assert "2 times today" in await refused(counter.issue("three-a-week", by="Boris"))
        await counter.issue("three-a-week", at=later(72))
        words = await refused(counter.issue("three-a-week", by="Boris", at=later(6 * 24)))
        assert words == "over_cap: the shop has promised three-a-week 3 times in 7 days: no more"
        await counter.issue("three-a-week", at=later(7 * 24))

    async def test_of_many_at_once(self, counter: Counter) -> None:
        asked = [counter.issue("three-a-day", by=f"till {number}") for number in range(16)]
        answers = await asyncio.gather(*asked, return_exceptions=True)
        assert sum(isinstance(each, Grant) for each in answers) == 3

    async def test_a_repeat_of_a_request_counts_once(self, desk: GrantDesk) -> None:
        for _ in range(5):
            await desk.issue("same", "two-each", by="Anna", role=Role.STAFF, at=NOW)
        await desk.issue("next", "two-each", by="Anna", role=Role.STAFF, at=NOW)

    async def test_a_day_is_the_shops_own(self, counter: Counter) -> None:
        for _ in range(2):
            await counter.issue("two-each")
        await refused(counter.issue("two-each", at=later(0.9)))
        await counter.issue("two-each", at=later(1.1))  # past midnight in Moscow

    async def test_a_clock_that_was_set_back_frees_nothing(self, counter: Counter) -> None:
        for _ in range(2):
            await counter.issue("two-each", at=later(24))
        assert "over_cap" in await refused(counter.issue("two-each"))

    async def test_without_a_clock_it_is_a_day_of_this_boot(self, counter: Counter) -> None:
        unsure = later(-9_000, boot="boot-2", synced=False)
        for _ in range(2):
            await counter.issue("two-each", at=unsure)
        assert "over_cap" in await refused(counter.issue("two-each", at=unsure))
        set_right = Stamp("boot-2", unsure.mono_ns + HOUR_NS, NOW.wall_ns, synced=True)
        assert "over_cap" in await refused(counter.issue("two-each", at=set_right))
        await counter.issue("two-each", at=later(-9_000 + 24, boot="boot-2", synced=False))


class TestStock:
    async def test_ends_and_comes_back_with_what_is_taken_back(
        self, counter: Counter, desk: GrantDesk
    ) -> None:
        grants = [await counter.issue("three-cups", at=later(24 * day)) for day in range(3)]
        late = later(24 * 99)
        words = await refused(counter.issue("three-cups", at=late))
        assert words == "out_of_stock: there is no three-cups left: all 3 are promised"
        await desk.redeem(grants[0].code, by="Anna", at=NOW)
        await refused(counter.issue("three-cups", at=late))
        await desk.void(grants[1].code, by="Mia", reason="it never came", at=late)
        await counter.issue("three-cups", at=late)
        await refused(counter.issue("three-cups", at=late))

    async def test_outlives_views_that_are_made_anew(self, counter: Counter, kept: Journal) -> None:
        for _ in range(3):
            await counter.issue("three-cups")
        connection = schema.open_writer(kept.path)
        connection.execute("DELETE FROM event WHERE seq = 1")  # trimmed long ago
        schema.set_meta(connection, "views", "of another version")
        views.prepare(connection)
        assert promises.counted(connection, "three-cups", "shop", None) == 3
        connection.close()


class TestVoid:
    async def test_makes_a_code_good_for_nothing(self, counter: Counter, desk: GrantDesk) -> None:
        grant = await counter.issue("two-each")
        void = await desk.void(grant.code, by="Mia", reason="a slip", at=later(1))
        assert (void.state, void.voided_by, void.void_reason) == (GrantState.VOID, "Mia", "a slip")
        assert (await refused(desk.redeem(grant.code, by="Anna", at=later(1))))[:4] == "void"
        assert (await refused(desk.void(grant.code, by="Mia", reason="x", at=NOW)))[:4] == "void"
        assert "not_redeemed" in await refused(desk.undo(grant.code, by="Anna", at=NOW))

    async def test_needs_a_reason_and_a_promise(self, counter: Counter, desk: GrantDesk) -> None:
        grant = await counter.issue("two-each")
        assert "no_reason" in await refused(desk.void(grant.code, by="Mia", reason=" ", at=NOW))
        await desk.redeem(grant.code, by="Anna", at=NOW)
        words = await refused(desk.void(grant.code, by="Mia", reason="x", at=NOW))
        assert words.startswith("already_redeemed: redeemed already on")

    async def test_frees_the_day_on_which_it_was_promised(
        self, counter: Counter, desk: GrantDesk
    ) -> None:
        first = await counter.issue("two-each")
        await counter.issue("two-each")
        await desk.void(first.code, by="Mia", reason="a slip", at=later(48))
        await counter.issue("two-each")
        assert "over_cap" in await refused(counter.issue("two-each"))


class TestUndo:
    async def test_makes_the_code_good_again(
        self, counter: Counter, desk: GrantDesk, kept: Journal
    ) -> None:
        grant = await counter.issue("two-each")
        await desk.redeem(grant.code, by="Anna", at=NOW)
        undone = await desk.undo(grant.code, by="Anna", at=later(UNDO_S / 3600))
        assert (undone.state, undone.redeemed, undone.undone) == (GrantState.ISSUED, None, 1)
        again = await desk.redeem(grant.code, by="Boris", at=later(1))
        assert (again.state, again.redeemed_by) == (GrantState.REDEEMED, "Boris")
        read = kept.read(lambda db: reading.records_after(db, 0, 99))
        events = [each.event for each in await asyncio.wrap_future(read)]
        handed = [each.again for each in events if isinstance(each, GrantRedeemed)]
        assert handed == [False, True]  # the server books the first alone

    @pytest.mark.parametrize(
        ("code", "by", "at"),
        [
            ("not_yours", "Boris", NOW),
            ("too_late", "Anna", later((UNDO_S + 1) / 3600)),
            ("too_late", "Anna", Stamp("boot-2", 0, NOW.wall_ns, synced=True)),
        ],
    )
    async def test_is_only_for_who_did_it_and_at_once(
        self, counter: Counter, desk: GrantDesk, code: str, by: str, at: Stamp
    ) -> None:
        grant = await counter.issue("two-each")
        await desk.redeem(grant.code, by="Anna", at=NOW)
        assert (await refused(desk.undo(grant.code, by=by, at=at))).startswith(code)
        assert "already_redeemed" in await refused(desk.redeem(grant.code, by="Anna", at=NOW))

    async def test_takes_no_tokens_back(self, counter: Counter, desk: GrantDesk) -> None:
        grant = await counter.issue("tokens", account="zoe")
        assert "not_redeemed" in await refused(desk.undo(grant.code, by="Anna", at=NOW))
        await desk.redeem(grant.code, by="Anna", at=NOW)
        assert "tokens_paid" in await refused(desk.undo(grant.code, by="Anna", at=NOW))


async def test_what_is_outstanding_is_what_may_still_be_redeemed(
    counter: Counter, desk: GrantDesk, kept: Journal
) -> None:
    async def outstanding(at: Stamp) -> tuple[int, float, float]:
        return await asyncio.wrap_future(kept.read(lambda db: promises.outstanding(db, at)))

    first = await counter.issue("tokens", account="zoe")
    second = await counter.issue("three-cups")
    third = await counter.issue("three-cups")
    assert await outstanding(NOW) == (3, 0.0, 5.0)
    await desk.redeem(first.code, by="Anna", at=NOW)
    await desk.redeem(second.code, by="Anna", at=NOW)
    assert await outstanding(NOW) == (1, 0.0, 0.0)
    await desk.undo(second.code, by="Anna", at=NOW)
    await desk.void(third.code, by="Mia", reason="a slip", at=NOW)
    assert await outstanding(NOW) == (1, 0.0, 0.0)
    long_after = later(24 * 31)
    assert await outstanding(long_after) == (0, 0.0, 0.0)
    unsure = later(24 * 31, boot="boot-2", synced=False)
    assert await outstanding(unsure) == (1, 0.0, 0.0)  # the worst case: nobody knows the date
