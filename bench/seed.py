"""Fills a database as months of work would: staff, customers with their keys, calls, inspections, alerts.

Rows go in by bulk insert, not through the services; what is sealed is sealed as the services seal it.
"""

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import Table, insert
from sqlalchemy.ext.asyncio import AsyncSession

from core.access.model import Role
from core.access.models import Department, Employee, EmployeeRole, EmployeeState, Session, Stage
from core.access.sessions import hash_token
from core.db import Base
from core.ids import new_id
from gateway.calls.models import CallRow
from gateway.contact.models import ContactRow
from gateway.customers.model import CustomerDraft
from gateway.customers.models import CustomerRow
from gateway.customers.owners import Owner
from gateway.customers.phone import PhoneNumber
from gateway.customers.sealing import CustomerSealing
from gateway.numbers.model import LineStatus
from gateway.numbers.models import BindingRow, LineRow
from maskline.ground import Ground
from qa.inspection.models import AlertRow, FindingRow, InspectionRow

BATCH = 2000
DAYS = 200
TEAMS, AGENTS = 5, 50
SURNAMES = "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧"
RULES = ("hours", "cap-connected", "cap-unanswered-collection", "do-not-contact")
CATEGORIES = ("threat", "insult", "over_promise", "private_contact")
BANDS = ("pass", "coach", "flag")


@dataclass(slots=True)
class Seeded:
    """What a reader asks for. `tokens` are session tokens by role."""

    tokens: dict[Role, str] = field(default_factory=dict)
    agent_id: str = ""
    department_id: str = ""
    team_path: str = ""
    old_day: datetime | None = None
    contacts: int = 0


def id_at(moment: datetime, number: int) -> str:
    """Make an id that sorts by its time, as UUIDv7 does, and is the same in every run."""
    return f"{int(moment.timestamp() * 1000):012x}7{number & 0xFFF:03x}8{number:015x}"


