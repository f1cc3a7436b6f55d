"""Fills a database with enrolled phones, their people, and the policy that is laid on all.

Phones go in by bulk insert, as enrolment leaves them: trusted and consented; and, so that what is measured
first is a push and not ten thousand first contacts, at the version that was wanted so far.
"""

import hashlib
import json
import os
from base64 import b64encode
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Table, insert, update

from bench.fleet_phone import MARK
from core.access.model import Principal, Role, Scope
from core.access.models import Department, Employee, EmployeeRole, EmployeeState, Session, Stage
from core.access.sessions import hash_token
from core.db import Base
from core.ids import new_id
from devicepolicy.capabilities.facts import Mode
from devicepolicy.devices.model import ComplianceState, DeviceState, Trust
from devicepolicy.devices.models import DeviceRow
from devicepolicy.enrolment.models import ConsentRow
from devicepolicy.identity.keys import key_text
from devicepolicy.policies.assignments import Target
from devicepolicy.policies.model import Layer, TargetKind
from devicepolicy.wake.topics import Topics, password_of
from gateway.contact.model import Purpose
from gateway.customers.model import CustomerInput
from gateway.numbers.model import BindRequest, LineDraft
from maskline.demo.zones import daytime_zone
from maskline.ground import Ground
from maskline.permissions import registry
from maskline.wiring.gateway import build_gateway
from maskline.wiring.phones import Phones, build_phones

BATCH = 2000
FIRST = "0"
TOKEN = "bench-administrator-who-is-logged-in"  # noqa: S105 - of a database that lives for minutes
ITERATIONS = 101  # as mosquitto_ctrl takes


@dataclass(frozen=True, slots=True)
class Enrolled:
    """One phone: what its client process must know."""

    index: int
    device_id: str
    seed: bytes
    employee_id: str
    password: str


@dataclass(frozen=True, slots=True)
class Fleet:
    """What was put in. `leavers` have a customer: employee id to binding id."""

    phones: Sequence[Enrolled]
    keys: dict[str, str]
    topics: Topics
    policy_id: str
    assignment_id: str
    successor_id: str
    leavers: dict[str, str]

    def plan(self, phones: Sequence[Enrolled], *, port: int, mqtt_port: int, source: str) -> dict[str, Any]:
        """Give what a client process reads."""
        return {
            "port": port,
            "mqtt_port": mqtt_port,
            "source": source,
            "keys": self.keys,
            "phones": [
                {
                    "index": phone.index,
                    "id": phone.device_id,
                    "seed": phone.seed.hex(),
                    "password": phone.password,
                    "topics": self.topics.of(phone.device_id),
                }
                for phone in phones
            ],
        }


def policy(mark: str) -> dict[str, Any]:
    """Give the document of one push: some settings, and one by which it is told from others."""
    return {
        "cameraAccess": "CAMERA_ACCESS_DISABLED",
        "screenCaptureDisabled": True,
        "bluetoothDisabled": True,
        "outgoingCallsDisabled": True,
        "factoryResetDisabled": True,
        MARK: {"defaultMessage": mark},
    }


async def seed(ground: Ground, count: int, leavers: int) -> Fleet:
    """Fill an empty database."""
    phones = build_phones(ground)
    people = await _people(ground, count)
    enrolled = [_enrolled(ground, index, people[index + 1]) for index in range(count)]
    await _enrol(ground, phones, enrolled)
    permissions = registry()
    grants = {spec.name: Scope.ALL for spec in permissions}
    boss = Principal(people[0], None, "", frozenset(), grants, new_id(), ground.clock.now())
    policies = phones.policies
    made = await policies.service.create(boss, "全员策略", "", policy(FIRST))
    await policies.service.publish(boss, made.id, 1)
    laid = await policies.assignments.assign(
        boss, Layer.ORGANISATION, Target(TargetKind.EVERYBODY), made.id, 1
    )
    while await phones.fleet.desired.catch_up(limit=BATCH):
        pass
    async with ground.database.begin() as session:
        await session.execute(
            update(DeviceRow).values(
                applied_version=DeviceRow.desired_version, compliance=ComplianceState.COMPLIANT
            )
        )
    signer = phones.fleet.signer
    return Fleet(
        enrolled,
        {key_id: key_text(key) for key_id, key in signer.keys.items()},
        Topics(ground.settings.phones.mqtt.topic),
        made.id,
        laid.id,
        people[-1],
        await _customers(ground, boss, [phone.employee_id for phone in enrolled[:leavers]]),
    )


def _enrolled(ground: Ground, index: int, employee_id: str) -> Enrolled:
    device_id = new_id()
    password = password_of(ground.vault, device_id).reveal_text()
    return Enrolled(
        index, device_id, hashlib.sha256(f"bench {index}".encode()).digest(), employee_id, password
    )


