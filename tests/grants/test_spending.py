"""Tokens that customers pay with: never more than is known to be theirs, and once."""

import asyncio
from typing import Any

import msgspec
import pytest

from gateway.clock import NS_PER_S, Stamp
from gateway.config import Spending
from gateway.errors import Refused
from gateway.events import TokensSpent
from gateway.grants.known import KnownAccount
from gateway.grants.spending import SpendDesk
from gateway.journal import reading, rewards, schema, views
from gateway.journal.rewards import Spent
from gateway.journal.store import Journal

NOW = Stamp("boot-1", 100 * NS_PER_S, 1_000_000 * NS_PER_S, synced=True)


def later(seconds: float) -> Stamp:
    passed_ns = int(seconds * NS_PER_S)
    return Stamp("boot-1", NOW.mono_ns + passed_ns, NOW.wall_ns + passed_ns, synced=True)


class Server:
    """What is known of accounts: by the server, while it answers, else as it was remembered."""

    def __init__(self, journal: Journal) -> None:
        self.known: dict[str, KnownAccount] = {}
        self._journal = journal

    def tells(self, account: str, balance: str, upto: int = 0) -> None:
        self.known[account] = KnownAccount(
            account, 1, 0, balance, (), 0, fresh=True, epoch=self._journal.epoch, upto=upto
        )

    def goes_away(self) -> None:
        self.known = {
            name: msgspec.structs.replace(each, fresh=False) for name, each in self.known.items()
        }

    async def find(self, account: str) -> KnownAccount | None:
        return self.known.get(account)


@pytest.fixture
def server(kept: Journal) -> Server:
    server = Server(kept)
    server.tells("zoe", "10")
    return server


@pytest.fixture
def desk(kept: Journal, server: Server) -> SpendDesk:
    return SpendDesk(kept, server.find, Spending(offline_tokens=12))


async def spend(desk: SpendDesk, request: str, tokens: float, **named: Any) -> Spent:
    given: dict[str, Any] = {"account": "zoe", "by": "Anna", "at": later(1), **named}
    return await desk.spend(request, given.pop("account"), tokens, **given)


async def refused(desk: SpendDesk, request: str, tokens: float, **named: Any) -> str:
    with pytest.raises(Refused) as error:
        await spend(desk, request, tokens, **named)
    return f"{error.value.code}: {error.value}"


async def events(journal: Journal) -> list[object]:
    read = journal.read(lambda db: reading.records_after(db, 0, 99))
    return [each.event for each in await asyncio.wrap_future(read)]


def synchronise(journal: Journal) -> None:
    """The server knows of everything up to now."""
    journal.transact(
        lambda work: schema.set_meta(work.connection, "cursor", str(work.last))
    ).result()


async def test_what_is_spent_is_kept_and_comes_off(desk: SpendDesk, kept: Journal) -> None:
    spent = await spend(desk, "r-1", 4.25)
    assert (spent.account, spent.tokens, spent.by, spent.left) == ("zoe", 4.25, "Anna", 5.75)
    assert await events(kept) == [
        TokensSpent(request="r-1", account="zoe", tokens=4.25, by="Anna", balance=10.0)
    ]
    assert await refused(desk, "r-2", 6) == "over_balance: zoe has 5.75 tokens to spend"
    assert (await spend(desk, "r-3", 5.75)).left == 0


async def test_a_repeat_of_a_request_spends_once(desk: SpendDesk, kept: Journal) -> None:
    answers = await asyncio.gather(*(spend(desk, "r-1", 7) for _ in range(16)))
    assert {each.left for each in answers} == {3.0}
    assert len(await events(kept)) == 1
    for other in ({"tokens": 1.0}, {"tokens": 7, "account": "max"}):
        assert (await refused(desk, "r-1", **other)).startswith("request_reused")


async def test_of_many_tills_at_once_none_spends_what_is_gone(
    desk: SpendDesk, kept: Journal
) -> None:
    tries = [spend(desk, f"r-{till}", 3) for till in range(16)]
    answers = await asyncio.gather(*tries, return_exceptions=True)
    assert sum(isinstance(each, Spent) for each in answers) == 3
    assert {each.code for each in answers if isinstance(each, Refused)} == {"over_balance"}
    assert len(await events(kept)) == 3


