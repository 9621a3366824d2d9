"""Personal grants: recorded once whatever comes how often, and redeemed here alone."""

import asyncio
import secrets
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from gateway.clock import NS_PER_S, Stamp
from gateway.errors import Refused
from gateway.events import GrantIssued, GrantRedeemed
from gateway.grants import crockford
from gateway.grants.cache import GrantCache
from gateway.grants.codes import Codes
from gateway.grants.desk import GrantDesk
from gateway.grants.grant import Grant
from gateway.grants.personal import Pushed
from gateway.journal import promises, reading, retention, views
from gateway.journal.store import Journal
from gateway.model import GrantState, Role
from gateway.sync.mapping import actions_of

DAY_NS = 24 * 3600 * NS_PER_S
NOW_NS = 1_800_000_000 * NS_PER_S
AT = Stamp("boot", 5 * DAY_NS, NOW_NS, synced=True)
LATER = Stamp("boot", 6 * DAY_NS, NOW_NS + DAY_NS, synced=True)
KEY = b"k" * 32


def moment(days: float) -> datetime:
    return datetime.fromtimestamp(NOW_NS // NS_PER_S, UTC) + timedelta(days=days)


def central_code(device: str = "box-1") -> str:
    """A code as docs/mqtt.md tells the centre to make it."""
    tag = Codes(KEY, device).new()[:2]
    while True:
        body = tag + crockford.random(13)
        check = crockford.decode(body) % 37
        if check < 32:
            return body + crockford.ALPHABET[check]


def pushed(**changes: Any) -> Pushed:
    one = Pushed(id="c-1", device="box-1", offer="tokens", expires=moment(30), account="zoe")
    return msgspec.structs.replace(one, **changes)


class Shop:
    """A desk on a journal, and what it told the cache."""

    def __init__(self, journal: Journal) -> None:
        self.journal = journal
        self.cached: list[Grant] = []
        self.codes = Codes(KEY, "box-1")
        self.desk = GrantDesk(journal, self.codes, (), self.cached.append)

    async def push(self, *grants: Pushed, at: Stamp = AT) -> tuple[list[str], list[str]]:
        return await self.desk.push(grants, at)

    async def events(self) -> list[Any]:
        records = await asyncio.wrap_future(
            self.journal.read(lambda db: reading.records_after(db, 0, 1000))
        )
        return [record.event for record in records]

    async def records(self) -> list[Any]:
        return await asyncio.wrap_future(
            self.journal.read(lambda db: reading.records_after(db, 0, 1000))
        )


@pytest.fixture
def shop(kept: Journal) -> Shop:
    return Shop(kept)


async def test_it_is_recorded_once_however_often_it_comes(shop: Shop, tmp_path: Path) -> None:
    for _ in range(3):
        assert await shop.push(pushed(), pushed(id="c-2")) == (["c-1", "c-2"], [])
    issued = [event for event in await shop.events() if isinstance(event, GrantIssued)]
    assert [(event.central, event.by, event.tokens) for event in issued] == [
        ("c-1", "centre", 5.0),
        ("c-2", "centre", 5.0),
    ]
    assert [grant.central for grant in shop.cached] == ["c-1", "c-2"]
    cache = GrantCache(tmp_path / "grants.json")
    cache.put(*shop.cached)
    cache.flush()
    again = {grant.central: grant for grant in GrantCache(tmp_path / "grants.json").grants()}
    assert again == {grant.central: grant for grant in shop.cached}


async def test_the_centres_code_redeems_it_once(shop: Shop) -> None:
    code = central_code()
    assert await shop.push(pushed(code=code, account=None, offer="coupon")) == (["c-1"], [])
    typed = f"{code[:4].lower()} {code[4:8]}-{code[8:]}"
    grant = await shop.desk.redeem(typed, by="Anna", at=LATER)
    assert (grant.state, grant.central, grant.account) == (GrantState.REDEEMED, "c-1", None)
    with pytest.raises(Refused, match="redeemed already") as refused:
        await shop.desk.redeem(typed, by="Boris", at=LATER)
    assert refused.value.code == "already_redeemed"
    assert await shop.push(pushed(code=code, account=None, offer="coupon")) == (["c-1"], [])
    assert len([event for event in await shop.events() if isinstance(event, GrantRedeemed)]) == 1


async def test_sixteen_tills_hand_it_over_once(shop: Shop) -> None:
    await shop.push(pushed())
    code = shop.cached[0].code
    done = await asyncio.gather(
        *(shop.desk.redeem(code, by=f"till-{till}", at=LATER) for till in range(16)),
        return_exceptions=True,
    )
    assert [type(each) for each in done].count(Grant) == 1


async def test_the_redemption_is_settled_under_the_centres_id(shop: Shop) -> None:
    await shop.push(pushed())
    await shop.desk.redeem(shop.cached[0].code, by="Anna", at=LATER)
    (record,) = [each for each in await shop.records() if isinstance(each.event, GrantRedeemed)]
    assert record.event.central == "c-1"
    (action,) = actions_of(msgspec.structs.replace(record, mapping=2))
    assert (action.account, action.action, action.key) == ("zoe", "RecoveryTokens", "centre:c-1")
    (other,) = actions_of(msgspec.structs.replace(record, mapping=2, device="box-2", seq=99))
    assert other.key == action.key


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"device": "box-2"}, "it is for box-2, and this is box-1"),
        ({"offer": "yacht"}, "no offer named 'yacht'"),
        ({"account": None}, "tokens need the customer's account"),
        ({"account": None, "offer": "coupon"}, "needs a code or an account"),
        ({"account": " zoe"}, "an account has 1 to 200 characters"),
        ({"expires": moment(-1)}, "it has expired"),
        ({"expires": moment(400)}, "within 366 days"),
        ({"code": "0123456789ABCDEF"}, "this is no code"),
        ({"code": "short"}, "this is no code"),
        ({"code": central_code("box-2")}, "issued by another shop"),
    ],
)
async def test_what_cannot_be_promised_here_is_refused_by_itself(
    shop: Shop, changes: dict[str, Any], words: str
) -> None:
    ids, problems = await shop.push(pushed(id="bad", **changes), pushed(id="good"))
    assert ids == ["good"]
    (problem,) = problems
    assert problem.startswith("grant bad: ")
    assert words in problem
    assert [grant.central for grant in shop.cached] == ["good"]


