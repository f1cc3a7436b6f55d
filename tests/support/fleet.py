"""A fleet for tests: the real services behind real HTTP, and phones that sign as an agent must."""

import json
import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from aiohttp.test_utils import TestClient, TestServer
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import func, select

from core.access.events import EmployeeMoved
from core.access.model import Principal, Role
from core.access.models import Department, Employee, EmployeeState
from core.clock import ManualClock
from core.config import Settings
from core.db import Database
from core.events import EventBus
from core.ids import new_id
from core.ledger import Ledger
from core.ledger.models import EntryRow
from core.ledger.record import read_entry
from core.vault import Keyring, Vault
from core.web.app import build_app
from devicepolicy.canonical import sha256_of
from devicepolicy.capabilities.table import table
from devicepolicy.devices.compliance import Reason
from devicepolicy.devices.events import DeviceTrusted
from devicepolicy.devices.models import DeviceRow
from devicepolicy.enrolment.errors import TokenInvalid
from devicepolicy.enrolment.model import IssuedToken, NewToken
from devicepolicy.enrolment.terms import TermsBook, load_terms
from devicepolicy.fleet import build_fleet
from devicepolicy.identity.documents import DocumentKind, verify_document
from devicepolicy.identity.keys import key_id_of, key_text
from devicepolicy.identity.requests import sign_request
from devicepolicy.policies.events import PolicyChanged
from devicepolicy.policies.model import Effective, PolicySubject
from devicepolicy.policies.settings import flatten, setting_sha256
from maskline.permissions import registry
from tests.support.staff import add_department, add_employee, principal_of

POLICY = {"cameraAccess": "CAMERA_ACCESS_DISABLED", "screenCaptureDisabled": True}
TABLE = table()


class PolicyTwin:
    """An in-memory twin of policies: one document for all, others for some departments or phones."""

    def __init__(self) -> None:
        self.everybody: Mapping[str, Any] = POLICY
        self.special: dict[str, Mapping[str, Any]] = {}
        self.rolling_out = False
        self.noted_phones: list[tuple[str, bool]] = []

    async def effective(self, session: object, subject: PolicySubject) -> Effective:
        document = dict(self.everybody)
        for name in (*subject.department_ids, subject.device_id):
            document |= self.special.get(name, {})
        settings = flatten(document, TABLE)
        return Effective(document, sha256_of(document), settings, {})

    async def check(self, session: object, policy_id: str) -> None:
        if policy_id not in self.special:
            raise TokenInvalid

    async def on_trusted(self, session: object, event: DeviceTrusted) -> None:
        if event.policy_id is not None:
            self.special[event.device_id] = self.special[event.policy_id]

    async def running(self, session: object) -> bool:
        return self.rolling_out

    async def noted(self, session: object, subject: PolicySubject, *, failed: bool) -> None:
        self.noted_phones.append((subject.device_id, failed))


class Tokens:
    """Who somebody is, by a token of the test's."""

    def __init__(self) -> None:
        self.known: dict[str, Principal] = {}

    async def authenticate(self, token: str) -> Principal | None:
        return self.known.get(token)


