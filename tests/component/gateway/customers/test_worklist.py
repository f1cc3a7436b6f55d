"""The work list: own customers, due steps first, then who waited longest; pages that fit together."""

from datetime import timedelta
from typing import Protocol

import pytest

from core.access.model import Principal, Role
from core.clock import ManualClock
from core.db import Database
from core.web.paging import CursorInvalid, encode_cursor
from gateway.contact.model import Channel, ContactRequest, Direction, Outcome, Purpose
from gateway.customers.model import CustomerView
from gateway.customers.notes.model import StepAsked, StepKind
from gateway.customers.notes.service import NoteService
from gateway.worklist.model import Turn
from gateway.worklist.schemas import WorkItemOut
from gateway.worklist.service import WorkCounts, WorkList
from tests.support.desk import Desk, shanghai


@pytest.fixture
def desk(database: Database, clock: ManualClock) -> Desk:
    clock.set(shanghai(10))
    return Desk(database, clock)


@pytest.fixture
def notes(desk: Desk) -> NoteService:
    return NoteService(
        database=desk.database,
        subject_keys=desk.keys,
        sealing=desk.sealing,
        ledger=desk.ledger,
        clock=desk.clock,
    )


@pytest.fixture
def work(desk: Desk) -> WorkList:
    return WorkList(
        database=desk.database,
        clock=desk.clock,
        subject_keys=desk.keys,
        sealing=desk.sealing,
        time_zone="Asia/Shanghai",
    )


@pytest.fixture
async def agent(desk: Desk) -> Principal:
    return await desk.employee(Role.AGENT)


class Contacted(Protocol):
    async def __call__(self, customer: CustomerView, outcome: Outcome = Outcome.UNANSWERED) -> None: ...


@pytest.fixture
async def contacted(desk: Desk, agent: Principal) -> Contacted:
    await desk.line(await desk.employee(Role.ADMINISTRATOR), "01088886666")

    async def call(customer: CustomerView, outcome: Outcome = Outcome.UNANSWERED) -> None:
        await desk.consent(agent, customer.id, Purpose.SERVICE)
        binding = await desk.bind(agent, customer.id, purpose=Purpose.SERVICE)
        request = ContactRequest(
            agent.employee_id, binding.id, Channel.CALL, Direction.OUTBOUND, Purpose.SERVICE
        )
        async with desk.database.begin() as session:
            verdict = await desk.contacts.judge(session, request)
            assert verdict.allowed, verdict
            assert verdict.contact_id is not None
            await desk.contacts.close(session, verdict.contact_id, outcome)
        desk.clock.advance(timedelta(minutes=5))

    return call


async def order(work: WorkList, agent: Principal, limit: int = 10) -> list[str]:
    found: list[str] = []
    cursor = None
    while True:
        items, cursor = await work.page(agent, cursor=cursor, limit=limit)
        found += [item.customer.id for item in items]
        if cursor is None:
            return found


async def test_due_steps_come_first_then_the_longest_not_contacted(
    desk: Desk, notes: NoteService, work: WorkList, agent: Principal, contacted: Contacted
) -> None:
    later, recent, old, never, tonight, overdue = [
        await desk.customer(agent, f"1380013800{index}") for index in range(6)
    ]
    now = desk.clock.now()
    for customer, hours in ((later, 30), (tonight, 8), (overdue, 0.01)):
        await notes.plan(agent, customer.id, StepAsked(StepKind.CALL, now + timedelta(hours=hours)))
    await contacted(old)
    await contacted(recent)
    await contacted(never, Outcome.FAILED)  # the customer noticed nothing
    wanted = [overdue, tonight, never, old, recent, later]
    for limit in (10, 1, 2, 4):
        assert await order(work, agent, limit) == [customer.id for customer in wanted], limit
    assert await work.counts(agent) == WorkCounts(6, 2, 1)
    items, _ = await work.page(agent)
    assert [item.turn for item in items] == [
        Turn.DUE, Turn.DUE, Turn.IDLE, Turn.IDLE, Turn.IDLE, Turn.LATER,
    ]  # fmt: skip
    assert items[0].step is not None
    assert items[2].last is None
    assert items[3].last is not None
    assert items[3].last.outcome is Outcome.UNANSWERED
    assert [binding.purpose for binding in items[3].bindings] == [Purpose.SERVICE]
    assert "1380013800" not in "".join(WorkItemOut.model_validate(item).model_dump_json() for item in items)


async def test_the_list_holds_own_customers_only_and_no_erased_one(
    desk: Desk, work: WorkList, agent: Principal
) -> None:
    admin = await desk.employee(Role.ADMINISTRATOR)
    await desk.customer(admin, "13800138001")
    gone = await desk.customer(agent, "13800138002")
    kept = await desk.customer(agent, "13800138003")
    await desk.customers.erase(admin, gone.id)
    assert await order(work, agent) == [kept.id]


@pytest.mark.parametrize(
    "cursor",
    ["x", encode_cursor("1"), encode_cursor("9", "2026-11-21T00:00:00+00:00", "x"),
     encode_cursor("1", "2026-11-21", "x"), encode_cursor("a", "b", "c")],
)  # fmt: skip
async def test_a_strange_cursor_is_refused(work: WorkList, agent: Principal, cursor: str) -> None:
    with pytest.raises(CursorInvalid):
        await work.page(agent, cursor=cursor)
