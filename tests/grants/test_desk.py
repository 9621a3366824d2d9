"""Issue and redemption on a real journal: once, whoever asks and however often."""

import asyncio
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest

from gateway.clock import NS_PER_S, Stamp
from gateway.config import Offer
from gateway.errors import JournalError, Refused
from gateway.events import GrantIssued, GrantRedeemed
from gateway.grants.codes import Codes
from gateway.grants.desk import GrantDesk
from gateway.grants.grant import Grant
from gateway.journal import playbooks, reading, schema, views
from gateway.journal.playbooks import Playbook
from gateway.journal.store import Identity, Journal
from gateway.model import GrantState, Label, OfferKind, Role
from gateway.simulator.disk import Disk

KEY = bytes(32)
DAY_NS = 24 * 3600 * NS_PER_S
NOW = Stamp("boot-1", 10 * DAY_NS, 20_000 * DAY_NS, synced=True)
COUPON = Offer(
    name="coupon", kind=OfferKind.COUPON, label=Label(ru="Купон", en="Coupon"), valid_days=30
)
TOKENS = Offer(
    name="tokens", kind=OfferKind.TOKENS, label=Label(ru="Бонусы", en="Tokens"), tokens=5.25
)
REFUND = Offer(
    name="refund", kind=OfferKind.REFUND, label=Label(ru="Возврат", en="Refund"), role=Role.MANAGER
)


def later(*, days: float = 0.0, boot: str = "boot-1", synced: bool = True) -> Stamp:
    passed_ns = int(days * DAY_NS)
    return Stamp(boot, NOW.mono_ns + passed_ns, NOW.wall_ns + passed_ns, synced=synced)


@pytest.fixture
def told() -> list[Grant]:
    return []


@pytest.fixture
def desk(kept: Journal, told: list[Grant]) -> GrantDesk:
    return GrantDesk(kept, Codes(KEY, "box-1"), (COUPON, TOKENS, REFUND), told.append)


async def issue(
    desk: GrantDesk, request: str = "r-1", offer: str = "coupon", **named: Any
) -> Grant:
    given: dict[str, Any] = {"by": "Anna", "role": Role.STAFF, "at": NOW, **named}
    return await desk.issue(request, offer, **given)


async def events(kept: Journal) -> list[object]:
    found = await asyncio.wrap_future(kept.read(lambda db: reading.records_after(db, 0, 10_000)))
    return [each.event for each in found]


async def test_a_grant_is_issued_and_redeemed(
    desk: GrantDesk, kept: Journal, told: list[Grant]
) -> None:
    grant = await issue(desk, alert="a-1")
    assert (grant.state, grant.issued_by, grant.alert) == (GrantState.ISSUED, "Anna", "a-1")
    assert grant.expires == later(days=30)
    redeemed = await desk.redeem(grant.code, by="Boris", at=later(days=1))
    assert (redeemed.state, redeemed.redeemed_by) == (GrantState.REDEEMED, "Boris")
    assert redeemed.redeemed == later(days=1)
    assert told == [grant, redeemed]
    assert [type(each) for each in await events(kept)] == [GrantIssued, GrantRedeemed]
    found = await asyncio.wrap_future(kept.read(lambda db: views.find_grant(db, grant.code)))
    assert found == redeemed


async def test_tokens_carry_what_the_server_needs(desk: GrantDesk, kept: Journal) -> None:
    grant = await issue(desk, offer="tokens", account="zoe")
    await desk.redeem(grant.code, by="Boris", at=NOW)
    assert (await events(kept))[-1] == GrantRedeemed(
        code=grant.code, by="Boris", kind=OfferKind.TOKENS, account="zoe", tokens=5.25
    )


