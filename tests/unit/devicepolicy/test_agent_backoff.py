"""An agent that lost its server comes back later each time, and never together with the others."""

import asyncio
import random
from collections import Counter
from types import SimpleNamespace
from typing import Any

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from devicepolicy.agent.agent import run
from devicepolicy.agent.backoff import FIRST_S, MOST_S, Backoff
from devicepolicy.agent.client import Problem
from devicepolicy.agent.wake import NO_WEBSOCKET, POLLS, stay_awake

WITHIN_S = 60.0


class Told(Backoff):
    """Waits for nothing, and remembers how long it might have been."""

    def __init__(self) -> None:
        super().__init__(chance=lambda: 1.0)
        self.pauses: list[float] = []

    def next_s(self) -> float:
        self.pauses.append(super().next_s())
        return 0.0


def test_the_bound_doubles_up_to_its_most_and_begins_anew_once_somebody_answered() -> None:
    backoff = Backoff(chance=lambda: 1.0)
    assert [backoff.next_s() for _ in range(6)] == [10, 20, 40, 80, 120, 120]
    backoff.worked()
    assert backoff.next_s() == FIRST_S


@given(st.integers(0, 10_000), st.floats(0, 1, exclude_max=True))
def test_a_pause_is_anything_up_to_the_bound_however_often_it_failed(times: int, chance: float) -> None:
    backoff = Backoff(chance=lambda: chance)
    for _ in range(min(times, 50)):
        backoff.next_s()
    backoff.failures = max(backoff.failures, min(times, 4))
    assert 0 <= backoff.next_s() <= MOST_S


def test_ten_thousand_phones_come_back_one_after_the_other() -> None:
    chance = random.Random(1).random  # noqa: S311 - the same each time
    seconds = Counter(int(Backoff(chance=chance).next_s()) for _ in range(10_000))
    assert set(seconds) == set(range(10))
    assert max(seconds.values()) < 1_200, "in no second much more than a tenth of them"


class Away:
    """An agent whose server does not answer, or says what it is told to."""

    def __init__(self, poll: Any = None) -> None:
        self.asked: list[str] = []
        self.poll = poll
        self.memory = SimpleNamespace(acked=0, version=0, report_every_s=300.0)
        self.client = SimpleNamespace(signed=self.signed, ask=self.ask, http=self)

    def signed(self, method: str, path: str) -> tuple[str, dict[str, str]]:
        return path, {}

    def ws_connect(self, path: str, **more: Any) -> Any:
        self.asked.append("websocket")
        raise aiohttp.ClientConnectionError

    async def ask(self, method: str, path: str, **more: Any) -> Any:
        self.asked.append("poll")
        await asyncio.sleep(0)
        if isinstance(self.poll, Exception):
            raise self.poll
        return SimpleNamespace(body={"looks": []})


async def waking(agent: Away, backoff: Backoff, enough: Any, **more: Any) -> asyncio.Event:
    rung = asyncio.Event()
    async with asyncio.timeout(WITHIN_S):
        task = asyncio.ensure_future(stay_awake(agent, rung, backoff=backoff, **more))  # type: ignore[arg-type]
        while not enough():  # noqa: ASYNC110 - it counts what it is asked
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
    return rung


async def test_a_server_that_is_away_is_asked_ever_more_seldom_by_either_way() -> None:
    agent, backoff = Away(aiohttp.ClientConnectionError()), Told()
    rung = await waking(agent, backoff, lambda: len(backoff.pauses) >= 7)
    assert backoff.pauses[:7] == [10, 20, 40, 80, 120, 120, 120]
    assert agent.asked[: NO_WEBSOCKET + 2] == ["websocket"] * NO_WEBSOCKET + ["poll"] * 2
    assert not rung.is_set(), "nobody asks in a round because the line is dead"


async def test_where_websockets_do_not_get_through_polls_go_on_for_a_while_without_a_pause() -> None:
    agent, backoff = Away(), Told()
    await waking(agent, backoff, lambda: agent.asked.count("websocket") > NO_WEBSOCKET)
    assert agent.asked == ["websocket"] * NO_WEBSOCKET + ["poll"] * POLLS + ["websocket"]
    assert backoff.pauses[:NO_WEBSOCKET] == [10, 20, 40]


async def test_who_is_refused_asks_why() -> None:
    agent, backoff = Away(Problem(403, "device-released", {})), Told()
    rung = await waking(agent, backoff, lambda: backoff.pauses, way="poll")
    assert rung.is_set()


async def test_rounds_that_get_no_answer_are_repeated_ever_more_seldom() -> None:
    said = iter(["offline", "offline", "offline", "ok", "offline", "ended"])
    backoff = Told()

    async def round_() -> str:
        return next(said)

    async def asleep(*_: object) -> None:
        await asyncio.Event().wait()

    agent: Any = SimpleNamespace(round=round_, memory=SimpleNamespace(report_every_s=0.0))
    async with asyncio.timeout(WITHIN_S):
        await run(agent, asleep, backoff=backoff)
    assert backoff.pauses == [10, 20, 40, 10]


@pytest.mark.parametrize(("status", "outcome"), [(503, "offline"), (500, "offline"), (409, "refused")])
def test_a_server_that_cannot_is_as_good_as_away(status: int, outcome: str) -> None:
    from devicepolicy.agent.agent import Agent

    assert Agent._told_off(SimpleNamespace(), Problem(status, "x", {})) == outcome  # type: ignore[arg-type]