class Seeder:
    """Writes into an empty database."""

    def __init__(self, ground: Ground, contacts: int, *, customers: int) -> None:
        self.ground = ground
        self.count = contacts
        self.customers = customers
        self.seeded = Seeded(contacts=contacts)
        self.now = ground.clock.now()
        self.start = self.now - timedelta(days=DAYS)
        self.chance = random.Random(7)  # noqa: S311 - the same rows in every run

    async def run(self) -> Seeded:
        async with self.ground.database.begin() as session:
            await self._people(session)
            await self._customers(session)
            await _put(session, LineRow, self._lines())
            await _put(session, BindingRow, self._bindings())
            await _put(session, ContactRow, map(self._contact, range(self.count)))
            await _put(session, CallRow, map(self._call, range(self.count)))
            await _put(session, InspectionRow, map(self._inspection, self._inspected()))
            await _put(session, FindingRow, map(self._finding, self._found()))
            await _put(session, AlertRow, map(self._alert, self._alerted()))
        async with self.ground.database.engine.connect() as connection:
            autocommit = await connection.execution_options(isolation_level="AUTOCOMMIT")
            await autocommit.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        return self.seeded

    # --- people

    async def _people(self, session: AsyncSession) -> None:
        root = Department(id=new_id(), parent_id=None, name="总部", path="", created_at=self.start)
        root.path = f"/{root.id}/"
        teams = [
            Department(id=new_id(), parent_id=root.id, name=f"{n + 1} 组", created_at=self.start)
            for n in range(TEAMS)
        ]
        for team in teams:
            team.path = f"{root.path}{team.id}/"
        session.add(root)
        await session.flush()
        session.add_all(teams)
        await session.flush()
        self.teams = [team.id for team in teams]
        self.agents = []
        for number in range(AGENTS):
            self.agents.append(await self._employee(session, Role.AGENT, teams[number % TEAMS].id, number))
        await self._employee(session, Role.SUPERVISOR, teams[0].id, AGENTS)
        for number, role in enumerate((Role.REVIEWER, Role.ADMINISTRATOR, Role.AUDITOR)):
            await self._employee(session, role, None, AGENTS + 1 + number)
        self.seeded.agent_id, self.seeded.department_id = self.agents[0], self.teams[0]
        self.seeded.team_path = teams[0].path
        self.seeded.old_day = self.start + timedelta(days=DAYS // 2)

    async def _employee(self, session: AsyncSession, role: Role, team: str | None, number: int) -> str:
        row = Employee(
            id=new_id(), username=f"u{number}", display_name=f"员工{number}", department_id=team,
            state=EmployeeState.ACTIVE, password_hash="-", password_changed_at=self.start,  # noqa: S106 - none
            must_change_password=False, created_at=self.start,
        )  # fmt: skip
        session.add(row)
        await session.flush()
        session.add(EmployeeRole(employee_id=row.id, role=role))
        if role not in self.seeded.tokens:
            token = f"bench-{role.value}-{new_id()}"
            self.seeded.tokens[role] = token
            session.add(
                Session(
                    id=new_id(), token_hash=hash_token(token), employee_id=row.id, stage=Stage.FULL,
                    created_at=self.now, last_seen_at=self.now, expires_at=self.now + timedelta(hours=8),
                    verified_at=self.now, source="127.0.0.1",
                )
            )  # fmt: skip
        return row.id

    def _agent_of(self, customer: int) -> tuple[str, str]:
        number = customer % AGENTS
        return self.agents[number], self.teams[number % TEAMS]

    # --- customers

    async def _customers(self, session: AsyncSession) -> None:
        sealing = CustomerSealing(self.ground.vault)
        self.customer_ids = [id_at(self.start, number) for number in range(self.customers)]
        rows = []
        for number, customer_id in enumerate(self.customer_ids):
            cipher = await self.ground.subject_keys.create(session, customer_id)
            draft = CustomerDraft(
                PhoneNumber(f"+86138{number:08d}"), f"{SURNAMES[number % len(SURNAMES)]}小明", None, (), None,
                "Asia/Shanghai", "上海",
            )  # fmt: skip
            owner = Owner(*self._agent_of(number))
            row = sealing.new_row(
                draft, customer_id, cipher, owner=owner, by=owner.employee_id, now=self.start
            )
            rows.append({column.name: getattr(row, column.name) for column in _table(CustomerRow).columns})
        await _put(session, CustomerRow, iter(rows))

    def _lines(self) -> Iterator[dict[str, Any]]:
        # One line for each binding of an employee, that each may be dialled directly, would be too many.
        for number in range(3):
            yield {
                "id": f"{number:032x}", "number": f"+8621666688{number:02d}", "city": "上海",
                "status": LineStatus.ACTIVE, "owner_name": "云山贷款公司", "registration": "BENCH",
                "created_at": self.start, "updated_at": self.start,
            }  # fmt: skip

    def _bindings(self) -> Iterator[dict[str, Any]]:
        for number, customer_id in enumerate(self.customer_ids):
            agent, team = self._agent_of(number)
            yield {
                "id": id_at(self.start, 10_000_000 + number), "token": f"t{number:020d}",
                "line_id": f"{number % 3:032x}", "employee_id": agent, "department_id": team,
                "customer_id": customer_id, "purpose": "collection", "direct_dial": False,
                "created_at": self.start, "created_by": agent, "expires_at": self.now + timedelta(days=30),
            }  # fmt: skip

    # --- contacts, calls

    def _moment(self, number: int) -> datetime:
        return self.start + timedelta(days=DAYS) * (number / self.count)

    def _denied(self, number: int) -> bool:
        return number % 10 == 3

    def _answered(self, number: int) -> bool:
        return not self._denied(number) and number % 10 < 7

    def _key(self, number: int) -> tuple[datetime, int, str, str]:
        moment, customer = self._moment(number), (number * 7919) % self.customers
        return moment, customer, *self._agent_of(customer)

    def _contact(self, number: int) -> dict[str, Any]:
        moment, customer, agent, team = self._key(number)
        denied, answered = self._denied(number), self._answered(number)
        outcome = "refused" if denied else "connected" if answered else "unanswered"
        return {
            "id": id_at(moment, number), "binding_id": id_at(self.start, 10_000_000 + customer),
            "line_id": f"{customer % 3:032x}", "employee_id": agent, "department_id": team,
            "customer_id": self.customer_ids[customer], "purpose": "collection", "channel": "call",
            "direction": "outbound", "outcome": outcome, "node": "calls", "requested_at": moment,
            "time_zone": "Asia/Shanghai", "decision": "deny" if denied else "allow",
            "rule_id": RULES[number // 10 % 4] if denied else None, "rule_version": "1" if denied else None,
            "reason_zh": "", "reason_en": "", "others": [], "rules_digest": "0" * 64, "verdict_seq": number,
            "answered_at": moment + timedelta(seconds=12) if answered else None,
            "closed_at": moment + timedelta(seconds=90),
        }  # fmt: skip

    def _call(self, number: int) -> dict[str, Any]:
        moment, customer, agent, team = self._key(number)
        denied, answered = self._denied(number), self._answered(number)
        after = {name: moment + timedelta(seconds=s) for name, s in (("a", 12), ("b", 15), ("c", 90))}
        return {
            "id": id_at(moment, number), "contact_id": id_at(moment, number), "node": "calls",
            "flow": "staff", "direction": "outbound", "purpose": "collection", "employee_id": agent,
            "department_id": team, "customer_id": self.customer_ids[customer],
            "binding_id": id_at(self.start, 10_000_000 + customer), "line_id": f"{customer % 3:032x}",
            "decision": "deny" if denied else "allow", "rule_id": RULES[number // 10 % 4] if denied else None,
            "started_at": moment, "judged_at": moment,
            "customer_answered_at": after["a"] if answered else None,
            "bridged_at": after["b"] if answered else None, "ended_at": after["c"],
            "ended_by": "system" if denied else "staff",
            "cause": "denied" if denied else "completed" if answered else "no-answer",
            "recorded_packets": 3000 if answered else 0, "relayed_packets": 3000 if answered else 0,
            "duration_ms": 75_000 if answered else 0, "ledger_seq": number,
        }  # fmt: skip

    # --- inspections

    def _inspected(self) -> Iterator[int]:
        return (number for number in range(self.count) if self._answered(number))

    def _found(self) -> Iterator[int]:
        return (number for number in self._inspected() if number % 10 < 2)

    def _alerted(self) -> Iterator[int]:
        return (number for number in self._found() if number % 20 == 0)

    def _inspection(self, number: int) -> dict[str, Any]:
        moment, customer, agent, team = self._key(number)
        found = number % 10 < 2
        band = BANDS[1 + number % 2] if found else BANDS[0]
        return {
            "id": id_at(moment, number), "contact_id": id_at(moment, number),
            "subject_id": self.customer_ids[customer], "employee_id": agent, "department_id": team,
            "channel": "call", "direction": "outbound", "purpose": "collection",
            "contact_started_at": moment, "state": "done", "retryable": False, "attempts": 1,
            "score": 55 if found else 95, "band": band, "fatal": False, "finding_count": int(found),
            "severe_count": 0, "suspected_count": 0, "created_at": moment, "finished_at": moment,
        }  # fmt: skip

    def _finding(self, number: int) -> dict[str, Any]:
        moment = self._moment(number)
        return {
            "id": id_at(moment, number), "inspection_id": id_at(moment, number), "idx": 0,
            "rule_id": "bench", "rule_version": "1", "category": CATEGORIES[number // 10 % 4],
            "severity": "moderate", "role": "staff", "begin_ms": 0, "end_ms": 1000, "char_begin": 0,
            "char_end": 2, "matched_by": "exact", "confidence": 1.0, "suspected": False, "fatal": False,
            "deduction": 5,
        }  # fmt: skip

    def _alert(self, number: int) -> dict[str, Any]:
        moment, _, agent, team = self._key(number)
        return {
            "id": id_at(moment, number), "inspection_id": id_at(moment, number),
            "finding_id": id_at(moment, number), "contact_id": id_at(moment, number), "employee_id": agent,
            "department_id": team, "category": CATEGORIES[number // 10 % 4], "severity": "moderate",
            "suspected": False, "hits": 1, "state": "open" if number > self.count * 0.97 else "closed",
            "created_at": moment,
        }  # fmt: skip


def _table(row: type[Base]) -> Table:
    return cast("Table", row.__table__)


async def _put(session: AsyncSession, row: type[Base], values: Iterator[Mapping[str, Any]]) -> None:
    """Insert many rows; a column that a row does not name is null or its default."""
    batch: list[Mapping[str, Any]] = []
    for one in values:
        batch.append(one)
        if len(batch) == BATCH:
            await session.execute(insert(_table(row)), batch)
            batch = []
    if batch:
        await session.execute(insert(_table(row)), batch)