async def _people(ground: Ground, count: int) -> list[str]:
    """Make an administrator who is logged in, an employee for each phone, and one who takes over."""
    now = ground.clock.now()
    team = new_id()
    ids = [new_id() for _ in range(count + 2)]
    rows = [
        {
            "id": one, "username": f"u{one}", "display_name": "员工",
            "department_id": team if number else None,
            "state": EmployeeState.ACTIVE, "password_hash": "-", "password_changed_at": now,
            "must_change_password": False, "created_at": now,
        }
        for number, one in enumerate(ids)
    ]  # fmt: skip
    roles = [
        {"employee_id": one, "role": Role.AGENT if number else Role.ADMINISTRATOR}
        for number, one in enumerate(ids)
    ]
    async with ground.database.begin() as session:
        session.add(Department(id=team, parent_id=None, name="一组", path=f"/{team}/", created_at=now))
        await session.flush()
        for table, values in ((Employee, rows), (EmployeeRole, roles)):
            for part in _parts(values):
                await session.execute(insert(_table(table)), part)
        session.add(
            Session(
                id=new_id(), token_hash=hash_token(TOKEN), employee_id=ids[0], stage=Stage.FULL,
                created_at=now, last_seen_at=now, expires_at=now + timedelta(hours=8), verified_at=now,
                source="127.0.0.1",
            )
        )  # fmt: skip
    return ids


async def prove_anew(ground: Ground) -> None:
    """Let the administrator have proved just now who they are: unbinding asks for that."""
    async with ground.database.begin() as session:
        now = ground.clock.now()
        fresh = update(Session).where(Session.token_hash == hash_token(TOKEN))
        await session.execute(fresh.values(verified_at=now, last_seen_at=now))


async def _enrol(ground: Ground, phones: Phones, enrolled: Sequence[Enrolled]) -> None:
    now, terms = ground.clock.now(), phones.fleet.consent.current()
    rows = [
        {
            "id": phone.device_id, "name": f"手机 {phone.index}", "trust": Trust.TRUSTED,
            "public_key": Ed25519PrivateKey.from_private_bytes(phone.seed).public_key().public_bytes_raw(),
            "hardware": ground.vault.blind("hardware", phone.device_id), "employee_id": phone.employee_id,
            "token_id": new_id(), "state": DeviceState.ACTIVE, "manufacturer": "HUAWEI", "model": "Pura 80",
            "os_version": "14", "api_level": 34, "mode": Mode.FULLY_MANAGED, "backends": ["ANDROID"],
            "agent_version": "1.0.0", "status": {}, "compliance": ComplianceState.UNKNOWN, "settings": {},
            "desired_version": 0, "desired_stale": False, "report_seq": 0, "offline": False,
            "terms_version": terms.version, "enrolled_at": now, "trusted_at": now, "last_seen_at": now,
        }
        for phone in enrolled
    ]  # fmt: skip
    consents = [
        {
            "id": new_id(), "device_id": phone.device_id, "employee_id": phone.employee_id,
            "terms_version": terms.version, "terms_sha256": terms.sha256["zh"], "language": "zh",
            "given_at": now,
        }
        for phone in enrolled
    ]  # fmt: skip
    async with ground.database.begin() as session:
        for table, values in ((DeviceRow, rows), (ConsentRow, consents)):
            for part in _parts(values):
                await session.execute(insert(_table(table)), part)


async def _customers(ground: Ground, boss: Principal, employees: Sequence[str]) -> dict[str, str]:
    """Give each a customer for whom it is daytime, and a binding."""
    gateway, now = build_gateway(ground), ground.clock.now()
    await gateway.lines.add(boss, LineDraft("02166668888", "上海", "云山贷款公司", "BENCH"))
    found = {}
    for number, employee_id in enumerate(employees):
        customer = await gateway.customers.create(
            boss,
            CustomerInput(phone=f"+86138{number:08d}", name="张三丰", time_zone=daytime_zone(now)),
            owner_id=employee_id,
        )
        bound = await gateway.bindings.bind(
            boss, BindRequest(employee_id, customer.id, Purpose.COLLECTION, now + timedelta(days=7))
        )
        found[employee_id] = bound.id
    return found


def admit_all(accounts: Path, fleet: Fleet) -> None:
    """Give every phone its account at Mosquitto, as `POST /agent/wake/mqtt` does one by one."""
    book = json.loads(accounts.read_text(encoding="utf-8"))
    for phone in fleet.phones:
        salt, name, role = os.urandom(12), phone.device_id, f"role-{phone.device_id}"
        digest = hashlib.pbkdf2_hmac("sha512", phone.password.encode(), salt, ITERATIONS)
        book["clients"].append(
            {
                "username": name, "clientid": name, "password": b64encode(digest).decode(),
                "salt": b64encode(salt).decode(), "iterations": ITERATIONS, "roles": [{"rolename": role}],
            }
        )  # fmt: skip
        acls = [
            {"acltype": kind, "topic": topic, "allow": True}
            for kind in ("subscribeLiteral", "publishClientReceive")
            for topic in fleet.topics.of(name)
        ]
        book["roles"].append({"rolename": role, "acls": acls})
    accounts.write_text(json.dumps(book), encoding="utf-8")


def _table(row: type[Base]) -> Table:
    return cast("Table", row.__table__)


def _parts(rows: Sequence[dict[str, Any]]) -> Iterator[Sequence[dict[str, Any]]]:
    for begin in range(0, len(rows), BATCH):
        yield rows[begin : begin + BATCH]
