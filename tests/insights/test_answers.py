"""Answers are worked out once, kept for a while, and never waited for too long."""

import asyncio

import pytest

from gateway.errors import JournalError, Refused
from gateway.insights.answers import FRESH_S, KEPT_MOST, Answers


class Work:
    """Counts how often it was asked for, and ends when it is let."""

    def __init__(self, *, ends: bool = True) -> None:
        self.begun = 0
        self.may_end = asyncio.Event()
        if ends:
            self.may_end.set()

    async def __call__(self) -> int:
        self.begun += 1
        number = self.begun
        await self.may_end.wait()
        return number


async def test_a_fresh_answer_is_told_again_and_an_old_one_is_made_anew() -> None:
    now, work = [0.0], Work()
    answers: Answers[int] = Answers(lambda: now[0])
    assert [await answers.get("a", work) for _ in range(3)] == [1, 1, 1]
    now[0] = FRESH_S + 1
    assert await answers.get("a", work) == 2


async def test_what_takes_too_long_goes_on_and_is_there_later() -> None:
    work = Work(ends=False)
    answers: Answers[int] = Answers(lambda: 0.0, wait_s=0.1)
    with pytest.raises(Refused, match="ask again") as refused:
        await answers.get("a", work)
    assert refused.value.code == "still_counting"
    work.may_end.set()
    assert await answers.get("a", work) == 1
    assert work.begun == 1


async def test_an_old_answer_is_better_than_none() -> None:
    now, work = [0.0], Work()
    answers: Answers[int] = Answers(lambda: now[0], wait_s=0.01)
    await answers.get("a", work)
    now[0] = FRESH_S + 1
    work.may_end.clear()
    assert await answers.get("a", work) == 1


async def test_two_who_ask_at_once_wait_for_the_same() -> None:
    work = Work()
    answers: Answers[int] = Answers(lambda: 0.0)
    assert await asyncio.gather(*(answers.get("a", work) for _ in range(5))) == [1] * 5


async def test_only_so_many_are_kept() -> None:
    work = Work()
    answers: Answers[int] = Answers(lambda: 0.0)
    for key in range(KEPT_MOST + 1):
        await answers.get(key, work)
    assert await answers.get(KEPT_MOST, work) == KEPT_MOST + 1
    assert await answers.get(0, work) == KEPT_MOST + 2


async def test_a_failure_is_told_and_not_kept() -> None:
    answers: Answers[int] = Answers(lambda: 0.0)

    async def fail() -> int:
        raise JournalError("no disk")

    with pytest.raises(JournalError):
        await answers.get("a", fail)
    assert await answers.get("a", Work()) == 1


async def test_more_than_it_can_do_is_refused() -> None:
    work = Work(ends=False)
    answers: Answers[int] = Answers(lambda: 0.0, wait_s=0)
    codes = []
    for key in range(KEPT_MOST + 1):
        with pytest.raises(Refused) as refused:
            await answers.get(key, work)
        codes.append(refused.value.code)
    assert codes == ["still_counting"] * KEPT_MOST + ["busy"]
    work.may_end.set()
