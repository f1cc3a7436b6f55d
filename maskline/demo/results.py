"""Asks the API what came of the calls, and holds it against what must be."""

import asyncio
from datetime import UTC, datetime
from typing import Any

from core.access.model import Role
from maskline.demo.api import Api, ApiRefused
from maskline.demo.cast import Cast
from maskline.demo.play import DemoFailed, PlayedCall

INSPECTED_WITHIN_S = 300.0
PROVED_WITHIN_S = 60.0
MIN_RECORDED = 0.999
NOT_FOUND = 404


class Collector:
    """Reads as the reviewer and the auditor of the demo."""

    def __init__(self, cast: Cast, apis: dict[str, Api]) -> None:
        self._reviewer = apis[cast.login(Role.REVIEWER).username]
        self._auditor = apis[cast.login(Role.AUDITOR).username]

    async def collect(self, played: list[PlayedCall]) -> None:
        """Fill in `facts` of each call, waiting for its inspection and its proof."""
        for one in played:
            one.facts["contact"] = await self._one("/contacts", one.customer_id)
            if one.expected or one.ended_at is not None:
                call = await self._one("/calls", one.customer_id)
                one.facts["call"] = await self._reviewer.get(f"/calls/{call['id']}")
            one.facts["inspection"] = await self._inspection(one)
            alerts = (await self._reviewer.get("/alerts"))["items"]
            one.facts["alerts"] = [
                alert for alert in alerts if alert["contact_id"] == one.facts["contact"]["id"]
            ]
            one.facts["proofs"] = await self._proofs(one)

    async def _one(self, path: str, customer_id: str) -> dict[str, Any]:
        items = (await self._reviewer.get(path, customer_id=customer_id))["items"]
        if len(items) != 1:
            raise DemoFailed(f"{path}: {len(items)} instead of 1")
        found: dict[str, Any] = items[0]
        return found

    async def _inspection(self, one: PlayedCall) -> dict[str, Any]:
        path = f"/contacts/{one.facts['contact']['id']}/inspection"
        deadline = asyncio.get_running_loop().time() + INSPECTED_WITHIN_S
        while asyncio.get_running_loop().time() < deadline:
            try:
                body: dict[str, Any] = await self._reviewer.get(path)
            except ApiRefused as refused:
                if refused.facts.get("status") != NOT_FOUND:
                    raise
            else:
                if body["summary"]["state"] == "done":
                    return body
            await asyncio.sleep(0.5)
        raise DemoFailed(f"{one.script}: no inspection within {INSPECTED_WITHIN_S:.0f} s")

    async def _proofs(self, one: PlayedCall) -> list[dict[str, Any]]:
        """Fetch inclusion proofs of everything about this call, once a signed checkpoint covers them."""
        wanted = {
            "verdict": one.facts["contact"]["verdict_seq"],
            "inspection": one.facts["inspection"]["ledger_seq"],
        }
        if "call" in one.facts:
            wanted["call"] = one.facts["call"]["proof"]["ended_seq"]
        seqs = {name: seq for name, seq in wanted.items() if seq is not None}
        deadline = asyncio.get_running_loop().time() + PROVED_WITHIN_S
        while (checkpoint := await self._auditor.get("/ledger/checkpoint"))["size"] <= max(seqs.values()):
            if asyncio.get_running_loop().time() > deadline:
                raise DemoFailed(f"{one.script}: no checkpoint within {PROVED_WITHIN_S:.0f} s")
            await asyncio.sleep(0.5)
        return [
            {
                "of": name,
                "entry": await self._auditor.get(f"/ledger/entries/{seq}"),
                "inclusion": await self._auditor.get(
                    f"/ledger/entries/{seq}/proof", size=str(checkpoint["size"])
                ),
                "checkpoint": checkpoint["note"],
            }
            for name, seq in seqs.items()
        ]


def faults(played: list[PlayedCall]) -> list[str]:
    """Say what does not hold; an empty list is a demo that passed."""
    found = []
    for one in played:
        check = _refusal_faults if "call" not in one.facts or one.script == "refused" else _call_faults
        found += [f"{one.script}: {fault}" for fault in check(one)]
    return found


def _call_faults(one: PlayedCall) -> list[str]:
    call, inspection = one.facts["call"], one.facts["inspection"]
    media, found = call["media"], {finding["category"] for finding in inspection["findings"]}
    checks = {
        "the verdict is not allow": one.facts["contact"]["decision"] == "allow",
        "the dry run did not allow": one.dry_run["decision"] == "allow",
        "the contact is not connected": one.facts["contact"]["outcome"] == "connected",
        "no notice was played": (media["notice_ms"] or 0) > 0,
        "packets are missing in the recording": media["relayed_packets"] > 0
        and media["recorded_packets"] >= MIN_RECORDED * media["relayed_packets"],
        "there is no transcript": bool(inspection["transcript"]),
        "both sides must speak": {s["role"] for s in inspection["transcript"] or ()} == {"staff", "customer"},
        f"expected {sorted(one.expected)}, found {sorted(found)}": set(one.expected) <= found
        and (bool(one.expected) or not found),
        "a severe finding raised no alert": bool(one.facts["alerts"])
        or not any(f["severity"] == "severe" for f in inspection["findings"]),
        "the proofs are incomplete": {proof["of"] for proof in one.facts["proofs"]}
        == {"verdict", "call", "inspection"},
    }
    return [fault for fault, holds in checks.items() if not holds]


def _refusal_faults(one: PlayedCall) -> list[str]:
    contact = one.facts["contact"]
    opens = contact["next_allowed_at"]
    checks = {
        "the verdict is not deny": contact["decision"] == "deny",
        "the dry run did not deny": one.dry_run["decision"] == "deny",
        "the rule is not the one of the hours": (contact["rule_id"] or "").startswith("hours"),
        "no next allowed time": opens is not None and datetime.fromisoformat(opens) > datetime.now(UTC),
        "the customer was revealed": one.facts.get("call", {}).get("times", {}).get("customer_dialled_at")
        is None,
    }
    return [fault for fault, holds in checks.items() if not holds]
