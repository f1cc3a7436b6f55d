"""A work phone that hands in numbers wherever it can: call log, messages, chats, conduct, a SIM recording."""

import hashlib
import json
import secrets
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import func, select

from core.ids import new_id
from devicepolicy.canonical import sha256_of
from devicepolicy.enrolment.models import ConsentRow
from devicepolicy.enrolment.terms import load_terms
from devicepolicy.identity.requests import sign_request
from devicepolicy.sync.models import DesiredRow
from devicepolicy.uploads.models import UploadRecordingRow, UploadRecordRow
from tests.leak.canaries import Canaries
from tests.leak.crawl import Crawler
from tests.support.commanding import device_row
from tests.support.system_desk import Staff, SystemDesk, awaited
from tests.support.uploading import CHAT_APP, POLICY

SOUND = b"#!AMR\n" + bytes(2000)
Source = tuple[str, bytes]


@dataclass
class Handset:
    """The agent's phone on a running system. `said` is what it sent, `answers` what it heard."""

    desk: SystemDesk
    canaries: Canaries
    url: str
    said: bytes = b""
    answers: list[Source] = field(default_factory=list)
    made: int = 0

    async def play(self, agent: Staff, admin: Crawler) -> None:
        """Hand everything in, wait until it was handed on, and look at it as the administrator may."""
        await self._enrol(agent)
        number, seen = self.canaries.number, self.canaries.number("handset customer")
        records = [
            self._item("CALL", number=number("handset call"), direction="in", answered=True, duration_s=3),
            self._item("CALL", number=seen, direction="out", answered=True, duration_s=3),
            self._item("SMS", number=number("handset SMS"), direction="in", text=number("handset SMS text")),
            self._item("SMS", number=seen, direction="out", text=f"打我{number('handset customer SMS')}"),
            self._item("CHAT", app=CHAT_APP, contact=number("handset chat"), direction="in", text="x"),
            self._item("CALL", id=number("handset record id"), number="10086", direction="in",
                       answered=False, duration_s=0),
        ]  # fmt: skip
        events = [
            self._item("NAME_CARD_PUSHED", evidence={"counterpart": number("handset conduct")}),
            self._item("CHAT_DELETED", evidence={"records": [number("handset deleted")]}),
            self._item("CONTACT_DELETED", evidence={"counterpart": seen}),
        ]
        now = self.desk.ground.clock.now().isoformat()
        for what, items in (("records", records), ("events", events)):
            status, answer = await self._ask("POST", what, {"sent_at": now, what: items})
            assert status == 200, answer
            assert {one["outcome"] for one in answer["results"]} == {"kept"}, answer
        for name in ("kind", "number", "direction", "salt", "sha256", "at", "seq"):
            wrong = self._item("CALL", number="10086", direction="in", answered=True, duration_s=1)
            wrong[name] = number(f"handset wrong {name}") + " " * 30
            await self._ask("POST", "records", {"sent_at": now, "records": [wrong]})
        await self._recording(seen, now)
        await awaited(self._handed_on, what="handed on", timeout_s=120)
        for path in ("records", "conduct", "recordings", "history", ""):
            status, content = await admin.ask("GET", f"/api/v1/devices/{self.device_id}/{path}".rstrip("/"))
            assert status == 200, content
        await admin.ask("GET", "/api/v1/device-conduct")

    async def _enrol(self, agent: Staff) -> None:
        ground = self.desk.ground
        now, self.key = ground.clock.now(), Ed25519PrivateKey.generate()
        terms = load_terms(ground.settings.institution).current(now.date())
        row = device_row(ground.vault, self.key, now, employee_id=agent.employee_id)
        row.terms_version, self.device_id = terms.version, row.id
        consent = ConsentRow(
            id=new_id(), device_id=row.id, employee_id=agent.employee_id, terms_version=terms.version,
            terms_sha256=terms.sha256["zh"], language="zh", given_at=now,
        )  # fmt: skip
        wanted = DesiredRow(
            device_id=row.id, version=1, sha256="0" * 64, policy_sha256="0" * 64, cause="test", created_at=now,
            document={"state": "ACTIVE", "policy": POLICY, "settings": {}},
        )  # fmt: skip
        async with ground.database.begin() as session:
            session.add(row)
            await session.flush()
            session.add_all([consent, wanted])

    def _item(self, kind: str, **more: Any) -> dict[str, Any]:
        self.made += 1
        at = self.desk.ground.clock.now().isoformat()
        found = {"id": f"h{self.made}", "seq": self.made, "at": at, "salt": "s" * 22, "kind": kind, **more}
        return {**found, "sha256": sha256_of(found)}

    async def _recording(self, number: str, now: str) -> None:
        told = {
            "sent_at": now, "id": self.canaries.number("handset recording id"), "at": now,
            "sha256": hashlib.sha256(SOUND).hexdigest(), "size": len(SOUND), "media_type": "audio/amr",
            "duration_s": 2, "direction": "out", "number": number,
        }  # fmt: skip
        status, answer = await self._ask("POST", "recordings", told)
        assert status == 200, answer
        status, answer = await self._ask("PATCH", f"recordings/{answer['id']}?offset=0", SOUND)
        assert (status, answer["state"]) == (200, "COMPLETE"), answer

    async def _handed_on(self) -> bool:
        async with self.desk.ground.database.read() as session:
            counts = [
                await session.scalar(
                    select(func.count()).select_from(table).where(table.handed_on_at.is_not(None))
                )
                for table in (UploadRecordRow, UploadRecordingRow)
            ]
        return counts == [1, 1]

    async def _ask(self, method: str, path: str, body: Any) -> tuple[int, Any]:
        target = f"/api/v1/agent/uploads/{path}"
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        signed = sign_request(
            self.key,
            self.device_id,
            method=method,
            target=target,
            created=self.desk.ground.clock.now(),
            nonce=secrets.token_urlsafe(16),
            body=data,
        )
        kind = "application/octet-stream" if body is data else "application/json"
        self.said += data + b"\n"
        async with (
            aiohttp.ClientSession() as http,
            http.request(
                method, self.url.rstrip("/") + target, data=data, headers={"Content-Type": kind, **signed}
            ) as answer,
        ):
            content = await answer.read()
            head = repr(answer.raw_headers).encode()
        self.answers.append((f"handset: {method} {path.partition('/')[0]}", head + content))
        return answer.status, json.loads(content)
