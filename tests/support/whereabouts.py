"""Whereabouts for tests: the services behind real HTTP, and phones that know where they are."""

import hashlib
import json
import secrets
import struct
import zlib
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from aiohttp.test_utils import TestClient, TestServer

from core.access.model import Principal
from core.audit import AccessLog
from core.blobs import InMemoryBlobStore
from core.web.app import build_app
from devicepolicy.canonical import sha256_of
from devicepolicy.whereabouts.build import LocationPorts, build_whereabouts, location_terms
from tests.support.fleet import House
from tests.support.uploading import Desk, UploadingPhone

BUND = (31.2397, 121.4998)
"""外滩. Tests look for these digits where they must not be."""
PEKING = (39.9087, 116.3975)
DAYS = ("MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY")
PICTURE = b"\xff\xd8\xff\xe0" + bytes(range(256)) * 40
ALL_DAY = [{"day": day, "startMinutes": 0, "endMinutes": 1440} for day in DAYS]


def png(width: int, height: int) -> bytes:
    """Draw a real picture, all of one colour (PNG, W3C)."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        whole = kind + data
        return struct.pack(">I", len(data)) + whole + struct.pack(">I", zlib.crc32(whole))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    lines = (b"\0" + b"\x5a\x82\xa0" * width) * height
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(lines))
        + chunk(b"IEND", b"")
    )


def policy(mode: str | None = "LOCATION_TRACK", *, hours: Any = ALL_DAY, **own: Any) -> dict[str, Any]:
    """A policy that collects all day, every five minutes; None: one that does not speak of location."""
    location = {} if mode is None else {"location": {"mode": mode, "intervalMinutes": 5, "hours": hours}}
    return {"maskline": {**location, **own}}


class SmallPictures:
    """Knows a JPEG by its first bytes."""

    def check(self, content: bytes) -> str | None:
        return "image/jpeg" if content.startswith(b"\xff\xd8\xff") else None


class OneBinding:
    """Leads from one binding of one employee to a customer."""

    def __init__(self) -> None:
        self.known: dict[tuple[str, str], str] = {}

    async def customer(self, session: object, employee_id: str, binding_id: str) -> str | None:
        return self.known.get((employee_id, binding_id))


class PlaceDesk(Desk):
    """A house with uploads and whereabouts."""

    def __init__(self, house: House, blobs: InMemoryBlobStore) -> None:
        super().__init__(house, blobs)
        self.bindings = OneBinding()
        self.whereabouts = build_whereabouts(
            database=house.database,
            clock=house.clock,
            ledger=house.ledger,
            bus=house.bus,
            subject_keys=self.keys,
            blobs=blobs,
            register=house.fleet.register,
            uploads=self.uploads,
            book=location_terms("示例机构"),
            notes=AccessLog(house.database, house.clock),
            ports=LocationPorts(self.neighbours, SmallPictures(), self.bindings),
            time_zone="Asia/Shanghai",
            settings=house.settings.phones.whereabouts,
        )

    async def somebody(self, wanted: Mapping[str, Any] | None = None, **more: Any) -> "PlacePhone":
        """A trusted phone with an employee, under a policy; nothing is agreed to yet."""
        more.setdefault("employee_id", await self.house.employee())
        phone = PlacePhone(self.house)
        await phone.enrol((await self.house.token(**more)).token)
        await self.house.policy(wanted if wanted is not None else policy())
        await phone.fetch()
        return phone

    async def agreed(self, wanted: Mapping[str, Any] | None = None, **more: Any) -> "PlacePhone":
        """The same, with the employee's consent to location."""
        phone = await self.somebody(wanted, **more)
        assert (await phone.agree())[0] == 204
        return phone

    async def look(
        self, principal: Principal, phone: "PlacePhone", what: str = "track", query: str = ""
    ) -> Any:
        return await self.house.ask(principal, "GET", f"/devices/{phone.device_id}/{what}{query}")


@dataclass
class PlacePhone(UploadingPhone):
    """A phone that hands in where it is."""

    def fix(self, where: tuple[float, float] = BUND, **more: Any) -> dict[str, Any]:
        self.made += 1
        made = {
            "id": f"f{self.made}",
            "at": self.now().isoformat(),
            "salt": secrets.token_urlsafe(16),
            "lat": where[0],
            "lon": where[1],
            "accuracy_m": 12.5,
            "provider": "gps",
            "mock": False,
            **more,
        }
        return {**made, "sha256": sha256_of(made)}

    async def agree(self, **other: Any) -> tuple[int, Any]:
        _, terms, _ = await self.send("GET", "/location/terms")
        told = {"version": terms["version"], "sha256": terms["zh"]["sha256"], "language": "zh", **other}
        status, answer, _ = await self.send("POST", "/location/consent", told)
        return status, answer

    async def withdraw(self) -> int:
        return (await self.send("DELETE", "/location/consent"))[0]

    async def try_fixes(self, *fixes: Mapping[str, Any]) -> tuple[int, Any]:
        body = {"sent_at": self.now().isoformat(), "fixes": list(fixes)}
        status, answer, _ = await self.send("POST", "/location/fixes", body)
        return status, answer

    async def fixes(self, *fixes: Mapping[str, Any]) -> list[str]:
        """Hand fixes in; gives their outcomes."""
        status, answer = await self.try_fixes(*fixes)
        assert status == 200, answer
        found: list[str] = answer["outcomes"]
        return found

    def visit(self, content: bytes = PICTURE, **more: Any) -> dict[str, Any]:
        told = {"photo_sha256": hashlib.sha256(content).hexdigest(), "photo_size": len(content)}
        return self.fix(**{"purpose": "sales-visit", **told, **more})

    async def check_in(self, visit: Mapping[str, Any]) -> tuple[int, Any]:
        body = {"sent_at": self.now().isoformat(), "check_in": visit}
        status, answer, _ = await self.send("POST", "/location/check-ins", body)
        return status, answer

    async def photo(self, check_in_id: str, content: bytes = PICTURE) -> tuple[int, Any]:
        return await self.send_bytes("PUT", f"/location/check-ins/{check_in_id}/photo", content)


@asynccontextmanager
async def open_place_desk(house: House) -> AsyncIterator[PlaceDesk]:
    """Serve whereabouts beside fleet and uploads."""
    desk = PlaceDesk(house, InMemoryBlobStore())
    house.policies.everybody = json.loads(json.dumps(policy()))
    gate = house.fleet.gate
    app = build_app(
        house.settings,
        endpoints=[
            *house.fleet.endpoints(),
            *desk.uploads.endpoints(gate),
            *desk.whereabouts.endpoints(gate),
        ],
        permissions=house.permissions,
        authenticator=house.tokens,
        clock=house.clock,
    )
    async with TestClient(TestServer(app)) as client:
        house.http = client
        yield desk
