"""Uploads for tests: the services behind real HTTP, neighbours that remember, and phones that hand in."""

import hashlib
import json
import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from aiohttp.test_utils import TestClient, TestServer

from core.blobs import InMemoryBlobStore
from core.ids import new_id
from core.outbox import Message, Outbox
from core.vault import SubjectKeys
from core.web.app import build_app
from devicepolicy.canonical import sha256_of
from devicepolicy.identity.requests import sign_request
from devicepolicy.uploads.build import UploadPorts, build_uploads
from devicepolicy.uploads.ports import DeviceConduct, ForeignRecord, SimCall
from tests.support.fleet import House, SimPhone

CUSTOMER, STRANGER = "13800138000", "13911112222"
CHAT_APP = "com.tencent.mm"
POLICY: dict[str, Any] = {
    "maskline": {
        "uploads": {"callLog": True, "sms": True, "simRecordings": True},
        "messagingApps": [{"packageName": CHAT_APP, "images": "EGRESS_BLOCKED", "means": "ACCESSIBILITY_RULE"}],
        "conductEvents": [
            "CONTACT_DELETED", "CHAT_DELETED", "NAME_CARD_PUSHED", "PRIVATE_GROUP_CREATED", "LOCATION_SHARED",
            "RED_PACKET", "TRANSFER", "CODE_SCANNED", "SCREENSHOT_TRIED", "BLOCKED_APP_OPENED", "SIM_CHANGED",
            "ROOT_FOUND", "DEVELOPER_MODE_ON", "SIM_CALL_OUTSIDE_GATEWAY", "CONTACT_BLOCKED",
            "MESSAGE_EDITED", "CHAT_APP_NEW_LOGIN",
        ],
    }
}  # fmt: skip


@dataclass
class Neighbours:
    """In-memory twins of the gateway's books and the quality wing."""

    customers: dict[str, str] = field(default_factory=dict)
    seen_conduct: dict[tuple[str, str], DeviceConduct] = field(default_factory=dict)
    messages: dict[str, ForeignRecord] = field(default_factory=dict)
    calls: dict[str, bytes] = field(default_factory=dict)
    held: set[str] = field(default_factory=set)

    async def customer(self, session: object, counterpart: str, app: str | None) -> str | None:
        return self.customers.get(counterpart.removeprefix("+86"))

    async def seen(self, session: object, conduct: DeviceConduct) -> str | None:
        self.seen_conduct.setdefault((conduct.kind.value, conduct.subject), conduct)
        return new_id()

    async def is_employee_held(self, session: object, employee_id: str) -> bool:
        return employee_id in self.held

    async def is_customer_held(self, session: object, customer_id: str) -> bool:
        return customer_id in self.held

    async def take(self, one: ForeignRecord | SimCall) -> str | None:
        if isinstance(one, SimCall):
            self.calls[one.id] = b"".join([chunk async for chunk in one.open()])
        else:
            self.messages[one.id] = one
        return "m" * 32


class Desk:
    """A house with uploads."""

    def __init__(self, house: House, blobs: InMemoryBlobStore) -> None:
        self.house, self.blobs, self.neighbours = house, blobs, Neighbours()
        self.keys = SubjectKeys(house.vault, house.clock)
        self.outbox = Outbox(house.clock)
        near = self.neighbours
        self.uploads = build_uploads(
            database=house.database,
            clock=house.clock,
            vault=house.vault,
            subject_keys=self.keys,
            ledger=house.ledger,
            outbox=self.outbox,
            blobs=blobs,
            register=house.fleet.register,
            consent=house.fleet.consent,
            time_zone="Asia/Shanghai",
            settings=house.settings.phones.uploads,
            ports=UploadPorts(near, near, near, near, near),
        )

    async def customer(self, number: str = CUSTOMER) -> str:
        customer_id = new_id()
        async with self.house.database.begin() as session:
            await self.keys.create(session, customer_id)
        self.neighbours.customers[number] = customer_id
        return customer_id

    async def phone(self, **more: Any) -> "UploadingPhone":
        """A trusted phone with an employee."""
        more.setdefault("employee_id", await self.house.employee())
        phone = UploadingPhone(self.house)
        await phone.enrol((await self.house.token(**more)).token)
        self.house.clock.advance(timedelta(minutes=2))
        return phone

    async def work(self) -> list[Message]:
        """Do what the worker does about all that waits."""
        handlers = self.uploads.handing_on.handlers()
        async with self.house.database.begin() as session:
            due = await self.outbox.take_due(session)
        for message in due:
            await handlers[message.topic](message)
        return due


