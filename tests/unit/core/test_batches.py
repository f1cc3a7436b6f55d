"""Calls at the same time are one call; an error is that of its batch; nobody waits for company."""

import asyncio
from collections.abc import Sequence

import pytest

from core.batches import Batches


class Doubler:
    """Doubles numbers, when it may; keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[list[int]] = []
        self.may = asyncio.Event()
        self.begun = asyncio.Event()

    async def __call__(self, numbers: Sequence[int]) -> list[int]:
        self.asked.append(list(numbers))
        self.begun.set()
        await self.may.wait()
        if 13 in numbers:
            raise ValueError("thirteen")
        return [2 * number for number in numbers]


async def test_what_comes_while_one_is_under_way_goes_together_and_each_gets_its_own_answer() -> None:
    run = Doubler()
    double = Batches(run, name="test", at_most=3)
    first = asyncio.ensure_future(double(1))
    await run.begun.wait()
    others = [asyncio.ensure_future(double(number)) for number in (2, 3, 4, 5)]
    await asyncio.sleep(0)
    run.may.set()
    assert await asyncio.gather(first, *others) == [2, 4, 6, 8, 10]
    assert run.asked == [[1], [2, 3, 4], [5]]
    assert await double(6) == 12, "it works on after a rest"


async def test_an_error_is_everybodys_whose_turn_it_was_and_nobody_elses() -> None:
    run = Doubler()
    double = Batches(run, name="test", at_most=2)
    calls = [asyncio.ensure_future(double(number)) for number in (12, 13, 14)]
    run.may.set()
    answers = await asyncio.gather(*calls, return_exceptions=True)
    assert [type(answer) for answer in answers] == [ValueError, ValueError, int]


async def test_who_gives_up_waiting_takes_nobody_along() -> None:
    run = Doubler()
    double = Batches(run, name="test")
    impatient, patient = asyncio.ensure_future(double(1)), asyncio.ensure_future(double(2))
    await run.begun.wait()
    impatient.cancel()
    run.may.set()
    assert await patient == 4
    with pytest.raises(asyncio.CancelledError):
        await impatient
