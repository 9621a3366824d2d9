"""Whatever tills, clocks and cuts do: no code redeemed twice, no cap passed, no grant lost."""

import asyncio
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule

from gateway.clock import NS_PER_S, Stamp
from gateway.config import Offer
from gateway.errors import Refused
from gateway.events import GrantIssued, GrantRedeemed, GrantRedeemUndone, GrantVoided
from gateway.grants.codes import Codes
from gateway.grants.desk import GrantDesk
from gateway.grants.grant import Grant
from gateway.grants.personal import Pushed
from gateway.journal import holders, promises, reading, schema, views
from gateway.journal.store import Identity, Journal
from gateway.model import GrantState, Label, OfferKind, Role

HOUR_NS = 3600 * NS_PER_S
DAY_NS = 24 * HOUR_NS
TEXT = Label(ru="x", en="x")
OFFERS = {
    offer.name: offer
    for offer in (
        Offer(name="staff", kind=OfferKind.COUPON, label=TEXT, per_staff_day=2, valid_days=2),
        Offer(name="shop", kind=OfferKind.REDO, label=TEXT, per_shop_day=3),
        Offer(name="some-days", kind=OfferKind.COUPON, label=TEXT, per_staff_days=(2, 3)),
        Offer(name="shop-days", kind=OfferKind.REDO, label=TEXT, per_shop_days=(3, 2)),
        Offer(name="customer", kind=OfferKind.COUPON, label=TEXT, per_customer_days=(2, 3)),
        Offer(name="stock", kind=OfferKind.SOUVENIR, label=TEXT, stock=3, valid_days=1),
        Offer(name="tokens", kind=OfferKind.TOKENS, label=TEXT, tokens=1.0),
    )
}
people = st.sampled_from(["Anna", "Boris"])


class Known(msgspec.Struct):
    """What the test itself knows of one grant."""

    offer: str
    by: str
    account: str
    date: str | None  # None: recorded without a right clock
    boot_day: tuple[str, int]
    at: Stamp
    state: GrantState = GrantState.ISSUED
    redeemed: tuple[str, Stamp] | None = None
    expires_ns: int | None = None  # of a grant of the centre: the wall clock's


