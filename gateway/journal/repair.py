"""The wall clock becomes right: what was recorded before within the same boot is told its time."""

from gateway.clock import Stamp
from gateway.events import ClockRepaired, Record
from gateway.journal.transaction import Transaction


def repair(transaction: Transaction, now: Stamp) -> Record | None:
    """Record once a boot that its clock is right now; None when nothing is to be repaired.

    The records stay as they are, and both times can be told: theirs, and the one that
    `reading.repaired` leads to.
    """
    connection = transaction.connection
    waits = connection.execute(
        "SELECT 1 FROM clock WHERE boot = ? AND offset_ns IS NULL", (now.boot,)
    ).fetchone()
    if not now.synced or waits is None:
        return None
    offset_ns = now.wall_ns - now.mono_ns
    (believed_ns,) = connection.execute(
        "SELECT wall_ns - mono_ns FROM event WHERE synced = 0"
        " AND boot = (SELECT id FROM boot WHERE name = ?) ORDER BY seq DESC LIMIT 1",
        (now.boot,),
    ).fetchone() or (offset_ns,)
    connection.execute("UPDATE clock SET offset_ns = ? WHERE boot = ?", (offset_ns, now.boot))
    return transaction.append(ClockRepaired(off_ns=offset_ns - believed_ns), now)
