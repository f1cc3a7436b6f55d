"""Plays the demo's calls: telephones ring, people talk, and a rule refuses one of them."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from core.config import Settings
from core.errors import MasklineError
from maskline.demo.api import Api
from maskline.demo.cast import Cast, Part
from maskline.demo.phone import Phone
from maskline.demo.scenario import ScriptedCall, scripted_calls, tracks_of

NOTICE_S = 3.0  # the notice takes 2.3 s; the sides start to talk after it
ANSWERED = 200
FORBIDDEN = 403
Tell = Callable[[str, float], None]


class DemoFailed(MasklineError):
    """A step of the demo did not hold."""

    code = "demo-failed"
    zh = "演示未通过。"


@dataclass(slots=True)
class PlayedCall:
    """What happened at the telephones, and later what the API says of it."""

    script: str
    title_zh: str
    title_en: str
    expected: tuple[str, ...]
    customer_id: str
    zone: str
    sip_status: int
    dry_run: dict[str, Any]
    ended_at: float | None = None
    facts: dict[str, Any] = field(default_factory=dict)


@asynccontextmanager
async def everybody(cast: Cast, base_url: str) -> AsyncIterator[dict[str, Api]]:
    """Log everybody in; each chooses a password of their own."""
    async with AsyncExitStack() as stack:
        yield {login.username: await stack.enter_async_context(Api(base_url, login)) for login in cast.logins}


@asynccontextmanager
async def at_the_desk(part: Part, switch: tuple[str, int]) -> AsyncIterator[Phone]:
    """Give this person's telephone, registered."""
    agent = Phone(part.phone.username, password=part.phone.password)
    await agent.start()
    try:
        await agent.register(switch)
        yield agent
    finally:
        await agent.close()


def switch_of(settings: Settings) -> tuple[str, int]:
    """Give where telephones register."""
    return settings.sip.advertised_host or settings.sip.host, settings.sip.port


class Play:
    """One performance on a running system. `tell(step, done)` hears of the progress, `done` from 0 to 1."""

    def __init__(self, settings: Settings, cast: Cast, apis: dict[str, Api], tell: Tell) -> None:
        self._cast = cast
        self._apis = apis
        self._tell = tell
        self._switch = switch_of(settings)
        self._trunk_port = settings.sip.trunk_port

    async def run(self) -> list[PlayedCall]:
        """Play the calls one after the other; the last one is refused.

        Raises:
            DemoFailed: a telephone got another answer than it should.
        """
        customer = Phone("trunk", port=self._trunk_port)
        await customer.start()
        customer.answer_calls(after_s=0.8)
        try:
            played = [
                await self._call(script, part, customer)
                for script, part in zip(scripted_calls(), self._cast.parts, strict=True)
            ]
            return [*played, await self._refused(self._cast.refused, customer)]
        finally:
            await customer.close()

    async def _call(self, script: ScriptedCall, part: Part, customer: Phone) -> PlayedCall:
        self._tell(script.id, 0.0)
        api = self._apis[part.agent.username]
        dry_run = await api.post("/contacts/dry-run", {"binding_id": part.binding_id})
        async with at_the_desk(part, self._switch) as agent:
            if script.purpose == "collection":
                status = await self._called_back(agent, api, part, script.id)
            else:
                status = await agent.dial(part.token, self._switch)
            if status != ANSWERED:
                raise DemoFailed(f"{script.id}: {status}")
            await asyncio.wait_for(customer.connected.wait(), 20)
            await self._talk(script, agent, customer)
            await agent.hang_up()
            await asyncio.wait_for(customer.ended.wait(), 10)
        self._tell(script.id, 1.0)
        return PlayedCall(
            script.id, script.title_zh, script.title_en, script.expect, part.customer_id, part.zone,
            status, dry_run, asyncio.get_running_loop().time(),
        )  # fmt: skip

    async def _called_back(self, agent: Phone, api: Api, part: Part, key: str) -> int:
        """Click on "call": the gateway rings the agent's telephone first."""
        agent.answer_calls(after_s=0.5)
        await api.post("/calls", {"binding_id": part.binding_id, "idempotency_key": key})
        await asyncio.wait_for(agent.connected.wait(), 20)
        return ANSWERED

    async def _talk(self, script: ScriptedCall, agent: Phone, customer: Phone) -> None:
        tracks = tracks_of(script, lead_in_s=NOTICE_S)

        async def watch() -> None:
            loop = asyncio.get_running_loop()
            begin = loop.time()
            while (done := (loop.time() - begin) / tracks.seconds) < 1:
                self._tell(script.id, done)
                await asyncio.sleep(0.5)

        await asyncio.gather(agent.say(tracks.staff), customer.say(tracks.customer), watch())
        if agent.ended.is_set() or customer.ended.is_set():
            raise DemoFailed(f"{script.id}: the call ended before its time")

    async def _refused(self, part: Part, customer: Phone) -> PlayedCall:
        """Dial where it is after 22:00: the gateway must refuse, and the customer's phone must not ring."""
        self._tell("refused", 0.0)
        api = self._apis[part.agent.username]
        dry_run = await api.post("/contacts/dry-run", {"binding_id": part.binding_id})
        customer.rang.clear()
        async with at_the_desk(part, self._switch) as agent:
            status = await agent.dial(part.token, self._switch)
        if status != FORBIDDEN or customer.rang.is_set():
            raise DemoFailed(f"refused: {status}")
        self._tell("refused", 1.0)
        return PlayedCall(
            "refused", "深夜催收，被规则拒绝", "A collection call at night, refused by a rule", (),
            part.customer_id, part.zone, status, dry_run,
        )  # fmt: skip
