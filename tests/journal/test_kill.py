"""`kill -9` at any moment: what was acknowledged is there, in order, and the journal goes on."""

import random
import signal
import subprocess
import sys
from pathlib import Path

from gateway.clock import Stamp
from gateway.events import Pressed, Started
from gateway.journal import reading, views
from gateway.journal.store import Identity, Journal

RUNS = 20
WRITER = """
import os, sys
from pathlib import Path
from gateway.clock import Stamp
from gateway.events import Pressed, Started
from gateway.journal.store import Identity, Journal
from gateway.model import ButtonKind

journal = Journal(Path(sys.argv[1]), Identity("box-1", "shop-1", 1), on_change=lambda: None)
journal.start()
at = Stamp("boot", 1, 2, True)
pair = (Pressed(button="exit", kind=ButtonKind.CALL, zone="z"), Started(version=sys.argv[2]))
while True:
    waiting = [journal.append_all(pair, at) for _ in range(5)]
    for each in waiting:
        os.write(1, b"%d\\n" % each.result()[-1].seq)
"""


def test_everything_acknowledged_is_there(tmp_path: Path) -> None:
    chance = random.Random(9)
    path = tmp_path / "journal.db"
    epochs = set()
    last = 0
    for run in range(RUNS):
        with subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path), str(run)], stdout=subprocess.PIPE
        ) as writer:
            assert writer.stdout is not None
            acknowledged = int(writer.stdout.readline())  # it writes
            for _ in range(chance.randrange(40)):
                acknowledged = int(writer.stdout.readline())
            writer.send_signal(signal.SIGKILL)
            rest = writer.stdout.read().split(b"\n")[:-1]  # what it said before it died
        acknowledged = int(rest[-1]) if rest else acknowledged
        journal = Journal(path, Identity("box-1", "shop-1", 1), on_change=lambda: None)
        journal.start()
        found = journal.read(lambda db: reading.records_after(db, last, 100_000)).result(10)  # noqa: B023
        counted = journal.read(views.counters).result(10)
        epochs.add(journal.epoch)
        journal.close()
        assert journal.set_aside is None
        assert [each.seq for each in found] == list(range(last + 1, last + 1 + len(found)))
        presses = [each.event.total for each in found if isinstance(each.event, Pressed)]
        assert presses == list(range(last // 2 + 1, last // 2 + 1 + len(presses)))
        last = found[-1].seq
        assert last >= acknowledged
        assert last % 2 == 0  # both of a pair, or none
        assert counted == {("exit", ""): last // 2}
        assert {each.event for each in found if not isinstance(each.event, Pressed)} == {
            Started(version=str(run))
        }
        assert {each.at for each in found} == {Stamp("boot", 1, 2, synced=True)}
    assert len(epochs) == 1