class Counters(RuleBasedStateMachine):
    """Tills in one shop."""

    codes = Bundle("codes")

    @initialize()
    def open_shop(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.directory = Path(tempfile.mkdtemp(prefix="achivx-grants-"))
        self.known: dict[str, Known] = {}
        self.requests: dict[str, tuple[str, str, str]] = {}
        self.central: dict[str, str] = {}
        self.boots = 0
        self.now = Stamp("boot-0", 30 * DAY_NS, 20_000 * DAY_NS, synced=True)
        self.open_journal()

    def open_journal(self) -> None:
        path = self.directory / "journal.db"
        self.journal = Journal(path, Identity("box", "shop", 1), on_change=lambda: None)
        self.journal.start()
        codes = Codes(bytes(32), "box")
        self.mirrored: list[Grant] = []
        self.desk = GrantDesk(self.journal, codes, tuple(OFFERS.values()), self.mirrored.append)

    def teardown(self) -> None:
        if hasattr(self, "journal"):
            self.check_events()
            self.journal.close()
            self.loop.close()
            shutil.rmtree(self.directory)

    def ask(self, question: Coroutine[Any, Any, Grant]) -> Grant | str:
        """The grant, or the code of the refusal."""
        try:
            return self.loop.run_until_complete(question)
        except Refused as refused:
            return refused.code

    # --- the clock -------------------------------------------------------------------------

    @rule(seconds=st.sampled_from([1, 59, 61, 3600, 40_000, 90_000]))
    def time_passes(self, seconds: int) -> None:
        ns = seconds * NS_PER_S
        self.now = msgspec.structs.replace(
            self.now, mono_ns=self.now.mono_ns + ns, wall_ns=self.now.wall_ns + ns
        )

    @rule(days=st.integers(-4, 4), synced=st.booleans())
    def wall_jumps(self, days: int, synced: bool) -> None:
        wall_ns = self.now.wall_ns + days * DAY_NS
        self.now = msgspec.structs.replace(self.now, wall_ns=wall_ns, synced=synced)

    @rule(synced=st.booleans(), off_s=st.sampled_from([0, 30, 10_000, 200_000]))
    def power_comes_back(self, synced: bool, off_s: int) -> None:
        self.boots += 1
        wall_ns = self.now.wall_ns + off_s * NS_PER_S
        self.now = Stamp(f"boot-{self.boots}", NS_PER_S, wall_ns, synced)
        self.journal.close()
        self.open_journal()

    @rule()
    def views_are_made_anew(self) -> None:
        self.journal.close()
        connection = schema.open_writer(self.directory / "journal.db")
        schema.set_meta(connection, "views", "of another version")
        connection.close()
        self.open_journal()

    # --- at the counter --------------------------------------------------------------------

    @rule(target=codes, offer=st.sampled_from(sorted(OFFERS)), by=people, account=people)
    def issue(self, offer: str, by: str, account: str) -> str:
        request = f"r-{len(self.requests)}"
        expected = self.refusal(OFFERS[offer], by, account)
        answer = self.ask(
            self.desk.issue(
                request, offer, by=by, role=Role.OWNER, at=self.now, account=account, override="ok"
            )
        )
        if isinstance(answer, str):
            assert answer == expected
            return Codes(bytes(32), "box").new()  # a code that nobody was given
        assert expected is None
        assert answer.code not in self.known
        self.requests[request] = (answer.code, offer, account)
        self.known[answer.code] = Known(
            offer, by, account, self.date() if self.now.synced else None, self.boot_day(), self.now
        )
        return answer.code

    @rule(data=st.data())
    def ask_again(self, data: st.DataObject) -> None:
        if not self.requests:
            return
        request = data.draw(st.sampled_from(sorted(self.requests)))
        code, offer, account = self.requests[request]
        answer = self.ask(
            self.desk.issue(
                request, offer, by="Clara", role=Role.OWNER, at=self.now, account=account
            )
        )
        assert isinstance(answer, Grant)
        assert answer.code == code

    @rule(
        target=codes,
        offer=st.sampled_from(["staff", "stock", "tokens"]),
        account=people,
        days=st.integers(-2, 6),
    )
    def centre_pushes(self, offer: str, account: str, days: int) -> str:
        """A personal grant: for no cap of the shop, and good by the wall clock alone."""
        central = f"c-{len(self.central)}"
        expires_ns = self.now.wall_ns // NS_PER_S * NS_PER_S + days * DAY_NS
        code = self.push(central, offer, account, expires_ns)
        if self.now.synced and days <= 0:
            assert code is None
            return Codes(bytes(32), "box").new()
        assert code is not None
        assert code not in self.known
        self.central[central] = code
        self.known[code] = Known(
            offer, "centre", account, None, ("", 0), self.now, expires_ns=expires_ns
        )
        return code

    @rule(data=st.data(), account=people)
    def centre_pushes_again(self, data: st.DataObject, account: str) -> None:
        """The broker keeps it: it comes at every connection, perhaps with other words."""
        if self.central:
            central = data.draw(st.sampled_from(sorted(self.central)))
            assert self.push(central, "staff", account, self.now.wall_ns + DAY_NS) is None

    def push(self, central: str, offer: str, account: str, expires_ns: int) -> str | None:
        """The code of the new grant, None where it made none."""
        expires = datetime.fromtimestamp(expires_ns // NS_PER_S, UTC)
        one = Pushed(id=central, device="box", offer=offer, expires=expires, account=account)
        made = len(self.mirrored)
        ids, refusals = self.loop.run_until_complete(self.desk.push([one], self.now))
        assert (ids == [central]) is (refusals == [])
        assert ids or "it has expired" in refusals[0]
        new = self.mirrored[made:]
        assert [each.central for each in new] in ([], [central])
        return new[0].code if new else None

    @rule(account=people, by=people)
    def redeem_by_card(self, account: str, by: str) -> None:
        """The card finds what is live of its account, the centre's too, and no more."""
        found = self.journal.read(
            lambda db: holders.grants_of(db, account, GrantState.ISSUED, 9999)
        ).result()
        live = [each.code for each in found if each.as_of(self.now).state is GrantState.ISSUED]
        assert sorted(live) == sorted(
            code
            for code, known in self.known.items()
            if known.account == account
            and known.state is GrantState.ISSUED
            and not self.is_over(known)
        )
        if live:
            self.redeem(live[0], by, 2)

    @rule(code=codes, by=people, tills=st.integers(1, 4))
    def redeem(self, code: str, by: str, tills: int) -> None:
        async def at_once() -> list[Grant | BaseException]:
            tries = (self.desk.redeem(code, by=by, at=self.now) for _ in range(tills))
            return await asyncio.gather(*tries, return_exceptions=True)

        answers = self.loop.run_until_complete(at_once())
        won = [each for each in answers if isinstance(each, Grant)]
        codes = {each.code for each in answers if isinstance(each, Refused)}
        known = self.known.get(code)
        if known is None:
            assert codes == {"unknown_code"}
        elif known.state is GrantState.ISSUED and not self.is_over(known):
            assert len(won) == 1
            assert codes <= {"already_redeemed"}
            known.state, known.redeemed = GrantState.REDEEMED, (by, self.now)
        else:
            ended = {GrantState.REDEEMED: "already_redeemed", GrantState.VOID: "void"}
            assert not won
            assert codes == {ended.get(known.state, "expired")}

    @rule(code=codes, by=people)
    def undo(self, code: str, by: str) -> None:
        answer = self.ask(self.desk.undo(code, by=by, at=self.now))
        known = self.known.get(code)
        if isinstance(answer, Grant):
            assert known is not None
            assert known.redeemed is not None
            who, when = known.redeemed
            assert (known.state, who) == (GrantState.REDEEMED, by)
            assert when.boot == self.now.boot
            assert self.now.mono_ns - when.mono_ns <= 60 * NS_PER_S
            assert known.offer != "tokens"
            known.state, known.redeemed = GrantState.ISSUED, None
        elif known is not None and known.redeemed == (by, self.now):
            assert answer == "tokens_paid"  # nothing else stands in the way of who just did it

    @rule(code=codes, by=people)
    def slip(self, code: str, by: str) -> None:
        """Handed over by mistake, and taken back at once."""
        self.redeem(code, by, 1)
        self.undo(code, by)

    @rule(code=codes)
    def void(self, code: str) -> None:
        answer = self.ask(self.desk.void(code, by="Mia", reason="a slip", at=self.now))
        known = self.known.get(code)
        if isinstance(answer, Grant):
            assert known is not None
            assert known.state is GrantState.ISSUED
            known.state = GrantState.VOID
        else:
            assert known is None or known.state is not GrantState.ISSUED

    # --- what must hold --------------------------------------------------------------------

    def date(self) -> str:
        return datetime.fromtimestamp(self.now.wall_ns / NS_PER_S, UTC).date().isoformat()

    def boot_day(self) -> tuple[str, int]:
        return self.now.boot, self.now.mono_ns // DAY_NS

    def is_over(self, known: Known) -> bool:
        if known.expires_ns is not None:
            return self.now.synced and self.now.wall_ns > known.expires_ns
        valid_ns = OFFERS[known.offer].valid_days * DAY_NS
        if known.at.boot == self.now.boot:
            return self.now.mono_ns > known.at.mono_ns + valid_ns
        sure = known.at.synced and self.now.synced
        return sure and self.now.wall_ns > known.at.wall_ns + valid_ns

    def refusal(self, offer: Offer, by: str, account: str) -> str | None:
        """Counted over all grants, one by one."""

        def counts(known: Known, days: int) -> bool:
            first = datetime.fromisoformat(self.date()).date() - timedelta(days=days - 1)
            if known.date is None:
                return known.boot_day == self.boot_day()
            return known.date >= first.isoformat()

        promised = [
            each
            for each in self.known.values()
            if each.offer == offer.name
            and each.state is not GrantState.VOID
            and each.expires_ns is None
        ]
        if offer.stock is not None and len(promised) >= offer.stock:
            return "out_of_stock"

        def within(limit: tuple[int, int] | None, *, theirs: Callable[[Known], bool]) -> bool:
            most, days = limit or (len(promised) + 1, 1)
            return sum(counts(each, days) and theirs(each) for each in promised) < most

        def a_day(most: int | None) -> tuple[int, int] | None:
            return None if most is None else (most, 1)

        fits = (
            within(a_day(offer.per_staff_day), theirs=lambda each: each.by == by)
            and within(offer.per_staff_days, theirs=lambda each: each.by == by)
            and within(a_day(offer.per_shop_day), theirs=lambda _: True)
            and within(offer.per_shop_days, theirs=lambda _: True)
            and within(offer.per_customer_days, theirs=lambda each: each.account == account)
        )
        return None if fits else "over_cap"

    @invariant()
    def no_grant_is_lost(self) -> None:
        if not hasattr(self, "journal"):
            return
        found = self.journal.read(lambda db: views.list_grants(db, None, 9999)).result()
        assert {each.code: each.state for each in found} == {
            code: known.state for code, known in self.known.items()
        }
        live, _, _ = self.journal.read(
            lambda db: promises.outstanding(db, msgspec.structs.replace(self.now, synced=False))
        ).result()
        assert live == sum(each.state is GrantState.ISSUED for each in self.known.values())

    def check_events(self) -> None:
        """The journal alone shows that nothing was handed over twice, or booked twice."""
        found = self.journal.read(lambda db: reading.records_after(db, 0, 9999)).result()
        handed: Counter[str] = Counter()
        booked: Counter[str] = Counter()
        void: set[str] = set()
        central = {code: each for each, code in self.central.items()}
        for event in (record.event for record in found):
            match event:
                case GrantIssued(code=code):
                    assert code not in handed
                    assert event.central == central.get(code)
                    handed[code] = 0
                case GrantRedeemed(code=code, again=again):
                    assert code not in void
                    assert event.central == central.get(code)
                    handed[code] += 1
                    booked[code] += not again
                case GrantRedeemUndone(code=code):
                    handed[code] -= 1
                case GrantVoided(code=code):
                    assert handed[code] == 0
                    void.add(code)
            assert set(handed.values()) <= {0, 1}
        assert set(booked.values()) <= {1}


TestCounters = Counters.TestCase
TestCounters.settings = settings(max_examples=30, stateful_step_count=30, deadline=None)
