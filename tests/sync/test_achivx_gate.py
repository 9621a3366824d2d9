import asyncio
from collections import Counter

from gateway.sync.gate import AccountGate


class Calls:
    """Calls that stay in flight until they are let go."""

    def __init__(self) -> None:
        self.inside: Counter[str] = Counter()
        self.done = asyncio.Event()

    async def make(self, gate: AccountGate, account: str) -> None:
        async with gate.passing(account):
            self.inside[account] += 1
            await self.done.wait()
            self.inside[account] -= 1


async def settle() -> None:
    """Let every task that can run do so: each needs a few turns of the loop at most."""
    for _ in range(20):
        await asyncio.sleep(0)


async def test_one_call_in_flight_per_account() -> None:
    gate, calls = AccountGate(), Calls()
    async with asyncio.TaskGroup() as tasks:
        for account in ("a", "a", "a", "b"):
            tasks.create_task(calls.make(gate, account))
        await settle()
        assert calls.inside == {"a": 1, "b": 1}
        calls.done.set()
    assert calls.inside.total() == 0


async def test_no_more_than_the_limit_over_all() -> None:
    gate, calls = AccountGate(in_flight=3), Calls()
    async with asyncio.TaskGroup() as tasks:
        for number in range(8):
            tasks.create_task(calls.make(gate, f"account {number}"))
        await settle()
        assert calls.inside.total() == 3
        calls.done.set()


async def test_a_queue_on_one_account_leaves_the_places_to_others() -> None:
    gate, calls = AccountGate(in_flight=2), Calls()
    async with asyncio.TaskGroup() as tasks:
        for account in ["busy"] * 10 + ["other"]:
            tasks.create_task(calls.make(gate, account))
        await settle()
        assert calls.inside == {"busy": 1, "other": 1}
        calls.done.set()


async def test_a_call_that_fails_or_is_cancelled_gives_its_place_back() -> None:
    gate, calls = AccountGate(in_flight=1), Calls()
    first = asyncio.create_task(calls.make(gate, "a"))
    second = asyncio.create_task(calls.make(gate, "a"))
    await settle()
    first.cancel()
    second.cancel()
    await asyncio.gather(first, second, return_exceptions=True)
    async with asyncio.timeout(1), gate.passing("a"):
        pass


async def test_accounts_are_forgotten_once_nobody_waits() -> None:
    gate = AccountGate()
    for number in range(100):
        async with gate.passing(f"account {number}"):
            pass
    assert len(gate._locks) <= 1
