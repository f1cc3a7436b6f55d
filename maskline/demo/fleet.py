"""Plays the demo's work phones: a policy, two phones that prove or refuse it, what happens on one of them."""

import asyncio
import base64
import copy
import hashlib
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import aiohttp
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from core.config import Settings
from maskline.demo.api import Api
from maskline.demo.cast import Cast, Part
from maskline.demo.handset import Handset
from maskline.demo.leaving import LeavingPlay, PlayedLeaving
from maskline.demo.phone import Phone
from maskline.demo.play import DemoFailed, Tell, at_the_desk, switch_of

READY = "sales"
REFUSED_SETTING = "screenCaptureDisabled"
CHAT_APP = "com.tencent.mm"
WITHIN_S = 300.0
_WEEK = ("MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY")
_ALWAYS = [{"day": day, "startMinutes": 0, "endMinutes": 1440} for day in _WEEK]
"""The demo is played at any hour, so its policy permits any; the ready one has working hours."""


@dataclass(slots=True)
class PlayedPhone:
    """One phone: what its employee might do before and after, and what it has proved."""

    key: str
    holder: str
    device_id: str
    dry_run_before: dict[str, Any]
    dry_run: dict[str, Any]
    detail: dict[str, Any]
    proof_holds: bool
    sip_status: int | None = None
    rang: bool = False
    contact: dict[str, Any] | None = None


@dataclass(slots=True)
class PlayedPhones:
    """Everything about the phones. `alerts` come when the worker has judged what happened."""

    policy: dict[str, Any]
    phones: list[PlayedPhone]
    events: list[dict[str, Any]]
    records: list[dict[str, Any]]
    alerts: list[dict[str, Any]] = field(default_factory=list)


