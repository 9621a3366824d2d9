"""Whatever lines, clocks and cuts do: nobody spends what is not theirs, and risk has its bound."""

import asyncio
import shutil
import tempfile
from pathlib import Path

import msgspec
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from gateway.clock import NS_PER_S, Stamp
from gateway.config import Spending
from gateway.errors import Refused
from gateway.events import TokensSpent
from gateway.grants.known import KnownAccount
from gateway.grants.spending import SpendDesk
from gateway.journal import reading, rewards, schema
from gateway.journal.store import Identity, Journal

DAY_NS = 24 * 3600 * NS_PER_S
MOST = 6.0
people = st.sampled_from(["zoe", "max"])
amounts = st.sampled_from([0.25, 1.0, 2.5, 4.0, 9.0])


class Tills(RuleBasedStateMachine):
    """One shop, the server, and another shop where the same people spend."""

    @initialize()
    def open_shop(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.directory = Path(tempfile.mkdtemp(prefix="achivx-spend-"))
        self.balances = {"zoe": 10.0, "max": 5.0}  # the server's
        self.remembered: dict[str, KnownAccount] = {}
        self.requests: dict[str, tuple[str, float]] = {}
        self.is_away = False
        self.synced = 0
        self.spent_away = 0.0
        self.spent_elsewhere = 0.0
        self.cut = 0.0
        self.now = Stamp("boot-0", 30 * DAY_NS, 20_000 * DAY_NS, synced=True)
        self.open_journal()

    def open_journal(self) -> None:
        path = self.directory / "journal.db"
        self.journal = Journal(path, Identity("box", "shop", 2), on_change=lambda: None)
        self.journal.start()
        self.desk = SpendDesk(self.journal, self.find, Spending(offline_tokens=MOST))

    def teardown(self) -> None:
        if hasattr(self, "journal"):
            self.journal.close()
            self.loop.close()
            shutil.rmtree(self.directory)

    async def find(self, account: str) -> KnownAccount | None:
        if not self.is_away:
            self.remembered[account] = KnownAccount(
                account,
                1,
                0,
                str(self.balances[account]),
                (),
                self.now.wall_ns,
                fresh=True,
                epoch=self.journal.epoch,
                upto=self.synced,
            )
            return self.remembered[account]
        known = self.remembered.get(account)
        return None if known is None else msgspec.structs.replace(known, fresh=False)

    # --- what happens ----------------------------------------------------------------------

    @rule()
    def line_is_cut(self) -> None:
        self.is_away = True

    @rule(records=st.integers(0, 3))
    def line_is_back(self, records: int) -> None:
        """And some of what waits gets through."""
        self.is_away = False
        found = self.journal.read(
            lambda db: reading.records_after(db, self.synced, records)
        ).result()
        for record in found:
            event = record.event
            if isinstance(event, TokensSpent):
                self.cut += max(event.tokens - self.balances[event.account], 0)
                self.balances[event.account] = max(self.balances[event.account] - event.tokens, 0)
            self.synced = record.seq
        at = str(self.synced)
        self.journal.transact(lambda work: schema.set_meta(work.connection, "cursor", at)).result()

    @rule(account=people)
    def somebody_looks(self, account: str) -> None:
        self.loop.run_until_complete(self.find(account))

    @rule(account=people, tokens=amounts)
    def spends_elsewhere(self, account: str, tokens: float) -> None:
        taken = min(tokens, self.balances[account])
        self.balances[account] -= taken
        self.spent_elsewhere += taken

    @rule(days=st.integers(-4, 4), synced=st.booleans())
    def wall_jumps(self, days: int, synced: bool) -> None:
        wall_ns = self.now.wall_ns + days * DAY_NS
        self.now = msgspec.structs.replace(self.now, wall_ns=wall_ns, synced=synced)

    @rule(anew=st.booleans())
    def power_comes_back(self, anew: bool) -> None:
        self.now = msgspec.structs.replace(self.now, boot=self.now.boot + "x", mono_ns=NS_PER_S)
        self.journal.close()
        if anew:
            connection = schema.open_writer(self.directory / "journal.db")
            schema.set_meta(connection, "views", "of another version")
            connection.close()
        self.open_journal()

    @rule(account=people, tokens=amounts)
    def spend(self, account: str, tokens: float) -> None:
        request = f"r-{len(self.requests)}"
        code = self.ask(request, account, tokens)
        if code is None:
            self.requests[request] = (account, tokens)
        elif not self.is_away:
            waiting = self.unsent(account)
            assert code == "over_balance"
            assert tokens > self.balances[account] - waiting

    @rule(data=st.data())
    def ask_again(self, data: st.DataObject) -> None:
        if self.requests:
            request = data.draw(st.sampled_from(sorted(self.requests)))
            assert self.ask(request, *self.requests[request]) is None

    def ask(self, request: str, account: str, tokens: float) -> str | None:
        """Why not, by its code."""
        question = self.desk.spend(request, account, tokens, by="Anna", at=self.now)
        try:
            self.loop.run_until_complete(question)
        except Refused as refused:
            return refused.code
        return None

    def unsent(self, account: str) -> float:
        return self.journal.read(lambda db: rewards.spent_after(db, account, self.synced)).result()

    # --- what must hold --------------------------------------------------------------------

    @invariant()
    def what_is_spent_is_what_was_answered(self) -> None:
        if hasattr(self, "journal"):
            found = self.journal.read(lambda db: reading.records_after(db, 0, 9999)).result()
            spent = [each.event for each in found if isinstance(each.event, TokensSpent)]
            asked = {each.request: (each.account, each.tokens) for each in spent}
            assert len(asked) == len(spent)
            assert asked == self.requests

    @invariant()
    def nobody_loses_more_than_was_spent_twice(self) -> None:
        if hasattr(self, "journal"):
            assert self.cut <= self.spent_elsewhere

    @invariant()
    def what_is_risked_has_its_bound(self) -> None:
        """Of what waits, no more than the bound was decided without the server."""
        if not hasattr(self, "journal"):
            return
        waiting = sum(self.unsent(account) for account in self.balances)
        if not self.is_away:
            self.spent_away = max(waiting, MOST)  # what it stood at when the line was cut
        assert waiting <= max(self.spent_away, MOST)


TestTills = Tills.TestCase
TestTills.settings = settings(max_examples=100, stateful_step_count=30, deadline=None)