@pytest.mark.parametrize(
    "tokens", [0, -1, 0.1, 5.3, float("nan"), float("inf"), float("-inf"), 2.0**24]
)
async def test_what_is_no_number_of_tokens(desk: SpendDesk, kept: Journal, tokens: float) -> None:
    assert (await refused(desk, "r-1", tokens)).startswith("bad_tokens")
    assert await events(kept) == []


async def test_names_are_looked_at(desk: SpendDesk) -> None:
    assert (await refused(desk, "", 1)).startswith("bad_request")
    assert (await refused(desk, "r-1", 1, account="a\nb")).startswith("bad_request")


async def test_nobody_spends_what_nobody_knows(desk: SpendDesk, server: Server) -> None:
    assert (await refused(desk, "r-1", 1, account="max")).startswith("no_balance")
    spent = await spend(desk, "r-2", 1)
    server.known.clear()
    assert await spend(desk, "r-2", 1) == msgspec.structs.replace(spent, left=0.0)


class TestWithoutTheServer:
    async def test_what_was_spent_here_counts_until_the_server_tells_of_it(
        self, desk: SpendDesk, server: Server, kept: Journal
    ) -> None:
        server.goes_away()
        await spend(desk, "r-1", 8)
        assert "zoe has 2 tokens" in await refused(desk, "r-2", 3, at=later(3600))
        synchronise(kept)  # and cut off again before the balance was asked for
        assert "zoe has 2 tokens" in await refused(desk, "r-2", 3, at=later(-99))
        server.tells("zoe", "5", upto=kept.last_seq)
        assert (await spend(desk, "r-2", 3)).left == 2

    async def test_of_another_journals_sequence_nothing_is_concluded(
        self, desk: SpendDesk, server: Server
    ) -> None:
        await spend(desk, "r-1", 8)
        other = msgspec.structs.replace(server.known["zoe"], epoch="ANOTHER", upto=999)
        server.known["zoe"] = other
        assert "zoe has 2 tokens" in await refused(desk, "r-2", 3)

    async def test_a_balance_of_after_does_not_know_of_what_is_on_its_way(
        self, desk: SpendDesk, server: Server, kept: Journal
    ) -> None:
        await spend(desk, "r-1", 8)
        server.tells("zoe", "10")  # the line is behind
        synchronise(kept)  # and has caught up when it is asked for again, in vain
        server.goes_away()
        assert "zoe has 2 tokens" in await refused(desk, "r-2", 3)

    async def test_all_customers_together_stay_within_what_the_owner_risks(
        self, desk: SpendDesk, server: Server, kept: Journal
    ) -> None:
        server.tells("max", "10")
        server.tells("eva", "100")
        server.goes_away()
        await spend(desk, "r-1", 8)
        words = await refused(desk, "r-2", 5, account="max")
        assert words.startswith("over_exposure")
        assert "at most 12 tokens" in words
        assert words.endswith("4 of them are left")
        await spend(desk, "r-3", 4, account="max")
        assert await asyncio.wrap_future(kept.read(rewards.unconfirmed)) == 12
        server.tells("eva", "100")
        await spend(desk, "r-4", 90, account="eva")  # the server has just said so
        server.goes_away()
        assert "0 of them" in await refused(desk, "r-5", 0.25, account="max")
        synchronise(kept)
        assert (await spend(desk, "r-6", 0.25, account="max")).left == 5.75

    async def test_an_owner_may_allow_none(self, kept: Journal, server: Server) -> None:
        desk = SpendDesk(kept, server.find, Spending(offline_tokens=0))
        await spend(desk, "r-1", 1)
        server.goes_away()
        assert (await refused(desk, "r-2", 0.25)).startswith("over_exposure")

    async def test_views_made_anew_forget_nothing(
        self, desk: SpendDesk, server: Server, kept: Journal
    ) -> None:
        server.goes_away()
        await spend(desk, "r-1", 8)
        connection = schema.open_writer(kept.path)
        schema.set_meta(connection, "views", "of another version")
        views.prepare(connection)
        assert rewards.unconfirmed(connection) == 8
        connection.close()
        assert "zoe has 2 tokens" in await refused(desk, "r-2", 3)


async def test_retention_lets_go_of_what_the_server_has(desk: SpendDesk, kept: Journal) -> None:
    await spend(desk, "r-1", 1)
    await spend(desk, "r-2", 2)
    connection = schema.open_writer(kept.path)
    schema.set_meta(connection, "cursor", "1")
    rewards.let_go(connection, 99)
    assert rewards.find_spent(connection, "r-1") is None
    assert rewards.find_spent(connection, "r-2") is not None
    connection.close()
