"""One piece of work for the journal's writer, and whoever waits for it."""

from collections.abc import Callable
from concurrent.futures import Future
from typing import Generic, TypeVar

import msgspec

from gateway.errors import Refused
from gateway.journal.transaction import Transaction

T = TypeVar("T")


class Job(msgspec.Struct, Generic[T]):
    """Work inside the writer's transaction. Kept work outlasts a full disk.

    Attributes:
        work: What is to be done.
        future: Told what came of it, once that is on disk.
        kept: Whether it is something to keep, which the disk alone can refuse, and not a decision.
    """

    work: Callable[[Transaction], T]
    future: "Future[T]"
    kept: bool

    def attempt(self, transaction: Transaction) -> Callable[[], None]:
        """Do it; returns what tells its waiter, to be called once committed."""
        if self.kept:
            result = self.work(transaction)
            return lambda: self.future.set_result(result)
        before = transaction.last
        transaction.connection.execute("SAVEPOINT job")
        try:
            result = self.work(transaction)
        except Refused as refusal:
            transaction.connection.execute("ROLLBACK TO job")
            transaction.connection.execute("RELEASE job")
            transaction.step_back(before)
            reason = refusal
            return lambda: self.future.set_exception(reason)
        transaction.connection.execute("RELEASE job")
        return lambda: self.future.set_result(result)