class House:
    """The fleet's services on one database, and the people around it."""

    def __init__(
        self,
        database: Database,
        clock: ManualClock,
        settings: Settings,
        terms: TermsBook | None = None,
        *,
        before: "House | None" = None,
    ) -> None:
        """`before`: the house whose process has ended; its keys and policies go on."""
        self.database, self.clock, self.settings = database, clock, settings
        self.vault = Vault(Keyring.generate()) if before is None else before.vault
        self.bus, self.ledger = EventBus(), Ledger(clock)
        self.policies = PolicyTwin() if before is None else before.policies
        self.permissions = registry()
        self.fleet = build_fleet(
            settings,
            database=database,
            clock=clock,
            vault=self.vault,
            ledger=self.ledger,
            bus=self.bus,
            table=TABLE,
            policies=self.policies,
            watch=self.policies,
            binder=self.policies,
            terms=terms,
        )
        self.events: list[Any] = []
        self.tokens = Tokens()
        self.http: TestClient[Any, Any] | None = None
        self.admin = self.principal(Role.ADMINISTRATOR)

    def hear(self, *kinds: type) -> None:
        async def remember(session: object, event: Any) -> None:
            self.events.append(event)

        for kind in kinds:
            self.bus.subscribe(kind, remember)

    def principal(
        self, role: Role, employee_id: str | None = None, department: Department | None = None
    ) -> Principal:
        return principal_of(self.permissions, self.clock, role, employee_id or new_id(), department)

    async def department(self, parent: Department | None = None) -> Department:
        return await add_department(self.database, self.clock, new_id(), parent)

    async def employee(
        self, department: Department | None = None, state: EmployeeState = EmployeeState.ACTIVE
    ) -> str:
        return await add_employee(self.database, self.clock, department, state)

    async def move(self, employee_id: str, department: Department | None) -> None:
        async with self.database.begin() as session:
            employee = await session.get_one(Employee, employee_id)
            employee.department_id = department.id if department else None
            await session.flush()
            await self.bus.publish(session, EmployeeMoved(employee_id, employee.department_id, None))

    async def policy(self, document: Mapping[str, Any], *only: str) -> None:
        """Publish another policy, for all or for some."""
        if only:
            self.policies.special |= dict.fromkeys(only, document)
        else:
            self.policies.everybody = document
        async with self.database.begin() as session:
            await self.bus.publish(session, PolicyChanged(None))

    async def token(self, **more: Any) -> IssuedToken:
        return await self.fleet.tokens.issue(
            self.admin, NewToken(**{"name": "手机", "approves": True, **more})
        )

    async def phone(self, **more: Any) -> "SimPhone":
        """A phone that is enrolled and trusted; `more` binds its token."""
        phone = SimPhone(self)
        await phone.enrol((await self.token(**more)).token)
        return phone

    async def row(self, device_id: str) -> DeviceRow:
        async with self.database.read() as session:
            return await session.get_one(DeviceRow, device_id)

    async def count(self, kind: Any) -> int:
        async with self.database.read() as session:
            return await session.scalar(select(func.count()).select_from(kind)) or 0

    async def booked(self) -> list[tuple[str, Mapping[str, Any]]]:
        async with self.database.read() as session:
            records = await session.scalars(select(EntryRow.record).order_by(EntryRow.seq))
            return [(entry.kind, entry.body) for entry in map(read_entry, records)]

    def let_in(self, principal: Principal) -> str:
        """Give somebody a token."""
        token = secrets.token_urlsafe(24)
        self.tokens.known[token] = principal
        return token

    async def ask(self, principal: Principal, method: str, path: str, **more: Any) -> tuple[int, Any]:
        """Ask the API as somebody."""
        assert self.http is not None
        headers = {"Authorization": f"Bearer {self.let_in(principal)}"}
        async with self.http.request(method, f"/api/v1{path}", headers=headers, **more) as response:
            return response.status, await response.json(content_type=None) if response.status != 204 else None