async def test_two_grants_cannot_have_one_code(shop: Shop) -> None:
    code = central_code()
    ids, problems = await shop.push(pushed(code=code), pushed(id="c-2", code=code))
    assert (ids, problems) == (["c-1"], ["grant c-2: its code is another grant's"])


async def test_an_id_that_the_shop_has_taken_is_refused(shop: Shop) -> None:
    await shop.desk.issue("centre:c-1", "apology", by="Anna", role=Role.STAFF, at=AT)
    ids, problems = await shop.push(pushed())
    assert (ids, problems) == ([], ["grant c-1: somebody in the shop has taken its id"])


async def test_a_typed_code_of_the_centre_is_judged_in_words(shop: Shop) -> None:
    good = central_code()
    wrong = crockford.ALPHABET[(crockford.ALPHABET.index(good[5]) + 1) % 32]
    for typed, code in (
        (good, "unknown_code"),
        (good[:5] + wrong + good[6:], "mistyped"),
        (central_code("box-2"), "foreign_shop"),
    ):
        with pytest.raises(Refused) as refused:
            await shop.desk.redeem(typed, by=secrets.token_hex(4), at=LATER)
        assert refused.value.code == code


class TestTheClock:
    async def test_that_is_not_right_expires_nothing(self, shop: Shop) -> None:
        await shop.push(pushed(expires=moment(1)), at=Stamp("boot", 1, 5 * NS_PER_S, synced=False))
        code = shop.cached[0].code
        unsure = Stamp("other", 1, NOW_NS + 900 * DAY_NS, synced=False)
        assert (await shop.desk.redeem(code, by="Anna", at=unsure)).state is GrantState.REDEEMED

    async def test_that_is_right_ends_it_to_the_second(self, shop: Shop) -> None:
        await shop.push(pushed(expires=moment(1)))
        code = shop.cached[0].code
        late = Stamp("other", 1, NOW_NS + DAY_NS + 1, synced=True)
        with pytest.raises(Refused, match="expired") as refused:
            await shop.desk.redeem(code, by="Anna", at=late)
        assert refused.value.code == "expired"
        on_time = Stamp("other", 1, NOW_NS + DAY_NS, synced=True)
        assert (await shop.desk.redeem(code, by="Anna", at=on_time)).state is GrantState.REDEEMED


async def test_it_is_nobodys_promise_here(shop: Shop) -> None:
    for number in range(5):
        await shop.push(pushed(id=f"c-{number}"))
    connection = shop.journal.read(
        lambda db: (
            promises.latest_claims(db),
            promises.counted(db, "tokens", "shop", None),
            promises.outstanding(db, AT)[0],
        )
    )
    assert await asyncio.wrap_future(connection) == ([], 0, 5)
    # The offer's cap, two in thirty days for one customer, is the shop's own.
    own = await shop.desk.issue(
        "r", "tokens", by="Anna", role=Role.MANAGER, at=AT, account="zoe", override="asked"
    )
    assert own.central is None
    await shop.desk.void(shop.cached[0].code, by="Boris", reason="a mistake", at=AT)
    counted = shop.journal.read(lambda db: promises.counted(db, "tokens", "shop", None))
    assert await asyncio.wrap_future(counted) == 1


async def test_a_full_journal_takes_none_and_says_so(shop: Shop) -> None:
    shop.journal.room = retention.Room(limit_bytes=1, reached=True)
    assert shop.journal.room.is_full
    ids, problems = await shop.push(pushed())
    assert ids == []
    assert "the journal is full" in problems[0]
    shop.journal.room = retention.Room()
    assert (await shop.push(pushed()))[0] == ["c-1"]


async def test_it_comes_but_once_after_its_records_are_gone(shop: Shop) -> None:
    await shop.push(pushed())
    await shop.desk.redeem(shop.cached[0].code, by="Anna", at=LATER)
    await asyncio.wrap_future(
        shop.journal.transact(lambda work: retention._let_go_of_views(work.connection, work.last))
    )
    assert await shop.push(pushed()) == (["c-1"], [])
    found = shop.journal.read(lambda db: views.list_grants(db, None, 10))
    assert [grant.state for grant in await asyncio.wrap_future(found)] == [GrantState.REDEEMED]
