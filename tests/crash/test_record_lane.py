"""The record lane against a model: journal, grant desk and uplink, crashed and misled at will."""

import tempfile
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

import msgspec
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from gateway.clock import NS_PER_S, Stamp
from gateway.errors import Refused
from gateway.events import (
    AlertAcknowledged,
    AlertRaised,
    AnyEvent,
    GrantIssued,
    GrantRedeemed,
    Pressed,
    Record,
)
from gateway.grants.grant import Grant
from gateway.journal import schema
from gateway.model import AlertCause, ButtonKind, GrantState
from gateway.simulator.disk import Disk
from gateway.sync import uplink as uplinks
from tests.crash import oracle
from tests.crash.lane import PLAYBOOK, Answer, Lane, Server

DAY_NS = 24 * 3600 * NS_PER_S
OFFERS = st.sampled_from(sorted(PLAYBOOK))
ANY = st.integers(0, 50)


def plain(event: AnyEvent) -> AnyEvent:
    """Without what the gateway notes about an event on its own account."""
    match event:
        case Pressed():
            return msgspec.structs.replace(event, total=0)
        case GrantIssued():
            return msgspec.structs.replace(
                event, zone=None, day="", score=0, override=None, playbook=""
            )
        case _:
            return event


def events(records: Iterable[Record]) -> list[AnyEvent]:
    return [plain(record.event) for record in records]


class Promise:
    """What the model knows of one grant."""

    def __init__(self, grant: Grant, at: Stamp) -> None:
        self.code = grant.code
        self.request = grant.request
        self.offer = grant.offer
        self.account = grant.account
        self.redeemed = False
        self._days = PLAYBOOK[grant.offer].valid_days
        self._at = at

    def is_over(self, now: Stamp) -> bool:
        """Within a boot its clock says so; across boots only two clocks that are right can."""
        limit_ns = self._days * DAY_NS
        if now.boot == self._at.boot:
            return now.mono_ns - self._at.mono_ns > limit_ns
        both_right = now.synced and self._at.synced
        return both_right and now.wall_ns - self._at.wall_ns > limit_ns