async def test_of_sixteen_tills_at_once_one_wins(
    desk: GrantDesk, kept: Journal, told: list[Grant]
) -> None:
    grants = [await issue(desk, f"r-{number}") for number in range(5)]
    for grant in grants:
        tries = [desk.redeem(grant.code, by=f"till {till}", at=NOW) for till in range(16)]
        answers = await asyncio.gather(*tries, return_exceptions=True)
        (won,) = [each for each in answers if isinstance(each, Grant)]
        lost = [each for each in answers if isinstance(each, Refused)]
        assert {each.code for each in lost} == {"already_redeemed"}
        assert len(lost) == 15
        assert all(f"by {won.redeemed_by}" in str(each) for each in lost)
    kinds = [type(each) for each in await events(kept)]
    assert kinds.count(GrantRedeemed) == 5
    assert len(told) == 10


async def test_a_repeat_of_a_request_is_the_same_grant(desk: GrantDesk, kept: Journal) -> None:
    answers = await asyncio.gather(*(issue(desk) for _ in range(16)))
    assert len({each.code for each in answers}) == 1
    assert len(await events(kept)) == 1
    await desk.redeem(answers[0].code, by="Boris", at=NOW)
    assert (await issue(desk)).state is GrantState.REDEEMED


@pytest.mark.parametrize(
    "other", [{"alert": "a-2"}, {"account": "zoe"}, {"offer": "tokens", "account": "zoe"}]
)
async def test_a_request_id_is_not_for_another_grant(
    desk: GrantDesk, other: dict[str, str]
) -> None:
    await issue(desk)
    with pytest.raises(Refused) as refused:
        await issue(desk, **other)
    assert refused.value.code == "request_reused"


@pytest.mark.parametrize(
    ("code", "asked"),
    [
        ("unknown_offer", {"offer": "yacht"}),
        ("forbidden", {"offer": "refund"}),
        ("no_account", {"offer": "tokens"}),
        ("no_account", {"offer": "tokens", "account": ""}),
        ("bad_request", {"offer": "tokens", "account": "two\nlines"}),
        ("bad_request", {"offer": "tokens", "account": " zoe"}),
        ("bad_request", {"account": "z" * 201}),
        ("bad_request", {"request": ""}),
        ("bad_request", {"request": "r" * 65}),
    ],
)
async def test_what_is_not_issued(
    desk: GrantDesk, kept: Journal, told: list[Grant], code: str, asked: dict[str, str]
) -> None:
    with pytest.raises(Refused) as refused:
        await issue(desk, **asked)
    assert refused.value.code == code
    assert await events(kept) == told == []


async def test_a_manager_may_grant_what_staff_may_not(desk: GrantDesk) -> None:
    assert (await issue(desk, offer="refund", role=Role.OWNER)).offer == "refund"


async def test_what_is_not_redeemed(desk: GrantDesk, kept: Journal) -> None:
    nobodys = Codes(KEY, "box-1").new()
    refusals: list[tuple[str, Callable[[], str]]] = [
        ("unknown_code", lambda: nobodys),
        ("mistyped", lambda: "XXXX"),
        ("foreign_shop", lambda: Codes(KEY, "box-2").new()),
        ("forged", lambda: Codes(bytes(31) + b"x", "box-1").new()),
    ]
    for code, typed in refusals:
        with pytest.raises(Refused) as refused:
            await desk.redeem(typed(), by="Boris", at=NOW)
        assert refused.value.code == code
    assert await events(kept) == []


class TestExpiry:
    @pytest.mark.parametrize(
        "moment",
        [
            later(days=29.9),
            later(days=30),
            later(days=29.9, boot="boot-2"),
            later(days=400, boot="boot-2", synced=False),  # nobody knows what day it is
            later(days=-5, boot="boot-2"),
        ],
    )
    async def test_is_never_decided_against_the_customer_in_doubt(
        self, desk: GrantDesk, moment: Stamp
    ) -> None:
        grant = await issue(desk)
        assert (await desk.redeem(grant.code, by="x", at=moment)).state is GrantState.REDEEMED

    async def test_of_a_grant_issued_without_a_clock_is_not_known_after_a_restart(
        self, desk: GrantDesk
    ) -> None:
        unsure = Stamp("boot-1", NOW.mono_ns, 0, synced=False)
        grant = await issue(desk, at=unsure)
        redeemed = await desk.redeem(grant.code, by="x", at=later(days=1, boot="boot-2"))
        assert redeemed.state is GrantState.REDEEMED

    @pytest.mark.parametrize(
        "moment",
        [
            later(days=30.1),
            later(days=30.1, synced=False),  # within one boot no wall clock is asked
            later(days=30.1, boot="boot-2"),
        ],
    )
    async def test_is_said_when_it_is_certain(
        self, desk: GrantDesk, kept: Journal, moment: Stamp
    ) -> None:
        grant = await issue(desk)
        with pytest.raises(Refused, match=r"expired on 20") as refused:
            await desk.redeem(grant.code, by="x", at=moment)
        assert refused.value.code == "expired"
        assert len(await events(kept)) == 1

    async def test_does_not_undo_a_redemption(self, desk: GrantDesk) -> None:
        grant = await issue(desk)
        await desk.redeem(grant.code, by="x", at=NOW)
        with pytest.raises(Refused) as refused:
            await desk.redeem(grant.code, by="x", at=later(days=99))
        assert refused.value.code == "already_redeemed"