class FleetPlay:
    """The administrator releases a policy and lets phones in; their employees use them."""

    def __init__(self, settings: Settings, cast: Cast, apis: dict[str, Api], tell: Tell) -> None:
        self._settings = settings
        self._team = cast.team
        self._apis = apis
        self._admin = apis[cast.team.administrator.username]
        self._supervisor = apis[cast.team.supervisor.username]
        self._tell = tell
        self._folder = Path(settings.data_dir) / "demo-phones"
        self._stack = AsyncExitStack()
        self._customer = Phone("trunk", port=settings.sip.trunk_port)
        self._good: Handset
        self._bad: Handset

    async def __aenter__(self) -> Self:
        http = await self._stack.enter_async_context(aiohttp.ClientSession())
        await self._customer.start()
        self._stack.push_async_callback(self._customer.close)
        self._good = Handset(self._folder / "1", "DEMO-0001", http)
        self._bad = Handset(self._folder / "2", "DEMO-0002", http, refuses=[REFUSED_SETTING])
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    async def run(self) -> PlayedPhones:
        """Release a policy, let two phones in, and let things happen on one of them.

        Raises:
            DemoFailed: a phone or the server did something else than it must.
        """
        team = self._team
        self._tell("phones", 0.0)
        policy = await self._release()
        phones = []
        for key, part, handset in (("obeys", team.leaver, self._good), ("refuses", team.refusing, self._bad)):
            phones.append(await self._enrol(key, part, handset))
            self._tell("phones", 0.3 * len(phones))
        await self._call(phones[1], team.refusing)
        events, records = await self._happenings(self._good, team.leaver)
        self._tell("phones", 1.0)
        return PlayedPhones(policy, phones, events, records)

    async def leave(self) -> PlayedLeaving:
        """The first phone's employee leaves, and another takes it over. Raises `DemoFailed`."""
        play = LeavingPlay(self._settings, self._team, self._apis, self._tell)
        return await play.run(self._good, self._customer)

    async def collect(self, played: PlayedPhones) -> None:
        """Wait until the supervisor has been alerted to everything, and the chat is in its conversation."""
        conduct = {event["conduct_id"] for event in played.events}
        device = played.phones[0].device_id

        async def alerted() -> bool:
            found = (await self._supervisor.get("/alerts", limit="200"))["items"]
            played.alerts = [alert for alert in found if alert["conduct_id"] in conduct]
            return len(played.alerts) == len(conduct)

        async def filed() -> bool:
            played.records = (await self._supervisor.get(f"/devices/{device}/records"))["items"]
            return all(record["message_id"] for record in played.records)

        await _awaited(alerted, "the supervisor was not alerted")
        await _awaited(filed, "the chat is in no conversation")

    async def _release(self) -> dict[str, Any]:
        """Make a policy of a ready one, publish it and lay it on the department."""
        starters = (await self._admin.get("/policy-starters"))["items"]
        document = copy.deepcopy(next(one["document"] for one in starters if one["key"] == READY))
        document["maskline"]["permittedHours"] = _ALWAYS
        made = await self._admin.post("/policies", {"name": "外勤工作手机（演示）", "document": document})
        published = await self._admin.post(
            f"/policies/{made['id']}/versions", {"revision": made["revision"], "note": "演示"}
        )
        await self._admin.post(
            "/policy-assignments",
            {
                "layer": "department",
                "target": {"kind": "department", "id": self._team.department_id},
                "policy_id": made["id"],
                "number": published["number"],
            },
        )
        return {"id": made["id"], "name": made["name"], **published}

    async def _enrol(self, key: str, part: Part, handset: Handset) -> PlayedPhone:
        """From the one-time token to a report that says how each setting stands."""
        before = await self._dry_run(part)
        wish = {"name": f"演示手机 {part.agent.display_name}", "employee_id": part.agent.employee_id}
        token = await self._admin.post("/enrolment-tokens", wish)
        trust = await handset.come_in(token["qr_text"])
        if trust != "PENDING":
            raise DemoFailed(f"the phone came in as {trust}")
        await self._admin.post(f"/devices/{handset.device_id}/approve")
        await self._stack.enter_async_context(handset.switched_on())
        wanted = "COMPLIANT" if key == "obeys" else "NOT_COMPLIANT"
        await handset.until(lambda: handset.agent.memory.compliance == wanted, wanted)
        detail = await self._admin.get(f"/devices/{handset.device_id}")
        newest = max(detail["proofs"], key=lambda proof: proof["seq"])
        proof = await self._admin.get(f"/devices/{handset.device_id}/reports/{newest['id']}")
        return PlayedPhone(
            key, part.agent.display_name, handset.device_id, before, await self._dry_run(part), detail,
            signed_by_the_phone(proof),
        )  # fmt: skip

    async def _dry_run(self, part: Part) -> dict[str, Any]:
        said: dict[str, Any] = await self._apis[part.agent.username].post(
            "/contacts/dry-run", {"binding_id": part.binding_id}
        )
        return said

    async def _call(self, played: PlayedPhone, part: Part) -> None:
        """Dial with the SIP telephone while the work phone is not compliant."""
        self._customer.rang.clear()
        switch = switch_of(self._settings)
        async with at_the_desk(part, switch) as telephone:
            played.sip_status = await telephone.dial(part.token, switch)
        played.rang = self._customer.rang.is_set()
        contacts = await self._supervisor.get("/contacts", customer_id=part.customer_id)
        played.contact = contacts["items"][0]

    async def _happenings(
        self, handset: Handset, part: Part
    ) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """The employee chats with a customer, then deletes the chat and the contact from the phone."""
        collector, who = handset.agent.collector, {"counterpart": part.number, "app": CHAT_APP}
        collector.chat(CHAT_APP, part.number, "您好，合同我稍后发您，请查收。", outgoing=True)
        collector.event("CHAT_DELETED", who)
        collector.event("CONTACT_DELETED", who)
        await handset.until(lambda: handset.agent.backlog.count() == (0, 0), "everything is handed in")
        path = f"/devices/{handset.device_id}"
        events = (await self._supervisor.get(f"{path}/conduct"))["items"]
        records = (await self._supervisor.get(f"{path}/records"))["items"]
        return events, records


async def _awaited(check: Callable[[], Awaitable[bool]], what: str) -> None:
    try:
        async with asyncio.timeout(WITHIN_S):
            while not await check():  # noqa: ASYNC110 - the API tells it only when asked
                await asyncio.sleep(0.5)
    except TimeoutError:
        raise DemoFailed(what) from None


def signed_by_the_phone(proof: dict[str, Any]) -> bool:
    """Check a report as somebody would who does not believe the server: RFC 9421, RFC 9530, Ed25519."""
    key = base64.urlsafe_b64decode(proof["public_key"] + "=")
    digest = base64.b64encode(hashlib.sha256(base64.b64decode(proof["body"])).digest()).decode()
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(
            base64.b64decode(proof["signature"]), proof["signature_base"].encode()
        )
    except InvalidSignature:
        return False
    return f":{digest}:" in proof["signature_base"]