class RecordLane(RuleBasedStateMachine):
    """The model: what was acknowledged, in its order, and what each code is worth."""

    def __init__(self) -> None:
        super().__init__()
        self._parts = tempfile.TemporaryDirectory(prefix="achivx-lane-")
        self._disk = Disk()
        self._patches = self._patched()
        for patch in self._patches:
            patch.start()
        self.lane = self._new_lane(Path(self._parts.name), self._disk)
        self.now = Stamp("boot-0", 1, 1_700_000_000 * NS_PER_S, synced=True)
        self.expected: list[AnyEvent] = []
        self.promises: list[Promise] = []
        self.unanswered: dict[str, tuple[str, bool]] = {}  # request → offer, is it on disk
        self.alerts: list[str] = []
        self.cursor = 0
        self._boots = 0
        self._requests = 0

    def _patched(self) -> list[Any]:
        """So small that everything happens often, and so quick that much does."""
        opened = partial(schema.open_writer, factory=self._disk.connection)
        return [
            mock.patch.object(schema, "open_writer", opened),
            mock.patch.object(uplinks, "BATCH", 4),
            mock.patch.object(uplinks, "BACKOFF_FIRST_S", 0.001),
            mock.patch.object(uplinks, "BACKOFF_MOST_S", 0.002),
        ]

    def _new_lane(self, directory: Path, disk: Disk) -> Lane:
        self.server = Server()
        return Lane(directory, disk, self.server)

    def teardown(self) -> None:
        self.lane.close()
        for patch in self._patches:
            patch.stop()
        self._parts.cleanup()

    # --- customers and staff ---------------------------------------------------------------

    @rule(button=st.sampled_from("abc"), count=st.integers(1, 3))
    def press(self, button: str, count: int) -> None:
        pressed = Pressed(button=button, kind=ButtonKind.HAPPY, zone="z", count=count)
        self._appended(pressed)

    @rule(button=st.sampled_from("abc"))
    def press_red(self, button: str) -> None:
        name = f"alert-{len(self.alerts)}"
        self.alerts.append(name)
        self._appended(
            AlertRaised(alert=name, cause=AlertCause.RED, zone="z", button=button),
            Pressed(button=button, kind=ButtonKind.UNHAPPY, zone="z"),
        )

    @precondition(lambda self: self.alerts)
    @rule(which=ANY)
    def acknowledge(self, which: int) -> None:
        alert = self.alerts[which % len(self.alerts)]
        self._appended(AlertAcknowledged(alert=alert, by="anna", via="page", account="anna"))

    def _appended(self, *events: AnyEvent) -> None:
        records = self.lane.append(events, self.now)
        self.expected += events
        assert records[-1].seq == len(self.expected)

    # --- grants ----------------------------------------------------------------------------

    @rule(offer=OFFERS, account=st.sampled_from(["zoe", "yan"]))
    def grant(self, offer: str, account: str) -> None:
        request = self._new_request()
        self._granted(self.lane.issue(request, offer, account, self.now))

    @precondition(lambda self: self.promises)
    @rule(which=ANY)
    def ask_for_a_grant_again(self, which: int) -> None:
        promise = self.promises[which % len(self.promises)]
        again = self.lane.issue(promise.request, promise.offer, promise.account, self.now)
        assert again.code == promise.code

    @precondition(lambda self: self.unanswered)
    @rule()
    def ask_again_after_the_crash(self) -> None:
        request, (offer, is_there) = self.unanswered.popitem()
        grant = self.lane.issue(request, offer, None, self.now)
        if is_there:
            issued = self._issued(request)
            assert grant.code == issued.code
            self.promises.append(Promise(grant, grant.issued))
        else:
            self._granted(grant)

    def _issued(self, request: str) -> GrantIssued:
        (event,) = [
            each
            for each in self.expected
            if isinstance(each, GrantIssued) and each.request == request
        ]
        return event

    def _granted(self, grant: Grant) -> None:
        promise = Promise(grant, self.now)
        self.promises.append(promise)
        offer = PLAYBOOK[grant.offer]
        self.expected.append(
            GrantIssued(
                code=grant.code,
                request=grant.request,
                offer=grant.offer,
                kind=grant.kind,
                by="anna",
                expires=grant.expires,
                account=grant.account,
                tokens=offer.tokens,
                cost=offer.cost,
            )
        )

    @precondition(lambda self: self.promises)
    @rule(which=ANY, tills=st.integers(1, 3))
    def redeem(self, which: int, tills: int) -> None:
        promise = self.promises[which % len(self.promises)]
        answers = self.lane.redeem(promise.code, self.now, times=tills)
        won = [each for each in answers if isinstance(each, Grant)]
        refused = [each.code for each in answers if isinstance(each, Refused)]
        assert len(won) + len(refused) == tills, answers
        if promise.redeemed:
            assert set(refused) == {"already_redeemed"}
        elif promise.is_over(self.now):
            assert set(refused) == {"expired"}
        else:
            (grant,) = won
            assert refused == ["already_redeemed"] * (tills - 1)
            assert grant.state is GrantState.REDEEMED
            promise.redeemed = True
            self.expected.append(
                GrantRedeemed(
                    code=promise.code,
                    by="anna",
                    kind=grant.kind,
                    account=promise.account,
                    tokens=PLAYBOOK[promise.offer].tokens,
                )
            )

    @precondition(lambda self: self.promises)
    @rule(which=ANY)
    def redeem_a_mistyped_code(self, which: int) -> None:
        code = self.promises[which % len(self.promises)].code
        wrong = code[:-1] + ("0" if code[-1] != "0" else "1")
        (refusal,) = self.lane.redeem(wrong, self.now)
        assert isinstance(refusal, Refused)
        assert refusal.code == "mistyped"

    # --- the world -------------------------------------------------------------------------

    @rule(days=st.sampled_from([-400, -1, 0, 1, 8, 31]), synced=st.booleans())
    def the_wall_clock_jumps(self, days: int, synced: bool) -> None:
        self._move(wall_days=days, synced=synced)

    @rule(days=st.sampled_from([1, 8, 31]))
    def time_passes(self, days: int) -> None:
        self._move(mono_days=days, wall_days=days, synced=self.now.synced)

    def _move(self, *, mono_days: int = 0, wall_days: int = 0, synced: bool) -> None:
        self.now = Stamp(
            self.now.boot,
            self.now.mono_ns + mono_days * DAY_NS + 1,
            self.now.wall_ns + wall_days * DAY_NS + 1,
            synced,
        )

    @rule(script=st.lists(st.sampled_from(Answer), max_size=5))
    def sync(self, script: list[Answer]) -> None:
        self.server.script.extend(script)
        self.lane.drain()
        self.server.script.clear()
        self.cursor = len(self.expected)
        assert len(self.server.recorded) == self.cursor

    @rule()
    def reconnect(self) -> None:
        self.lane.reconnect()

    @rule()
    def restart(self) -> None:
        self.lane.restart()

    @rule(
        presses=st.integers(0, 3),
        asks=st.booleans(),
        committed=st.booleans(),
        power=st.booleans(),
    )
    def crash(self, presses: int, asks: bool, committed: bool, power: bool) -> None:
        pressed = [Pressed(button="a", kind=ButtonKind.CALL, zone="z")] * presses
        request = self._new_request() if asks or not presses else None

        def work() -> None:
            for event in pressed:
                self.lane.journal.append(event, self.now)
            if request is not None:
                self.lane.ask_for_grant(request, "souvenir", self.now)

        self.lane.crash(work, committed=committed, power=power)
        if request is not None:
            self.unanswered[request] = ("souvenir", committed)
        found = oracle.look(self.lane.journal)
        unheard = events(found.records[len(self.expected) :])
        if committed:
            granted = [each for each in unheard if isinstance(each, GrantIssued)]
            assert [each.request for each in granted] == ([] if request is None else [request])
            assert unheard == [*pressed, *granted]
        else:
            assert unheard == []
        self.expected += unheard
        assert found.cursor >= self.cursor
        self.cursor = found.cursor
        if power:
            self._boots += 1
            self.now = Stamp(f"boot-{self._boots}", 1, self.now.wall_ns, self.now.synced)

    def _new_request(self) -> str:
        self._requests += 1
        return f"request-{self._requests}"

    # --- what is always true ---------------------------------------------------------------

    @invariant()
    def the_journal_is_what_was_acknowledged(self) -> None:
        found = oracle.look(self.lane.journal)
        oracle.check(found)
        assert events(found.records) == self.expected
        assert found.cursor >= self.cursor
        assert found.cursor <= len(self.server.recorded)

    @invariant()
    def a_grant_is_what_was_promised(self) -> None:
        found = oracle.look(self.lane.journal)
        for promise in self.promises:
            grant = found.grants[promise.code]
            assert (grant.state is GrantState.REDEEMED) is promise.redeemed
            assert (grant.request, grant.offer) == (promise.request, promise.offer)

    @invariant()
    def the_server_has_the_first_events_once_and_as_they_are(self) -> None:
        recorded = events(self.server.recorded.values())
        assert recorded == self.expected[: len(recorded)]
        aside = self.lane.journal.read(
            lambda db: db.execute("SELECT seq FROM quarantine").fetchall()
        )
        assert {seq for (seq,) in aside.result(10)} <= self.server.aside


TestRecordLane = RecordLane.TestCase
TestRecordLane.settings = settings(
    max_examples=30,
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