@dataclass
class UploadingPhone(SimPhone):
    """A phone that hands in. `drift` is what its clock is ahead."""

    drift: timedelta = timedelta()
    made: int = 0

    def now(self) -> datetime:
        return self.house.clock.now() + self.drift

    def item(self, kind: str, **more: Any) -> dict[str, Any]:
        """A record or event with its hash."""
        self.made += 1
        found: dict[str, Any] = {
            "id": f"r{self.made}",
            "seq": self.made,
            "at": self.now().isoformat(),
            "salt": secrets.token_urlsafe(16),
            "kind": kind,
            **more,
        }
        return {**found, "sha256": sha256_of(found)}

    def call(self, number: str = STRANGER, **more: Any) -> dict[str, Any]:
        told = {"number": number, "direction": "out", "answered": True, "duration_s": 30, **more}
        return self.item("CALL", **told)

    def sms(self, number: str = STRANGER, text: str = "你好", **more: Any) -> dict[str, Any]:
        return self.item("SMS", **{"number": number, "direction": "in", "text": text, **more})

    def chat(self, contact: str = STRANGER, **more: Any) -> dict[str, Any]:
        told = {"app": CHAT_APP, "contact": contact, "direction": "out", "text": "您好", **more}
        return self.item("CHAT", **told)

    async def hand_in(self, what: str, items: list[dict[str, Any]]) -> tuple[int, Any]:
        body = {"sent_at": self.now().isoformat(), what: items}
        status, answer, _ = await self.send("POST", f"/uploads/{what}", body)
        return status, answer

    async def records(self, *items: dict[str, Any]) -> list[str]:
        """Hand records in; gives their outcomes."""
        status, answer = await self.hand_in("records", list(items))
        assert status == 200, answer
        return [one["outcome"] for one in answer["results"]]

    async def events(self, *items: dict[str, Any]) -> list[str]:
        status, answer = await self.hand_in("events", list(items))
        assert status == 200, answer
        return [one["outcome"] for one in answer["results"]]

    def recording(self, content: bytes, number: str = STRANGER, **more: Any) -> Mapping[str, Any]:
        self.made += 1
        return {
            "id": f"rec{self.made}",
            "at": self.now().isoformat(),
            "sha256": hashlib.sha256(content).hexdigest(),
            "size": len(content),
            "media_type": "audio/amr",
            "duration_s": 12,
            "direction": "out",
            "number": number,
            **more,
        }

    async def announce(self, told: Mapping[str, Any]) -> tuple[int, Any]:
        body = {"sent_at": self.now().isoformat(), **told}
        status, answer, _ = await self.send("POST", "/uploads/recordings", body)
        return status, answer

    async def piece(self, recording_id: str, offset: int, data: bytes) -> tuple[int, Any]:
        return await self.send_bytes("PATCH", f"/uploads/recordings/{recording_id}?offset={offset}", data)

    async def send_bytes(self, method: str, path: str, data: bytes) -> tuple[int, Any]:
        """Send what is no JSON, signed."""
        target = f"/api/v1/agent{path}"
        signed = sign_request(
            self.key,
            self.device_id,
            method=method,
            target=target,
            created=self.house.clock.now(),
            nonce=secrets.token_urlsafe(16),
            body=data,
        )
        headers = {"Content-Type": "application/octet-stream", **signed}
        status, answer, _ = await self.raw(method, target, data, headers)
        return status, answer

    async def send_all(self, told: Mapping[str, Any], content: bytes, size: int) -> tuple[int, Any]:
        """Send a recording from wherever the server is."""
        status, answer = await self.announce(told)
        while status == 200 and answer["state"] == "OPEN":
            offset = answer["offset"]
            status, answer = await self.piece(answer["id"], offset, content[offset : offset + size])
        return status, answer


@asynccontextmanager
async def open_desk(house: House, blobs: InMemoryBlobStore | None = None) -> AsyncIterator[Desk]:
    """Serve uploads beside the fleet."""
    desk = Desk(house, blobs or InMemoryBlobStore())
    house.policies.everybody = json.loads(json.dumps(POLICY))
    app = build_app(
        house.settings,
        endpoints=[*house.fleet.endpoints(), *desk.uploads.endpoints(house.fleet.gate)],
        permissions=house.permissions,
        authenticator=house.tokens,
        clock=house.clock,
    )
    async with TestClient(TestServer(app)) as client:
        house.http = client
        yield desk
