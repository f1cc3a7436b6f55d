"""Plays the demo's messages over the web chat: delivered, masked, blocked, held and released, opted out."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from core.config import Settings
from gateway.messages.models import MessageRow
from maskline.demo.api import Api
from maskline.demo.cast import Cast, MessagePart
from maskline.demo.chat import ChatCustomer
from maskline.demo.play import DemoFailed, Tell
from maskline.ground import open_ground
from maskline.wiring.messages import chat_tokens

CHANNEL = "webchat"
SETTLED_WITHIN_S = 30.0
OWN_PHONE = "13712345678"  # the employee's own, which must not get through


@dataclass(frozen=True, slots=True)
class ScriptedMessage:
    """What the agent writes, and where it must end."""

    id: str
    title_zh: str
    title_en: str
    text: str
    state: str
    action: str
    rule_id: str | None = None


@dataclass(slots=True)
class PlayedMessage:
    """What became of one. `arrived` is what the customer's page showed, None where nothing may come."""

    script: ScriptedMessage
    facts: dict[str, Any]
    arrived: str | None = None
    released_by: str | None = None
    answers: list[str] = field(default_factory=list)
    """What the customer wrote before it."""


DELIVERED = ScriptedMessage(
    "delivered",
    "正常送达",
    "Delivered",
    "您好，您咨询的还款方式已确认，可以随时在这里问我。",
    "delivered",
    "deliver",
)
MASKED = ScriptedMessage(
    "masked",
    "私留电话，被遮盖",
    "A private number, masked",
    f"有事直接打我手机 {OWN_PHONE}",
    "delivered",
    "mask",
)
BLOCKED = ScriptedMessage(
    "blocked", "保证性承诺，被拦截", "A guarantee, blocked", "您放心，这边包您通过", "blocked", "block"
)
HELD = ScriptedMessage(
    "held",
    "夸大宣传，主管审核后放行",
    "Over-promising, held, then released",
    "我们的利率全国最低",
    "delivered",
    "hold",
)
OPTED_OUT = ScriptedMessage(
    "opted-out",
    "客户退订后再发，被规则拒绝",
    "After the opt-out, refused by a rule",
    "您再考虑一下？",
    "blocked",
    "deliver",
    "do-not-contact",
)
YES, STOP = "好的，谢谢", "退订"


class MessagePlay:
    """Writes as the agent and reads as the customer, who has the web chat's link."""

    def __init__(self, settings: Settings, cast: Cast, apis: dict[str, Api], tell: Tell) -> None:
        self._settings = settings
        self._part: MessagePart = cast.messages
        self._agent = apis[cast.messages.agent.username]
        self._supervisor = apis[cast.messages.supervisor.username]
        self._tell = tell

    async def run(self) -> list[PlayedMessage]:
        """Play all; an empty list where there is no web chat.

        Raises:
            DemoFailed: a message did not get where it must.
        """
        if not self._settings.chat.enabled:
            return []
        self._tell("messages", 0.0)
        first = await self._write(DELIVERED)
        async with aiohttp.ClientSession() as http, ChatCustomer(
            await self._link(first["id"]), http, origin=self._origin()
        ) as customer:  # fmt: skip
            played = [await self._arrives(DELIVERED, first, customer)]
            await customer.says(YES)
            played.append(await self._arrives(MASKED, await self._write(MASKED), customer))
            played[-1].answers = [YES]
            self._tell("messages", 0.4)
            played.append(PlayedMessage(BLOCKED, await self._write(BLOCKED)))
            held = await self._write(HELD)
            if held["state"] != "held":
                raise DemoFailed(f"held: {held['state']}")
            await self._supervisor.post(f"/messages/{held['id']}/release", {})
            played.append(await self._arrives(HELD, held, customer))
            played[-1].released_by = self._part.supervisor.display_name
            self._tell("messages", 0.8)
            await customer.says(STOP)
            played.append(PlayedMessage(OPTED_OUT, await self._write(OPTED_OUT), answers=[STOP]))
        self._tell("messages", 1.0)
        return played

    async def _write(self, script: ScriptedMessage) -> dict[str, Any]:
        body = {
            "binding_id": self._part.binding_id,
            "channel": CHANNEL,
            "text": script.text,
            "idempotency_key": f"demo-{script.id}",
        }
        written: dict[str, Any] = await self._agent.post("/messages", body)
        return written

    async def _arrives(
        self, script: ScriptedMessage, written: dict[str, Any], customer: ChatCustomer
    ) -> PlayedMessage:
        """Wait until the customer sees it and the books say so."""
        arrived = await customer.reads(written["id"])
        deadline = asyncio.get_running_loop().time() + SETTLED_WITHIN_S
        while True:
            facts = await self._agent.get(f"/messages/{written['id']}")
            if facts["state"] == script.state:
                return PlayedMessage(script, facts, arrived)
            if asyncio.get_running_loop().time() > deadline:
                raise DemoFailed(f"{script.id}: {facts['state']}")
            await asyncio.sleep(0.1)

    async def _link(self, message_id: str) -> str:
        """Make the customer's link. In the field an SMS carries it and no employee sees it."""
        async with open_ground(self._settings) as ground:
            tokens = chat_tokens(ground)
            async with ground.database.begin() as session:
                row = await session.get(MessageRow, message_id)
                if tokens is None or row is None:
                    raise DemoFailed("no link")
                link = await tokens.make(session, row)
        chat = self._settings.chat
        host = "127.0.0.1" if chat.host in {"0.0.0.0", "::"} else chat.host  # noqa: S104 compared, not bound
        return f"http://{host}:{chat.port}/#{link.partition('#')[2]}"

    def _origin(self) -> str | None:
        return next(iter(sorted(self._settings.chat.allowed_origins)), None)


def message_faults(played: list[PlayedMessage]) -> list[str]:
    """Say what does not hold; an empty list is a demo that passed."""
    return [f"{one.script.id}: {fault}" for one in played for fault in _faults(one)]


def _faults(one: PlayedMessage) -> list[str]:
    script, facts = one.script, one.facts
    arrives = script.state == "delivered"
    checks = {
        f"it is {facts['state']}": facts["state"] == script.state,
        f"its screening said {facts['action']}": facts["action"] == script.action,
        f"its rule is {facts['rule_id']}": facts["rule_id"] == script.rule_id,
        "the customer saw it": arrives or one.arrived is None,
        "the customer did not see it": not arrives or bool(one.arrived),
        "the number got through": OWN_PHONE not in (one.arrived or ""),
        "what should arrive was changed": script.action not in {"deliver", "hold"}
        or one.arrived in {script.text, None},
        "nobody is told why": arrives or bool(facts["reason_zh"] and facts["reason_en"]),
        "it has no contact": facts["contact_id"] is not None,
        "it was released by nobody": script.action != "hold" or facts["reviewed_by"] is not None,
    }
    return [fault for fault, holds in checks.items() if not holds]
