"""The movable timer on the loop's own clock."""

import asyncio
import time

from gateway.alarm import Alarm


async def test_it_calls_once_at_its_moment_and_not_before() -> None:
    rang: asyncio.Queue[int] = asyncio.Queue()
    alarm = Alarm(lambda: rang.put_nowait(time.monotonic_ns()))
    moment_ns = time.monotonic_ns() + 20_000_000
    alarm.set_ns(moment_ns)
    assert await asyncio.wait_for(rang.get(), 20) >= moment_ns - 1000  # the loop counts in floats
    await asyncio.sleep(0)
    assert rang.empty()


async def test_a_moment_in_the_past_is_now() -> None:
    rang = asyncio.Event()
    Alarm(rang.set).set_ns(0)
    await asyncio.wait_for(rang.wait(), 20)


async def test_only_the_last_setting_counts() -> None:
    log: list[str] = []
    done = asyncio.Event()
    moved = Alarm(lambda: log.append("moved"))
    off, off_too = Alarm(lambda: log.append("off")), Alarm(lambda: log.append("off too"))
    moved.set_s(0)
    moved.set_s(0.02)
    off.set_s(0)
    off.set_s(None)
    off_too.set_ns(0)
    off_too.set_ns(None)
    Alarm(done.set).set_s(0.04)
    await asyncio.wait_for(done.wait(), 20)
    assert log == ["moved"]


async def test_it_may_be_set_again_from_its_own_call() -> None:
    log: list[int] = []
    done = asyncio.Event()

    def ring() -> None:
        log.append(len(log))
        if len(log) < 3:
            alarm.set_s(0)
        else:
            done.set()

    alarm = Alarm(ring)
    alarm.set_s(0)
    await asyncio.wait_for(done.wait(), 20)
    assert log == [0, 1, 2]
