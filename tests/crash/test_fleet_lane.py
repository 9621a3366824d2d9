"""The record lane to its very end against a model, through a broker that doubles and reorders.

What `test_record_lane` does to the box is done here too; between it and the ledger stand the real
transport, a broker that does whatever a broker may, two real bridges that die, and a server whose
answers get lost. The oracle is the server's ledger: exactly one action for each event.
"""

from collections import Counter
from pathlib import Path
from typing import Any
from unittest import mock

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule

from gateway.events import AlertAcknowledged, Pressed, Record
from gateway.model import ButtonKind
from gateway.simulator import achivx_faults as faults
from gateway.simulator.achivx_faults import Fault
from gateway.simulator.achivx_ledger import Ledger
from gateway.simulator.disk import Disk
from gateway.simulator.gamification import read
from gateway.sync import bridge as bridges
from gateway.sync import mqtt_uplink
from gateway.sync.mapping import CANARY, actions_of
from tests.crash import oracle
from tests.crash.broker import Broker, Fate
from tests.crash.fleet import Fleet
from tests.crash.test_record_lane import RecordLane, events

SHIPPED = Path(__file__).parents[2] / "docs" / "achivx" / "gamification.json"
FAULTS = (
    faults.CUT_OFF,
    faults.UNKNOWN_AFTER_COMMIT,
    faults.UNREACHABLE,
    faults.WRITE_CONFLICT,
    *faults.LEAKED,
)


class FleetLane(RecordLane):
    """The same model; boxes may be replaced, and what they had sent is judged by the ledger."""

    def __init__(self) -> None:
        self.ledger = Ledger(read(SHIPPED.read_bytes()))
        self.broker = Broker()
        self.before: list[Record] = []  # of boxes that were replaced, acknowledged to them
        self.perhaps: list[Record] = []  # and not: the server may have them, or nobody
        super().__init__()

    def _patched(self) -> list[Any]:
        return [
            *super()._patched(),
            mock.patch.object(mqtt_uplink, "open_link", self.broker.open_link),
            mock.patch.object(bridges, "open_link", self.broker.open_link),
        ]

    def _new_lane(self, directory: Path, disk: Disk) -> Fleet:
        self.fleet = Fleet(directory, disk, self.broker, self.ledger)
        return self.fleet

    # --- customers and staff ---------------------------------------------------------------

    @rule(count=st.integers(3, 9))
    def a_rush(self, count: int) -> None:
        """Several batches of it, for two accounts in turns."""
        pressed = Pressed(button="a", kind=ButtonKind.UNHAPPY, zone="z")
        answered = AlertAcknowledged(alert="a", by="anna", via="page", account="anna")
        self._appended(*(pressed, answered) * count)

    # --- the world -------------------------------------------------------------------------

    @rule(
        fates=st.lists(st.sampled_from(Fate), max_size=9),
        lost=st.lists(st.sampled_from(FAULTS), max_size=6),
        kill=st.booleans(),
    )
    def sync(self, fates: list[Fate], lost: list[Fault], kill: bool) -> None:
        self.broker.fates.extend(fates)
        self.fleet.faults.extend(lost)
        if kill:
            self.fleet.kill_a_bridge()
        self.lane.drain()
        self.broker.fates.clear()
        self.fleet.faults.clear()
        self.cursor = len(self.expected)

    @rule()
    def what_was_late_arrives(self) -> None:
        self.broker.release()

    @rule(fates=st.lists(st.sampled_from(Fate), max_size=4))
    def what_comes_next_goes_astray(self, fates: list[Fate]) -> None:
        """Also what is sent while the box crashes or is replaced."""
        self.broker.fates.extend(fates)

    @rule()
    def a_bridge_dies(self) -> None:
        self.fleet.kill_a_bridge()

    @rule()
    def the_box_is_replaced(self) -> None:
        found = oracle.look(self.lane.journal)
        epoch = found.epoch
        self.fleet.replace_box()
        assert self.lane.journal.epoch != epoch
        done = [each for each in found.records if each.seq <= found.cursor]
        self.before += done
        self.perhaps += found.records[len(done) :]
        self.expected, self.promises, self.unanswered = [], [], {}
        self.cursor = 0

    # --- what is always true ---------------------------------------------------------------

    @invariant()
    def the_journal_is_what_was_acknowledged(self) -> None:
        found = oracle.look(self.lane.journal)
        oracle.check(found)
        assert events(found.records) == self.expected
        assert found.cursor >= self.cursor

    @invariant()
    def the_server_has_the_first_events_once_and_as_they_are(self) -> None:
        """Each that was acknowledged exactly once, each that was not at most once, no others."""
        found = oracle.look(self.lane.journal)
        booked = Counter(
            (each.account, each.action, each.key)
            for each in self.ledger.actions
            if each.action != CANARY and not each.action.startswith("achivx.")
        )
        certain = due([*self.before, *found.records[: found.cursor]])
        possible = due([*self.perhaps, *found.records[found.cursor :]])
        assert all(count == 1 for count in booked.values()), booked
        assert certain - booked == Counter()
        assert booked - certain - possible == Counter()
        for account in {account for account, _, _ in booked}:
            assert_in_order(
                [str(each.key) for each in self.ledger.actions if each.account == account]
            )
        quarantined = self.lane.journal.read(
            lambda db: db.execute("SELECT count(*) FROM quarantine").fetchone()
        )
        assert quarantined.result(10) == (0,)

    def teardown(self) -> None:
        try:
            self.lane.drain()
            self.the_server_has_the_first_events_once_and_as_they_are()
        finally:
            super().teardown()


def due(records: list[Record]) -> Counter[tuple[str, str, str | None]]:
    return Counter(
        (action.account, action.action, action.key)
        for record in records
        for action in actions_of(record)
    )


def assert_in_order(keys: list[str]) -> None:
    """Within each epoch an account's events were booked in the journal's order."""
    latest: dict[str, int] = {}
    for key in keys:
        epoch, _, seq = key.rpartition(".")
        if seq.isdecimal():  # no canary, and no achievement
            assert latest.get(epoch, 0) <= int(seq), keys
            latest[epoch] = int(seq)


TestFleetLane = FleetLane.TestCase
TestFleetLane.settings = settings(
    max_examples=60,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