@dataclass
class SimPhone:
    """A phone that keeps the protocol. What it has in force is `applied`: setting name to value."""

    house: House
    serial: str = field(default_factory=lambda: f"SN{secrets.token_hex(6)}")
    key: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)
    device_id: str = ""
    seq: int = 0
    version: int | None = None
    sha256: str | None = None
    etag: str | None = None
    state: str = "ACTIVE"
    applied: dict[str, Any] = field(default_factory=dict)
    refuses: dict[str, tuple[Reason, str]] = field(default_factory=dict)
    api_level: int = 33

    async def send(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        key_id: str | None = None,
        key: Ed25519PrivateKey | None = None,
        created: datetime | None = None,
        nonce: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> tuple[int, Any, Mapping[str, str]]:
        """Send a signed request; gives status, JSON and headers."""
        target = f"/api/v1/agent{path}"
        data = b"" if body is None else json.dumps(body).encode()
        signed = sign_request(
            key or self.key,
            key_id or self.device_id,
            method=method,
            target=target,
            created=created or self.house.clock.now(),
            nonce=nonce or secrets.token_urlsafe(16),
            body=data,
        )
        return await self.raw(method, target, data, {**signed, **(headers or {})})

    async def raw(
        self, method: str, target: str, data: bytes, headers: Mapping[str, str]
    ) -> tuple[int, Any, Mapping[str, str]]:
        http = self.house.http
        assert http is not None
        sent = {"Content-Type": "application/json", "Accept-Language": "en", **headers} if data else headers
        async with http.request(method, target, data=data or None, headers=sent) as response:
            text = await response.text()
            return response.status, json.loads(text) if text else None, response.headers

    def invitation(self, token: str, **more: Any) -> dict[str, Any]:
        terms = self.house.fleet.consent.current()
        return {
            "token": token,
            "public_key": key_text(self.key.public_key()),
            "hardware": self.serial,
            "manufacturer": "HUAWEI",
            "model": "Pura 80",
            "os_version": "14",
            "agent_version": "1.0.0",
            "facts": {"api_level": self.api_level},
            "consent": {"version": terms.version, "sha256": terms.sha256["zh"], "language": "zh"},
            **more,
        }

    async def try_enrol(self, token: str, **more: Any) -> tuple[int, Any]:
        body = self.invitation(token, **more)
        status, answer, _ = await self.send("POST", "/enrol", body, key_id=key_id_of(self.key.public_key()))
        return status, answer

    async def enrol(self, token: str, **more: Any) -> dict[str, Any]:
        status, answer = await self.try_enrol(token, **more)
        assert status == 201, answer
        self.device_id = answer["device_id"]
        return answer

    async def fetch(self) -> dict[str, Any] | None:
        """Fetch what is wanted; None if it is what we have. The token is verified as an agent must."""
        headers = {"If-None-Match": f'"{self.etag}"'} if self.etag else None
        status, answer, sent = await self.send("GET", "/desired", headers=headers)
        if status == 304:
            return None
        assert status == 200, answer
        found = verify_document(
            answer["signed"],
            DocumentKind.DESIRED,
            keys=self.house.fleet.signer.keys,
            device_id=self.device_id,
            now=self.house.clock.now(),
            not_behind=self.version or 0,
        )
        self.etag = sent["ETag"].strip('"')
        return dict(found.document)

    async def apply(self) -> None:
        """Fetch and carry out all that we do not refuse."""
        wanted = await self.fetch()
        if wanted is None:
            return
        self.version, self.sha256, self.state = wanted["version"], wanted["sha256"], wanted["state"]
        values = flatten(wanted["policy"], TABLE)
        self.applied = {name: value for name, value in values.items() if name not in self.refuses}
        assert {name: setting_sha256(name, value) for name, value in values.items()} == wanted["settings"]

    def told(self, **more: Any) -> dict[str, Any]:
        """What we say of ourselves; numbered anew each time."""
        self.seq += 1
        settings: dict[str, Any] = {
            name: {"sha256": setting_sha256(name, value)} for name, value in self.applied.items()
        }
        for name, (reason, detail) in self.refuses.items():
            settings[name] = {"reason": reason.value, "detail": detail}
        return {
            "seq": self.seq,
            "applied_version": self.version,
            "applied_sha256": self.sha256,
            "state": self.state,
            "settings": settings,
            "status": {"battery_percent": 80, "charging": False, "signal_percent": 70, "network": "4g"},
            "facts": {"api_level": self.api_level},
            "os_version": "14",
            "agent_version": "1.0.0",
            **more,
        }

    async def try_report(self, **more: Any) -> tuple[int, Any]:
        status, answer, _ = await self.send("POST", "/report", self.told(**more))
        return status, answer

    async def report(self, **more: Any) -> dict[str, Any]:
        status, answer = await self.try_report(**more)
        assert status == 200, answer
        return answer

    async def obey(self) -> dict[str, Any]:
        """Apply what is wanted and say so."""
        await self.apply()
        return await self.report()


@asynccontextmanager
async def open_house(
    database: Database, clock: ManualClock, settings: Settings, terms: TermsBook | None = None
) -> AsyncIterator[House]:
    """Serve a house over HTTP."""
    house = House(database, clock, settings, terms)
    app = build_app(
        settings,
        endpoints=house.fleet.endpoints(),
        permissions=house.permissions,
        authenticator=house.tokens,
        clock=clock,
    )
    async with TestClient(TestServer(app)) as client:
        house.http = client
        yield house


def two_terms(on: datetime) -> TermsBook:
    """Terms of today, and others that take effect tomorrow."""
    today = load_terms("示例机构").current(on.date())
    later = today.__class__(
        "next", (on + timedelta(days=1)).date(), today.texts, {"zh": "1" * 64, "en": "2" * 64}, today.legal
    )
    return TermsBook([today, later])