async def test_a_disk_that_refuses_decides_nothing(
    tmp_path: Path, told: list[Grant], monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = Disk()
    monkeypatch.setattr(schema, "open_writer", partial(schema.open_writer, factory=disk.connection))
    kept = Journal(tmp_path / "j.db", Identity("box-1", "shop", 1), on_change=lambda: None)
    kept.start()
    desk = GrantDesk(kept, Codes(KEY, "box-1"), (COUPON,), told.append)
    grant = await issue(desk)
    disk.refuse(13)
    with pytest.raises(JournalError):
        await desk.redeem(grant.code, by="x", at=NOW)
    with pytest.raises(JournalError):
        await issue(desk, "r-2")
    disk.heal()
    assert told == [grant]
    assert (await desk.redeem(grant.code, by="x", at=NOW)).state is GrantState.REDEEMED
    kept.close()


async def test_a_restart_changes_nothing(tmp_path: Path, told: list[Grant]) -> None:
    def open_desk() -> tuple[Journal, GrantDesk]:
        kept = Journal(tmp_path / "j.db", Identity("box-1", "shop", 1), on_change=lambda: None)
        kept.start()
        return kept, GrantDesk(kept, Codes(KEY, "box-1"), (COUPON,), told.append)

    kept, desk = open_desk()
    first, second = await issue(desk, "r-1"), await issue(desk, "r-2")
    await desk.redeem(first.code, by="x", at=NOW)
    kept.close()
    kept, desk = open_desk()
    assert await issue(desk, "r-2") == second
    with pytest.raises(Refused, match="redeemed already"):
        await desk.redeem(first.code, by="x", at=NOW)
    assert (await desk.redeem(second.code, by="x", at=NOW)).state is GrantState.REDEEMED
    kept.close()


async def test_a_grant_names_the_playbook_that_it_was_issued_under(
    desk: GrantDesk, kept: Journal
) -> None:
    before = [await issue(desk, f"r-{number}") for number in range(2)]
    cheaper = msgspec.structs.replace(COUPON, cost=3.0)
    changed = GrantDesk(kept, Codes(KEY, "box-1"), (cheaper,), lambda _: None)
    after = await issue(changed, "r-2")
    back = await issue(desk, "r-3")
    assert before[0].playbook == before[1].playbook == back.playbook != after.playbook
    read = kept.read(lambda db: [playbooks.find(db, each.playbook) for each in (back, after)])
    found = await asyncio.wrap_future(read)
    assert found == [
        Playbook(version=back.playbook, since=1, offers=(COUPON, TOKENS, REFUND)),
        Playbook(version=after.playbook, since=3, offers=(cheaper,)),
    ]
    with pytest.raises(Refused) as refused:
        await asyncio.wrap_future(kept.read(lambda db: playbooks.find(db, "another")))
    assert refused.value.code == "no_such_playbook"


async def test_an_empty_playbook_is_the_starter(kept: Journal) -> None:
    desk = GrantDesk(kept, Codes(KEY, "box-1"), (), lambda _: None)
    assert desk.offer("apology") is not None
    assert desk.offer("coupon") is not COUPON
