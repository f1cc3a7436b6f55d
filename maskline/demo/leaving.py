"""Plays a departure: previewed, unbound by one click, proved offline; a newcomer takes over by a scan."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

from core.config import Settings
from maskline.demo.api import Api
from maskline.demo.cast import FieldTeam
from maskline.demo.evidence import bundle_verifies
from maskline.demo.handset import Handset
from maskline.demo.phone import Phone
from maskline.demo.play import DemoFailed, Tell, at_the_desk, switch_of

WITHIN_S = 120.0


@dataclass(slots=True)
class PlayedLeaving:
    """What became of the leaver and of the phone. Times are seconds from the click."""

    preview: dict[str, Any]
    answered_s: float
    refused_s: float
    sip_status: int
    rang: bool
    locked_s: float
    act: dict[str, Any]
    bundle_verified: bool
    newcomer: str
    taken: dict[str, Any]
    dry_run_before: dict[str, Any]
    dry_run: dict[str, Any]
    device: dict[str, Any] = field(default_factory=dict)
    unlocked: bool = False


class LeavingPlay:
    """The administrator unbinds one employee and lets another take the phone."""

    def __init__(self, settings: Settings, team: FieldTeam, apis: dict[str, Api], tell: Tell) -> None:
        self._settings = settings
        self._team = team
        self._admin = apis[team.administrator.username]
        self._newcomer = apis[team.newcomer.agent.username]
        self._tell = tell

    async def run(self, handset: Handset, customer: Phone) -> PlayedLeaving:
        """Unbind, then rebind.

        Raises:
            DemoFailed: something did not follow.
        """
        self._tell("leaving", 0.0)
        team = self._team
        wish = {"employee_id": team.leaver.agent.employee_id, "successor_id": team.successor.employee_id}
        preview = await self._admin.post("/offboardings/preview", wish)
        loop, switch = asyncio.get_running_loop(), switch_of(self._settings)
        customer.rang.clear()
        async with at_the_desk(team.leaver, switch) as telephone:
            click = loop.time()
            act = await self._admin.post(
                "/offboardings", {"preview_id": preview["id"], "digest": preview["digest"]}
            )
            answered = loop.time()
            status = await telephone.dial(team.leaver.token, switch)
            refused = loop.time()
        await handset.until(lambda: handset.phone.body.locked, "it is locked")
        locked = handset.phone.took_effect_at["LOCK"]
        act = await self._settled(act["id"])
        self._tell("leaving", 0.5)
        verified = await bundle_verifies(
            self._settings, await self._admin.fetch(f"/offboardings/{act['id']}/bundle")
        )
        before = await self._dry_run()
        taken = await self._scan(handset)
        played = PlayedLeaving(
            preview, answered - click, refused - click, status, customer.rang.is_set(), locked - click, act,
            verified, team.newcomer.agent.display_name, taken, before, await self._dry_run(),
        )  # fmt: skip
        played.device = (await self._admin.get(f"/devices/{handset.device_id}"))["device"]
        played.unlocked = not handset.phone.body.locked
        self._tell("leaving", 1.0)
        return played

    async def _settled(self, act_id: str) -> dict[str, Any]:
        """Wait until every step is over, the phone's lock too."""
        try:
            async with asyncio.timeout(WITHIN_S):
                while True:
                    act: dict[str, Any] = await self._admin.get(f"/offboardings/{act_id}")
                    if act["phase"] != "working":
                        return act
                    await asyncio.sleep(0.2)
        except TimeoutError:
            raise DemoFailed("the unbinding has open steps") from None

    async def _scan(self, handset: Handset) -> dict[str, Any]:
        """The newcomer scans the code, agrees to the terms on the phone, and it proves itself anew."""
        wish = {"employee_id": self._team.newcomer.agent.employee_id, "device_id": handset.device_id}
        code = await self._admin.post("/rebindings", wish)
        taken: dict[str, Any] = await self._newcomer.post("/rebindings/redeem", {"code": code["text"]})
        memory, body = handset.agent.memory, handset.phone.body
        await handset.until(lambda: not memory.terms_version, "it asks the newcomer for their agreement")
        reported = memory.report_seq
        await handset.agree()
        await handset.until(lambda: not body.locked, "it is unlocked")
        await handset.until(
            lambda: memory.report_seq > reported and memory.compliance == "COMPLIANT",
            "it proves its settings for the newcomer",
        )
        return taken

    async def _dry_run(self) -> dict[str, Any]:
        said: dict[str, Any] = await self._newcomer.post(
            "/contacts/dry-run", {"binding_id": self._team.newcomer.binding_id}
        )
        return said
