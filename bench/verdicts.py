"""Verdicts a second and how long one takes, against a bare transaction of the same inserts.

    .venv/bin/python -m bench.verdicts [--quick]

A verdict: one write transaction that locks the customer, reads what the rules look at, judges, writes the
contact and appends to the ledger; nearly all are *allow*. The bare transaction writes a contact and a ledger
entry by the same statements, and reads and judges nothing. SQLite one at a time (it has one writer),
PostgreSQL one and eight at a time.
"""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import select

from bench.databases import Timed, postgres, sqlite, timed
from bench.figure import Figure, Options, Result, alone
from core.access.model import Role
from core.clock import ManualClock
from core.db import Database
from core.ids import new_id
from gateway.contact.model import Channel, ContactRequest, Direction, Purpose
from gateway.contact.models import ContactRow
from gateway.contact.statements import ADD_CONTACT
from tests.support.desk import Desk

BEGIN = datetime(2026, 11, 3, 2, 0, tzinfo=UTC)  # 10:00 in Shanghai
CUSTOMERS = 100
PAUSE = timedelta(days=2)  # beyond what the caps look back: a customer's earlier contacts do not refuse


@dataclass(slots=True)
class Ground:
    """One database with an agent, customers and a binding to each."""

    database: Database
    desk: Desk
    clock: ManualClock
    requests: list[ContactRequest]

    async def verdict(self, index: int) -> None:
        if index % len(self.requests) == 0:
            self.clock.advance(PAUSE)
        request = self.requests[index % len(self.requests)]
        async with self.database.begin() as session:
            await self.desk.contacts.judge(session, request)


async def _ground(database: Database) -> Ground:
    clock = ManualClock(BEGIN)
    desk = Desk(database, clock)
    department = await desk.department("催收一部")
    admin, agent = await desk.employee(Role.ADMINISTRATOR), await desk.employee(Role.AGENT, department)
    await desk.line(admin, "01087654321")
    requests = []
    for number in range(CUSTOMERS):
        customer = await desk.customer(agent, f"138{number:08d}")
        binding = await desk.bind(agent, customer.id, days=90)
        requests.append(
            ContactRequest(
                agent.employee_id, binding.id, Channel.CALL, Direction.OUTBOUND, Purpose.COLLECTION
            )
        )
    return Ground(database, desk, clock, requests)


async def _bare(ground: Ground, count: int, at_once: int) -> Timed:
    """Write what a verdict writes: copies of a real contact's values, and a real entry with its nodes."""
    async with ground.database.read() as session:
        found = (await session.execute(select(ContactRow.__table__).limit(1))).mappings().one()
    row = dict(found)
    body = {"contact": "", "binding": row["binding_id"], "decision": "allow", "rules_sha256": "0" * 64}

    async def step(_: int) -> None:
        values: dict[str, Any] = {**row, "id": new_id()}
        async with ground.database.begin() as session:
            connection = await session.connection()
            await connection.execute(ADD_CONTACT, values)
            await ground.desk.ledger.append(session, "contact.verdict", body | {"contact": values["id"]})

    return await timed(count, step, at_once=at_once)


async def _on(kind: str, database: Database, count: int, loads: tuple[int, ...]) -> list[Figure]:
    ground = await _ground(database)
    await timed(20, ground.verdict)  # statements are compiled, pages are warm
    figures = []
    for at_once in loads:
        ours = await timed(count, ground.verdict, at_once=at_once)
        peer = await _bare(ground, count, at_once)
        how = "one at a time" if at_once == 1 else f"{at_once} at a time"
        note = f"p50 {ours.ms(50):.1f} ms, p99 {ours.ms(99):.1f} ms"
        peer_note = f"peer p50 {peer.ms(50):.1f} ms, p99 {peer.ms(99):.1f} ms"
        figures.append(
            Figure(
                f"verdicts, {kind}, {how}",
                ours.rate,
                "verdicts/s",
                "bare transaction, same inserts",
                peer.rate,
                f"{note}; {peer_note}",
            )
        )
    return figures


async def _allowed(database: Database) -> str:
    async with database.read() as session:
        decisions = list(await session.scalars(select(ContactRow.decision)))
    return f"{decisions.count('allow') / len(decisions):.1%} of the contacts in the table were allowed"  # type: ignore[arg-type]


async def _measure(count: int) -> Result:
    async with sqlite() as database:
        figures = await _on("SQLite", database, count, (1,))
        detail = await _allowed(database)
    async with postgres() as found:
        if found is None:
            detail += "\nno PostgreSQL on this machine"
        else:
            figures += await _on("PostgreSQL", found, count, (1, 8))
    return Result(tuple(figures), detail)


def measure(options: Options) -> Result:
    return asyncio.run(_measure(150 if options.quick else 1000))


if __name__ == "__main__":
    alone(measure, __doc__)
