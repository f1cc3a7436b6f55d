"""Notes and next steps: sealed, without contact data, within the customer's scope, gone with the customer."""

import json
from datetime import timedelta

import pytest
from sqlalchemy import select, text

from core.access.model import Principal, Role
from core.audit import AccessLog
from core.audit.models import AccessRow
from core.clock import ManualClock
from core.db import Database
from core.errors import Forbidden
from core.ledger.models import EntryRow
from gateway.customers.errors import CustomerUnknown, TimeInvalid
from gateway.customers.events import CustomerErased
from gateway.customers.model import CustomerView
from gateway.customers.notes.errors import NoteInvalid, NoteUnknown, StepUnknown, TooManySteps
from gateway.customers.notes.model import MAX_TEXT, StepAsked, StepKind
from gateway.customers.notes.models import NextStepRow, NoteRow
from gateway.customers.notes.service import MAX_OPEN, NoteService
from tests.support.desk import Desk

OWN = "13800138000"
SAID = "下周发工资后还款"


@pytest.fixture
def desk(database: Database, clock: ManualClock) -> Desk:
    return Desk(database, clock)


@pytest.fixture
def notes(desk: Desk) -> NoteService:
    service = NoteService(
        database=desk.database,
        subject_keys=desk.keys,
        sealing=desk.sealing,
        ledger=desk.ledger,
        clock=desk.clock,
        access=AccessLog(desk.database, desk.clock),
    )
    desk.events.subscribe(CustomerErased, service.on_customer_erased)
    return service


@pytest.fixture
async def agent(desk: Desk) -> Principal:
    return await desk.employee(Role.AGENT)


@pytest.fixture
async def customer(desk: Desk, agent: Principal) -> CustomerView:
    return await desk.customer(agent, OWN)


def asked(desk: Desk, text: str = "", *, hours: float = 1) -> StepAsked:
    return StepAsked(StepKind.CALL, desk.clock.now() + timedelta(hours=hours), text)


async def ledger_texts(desk: Desk) -> str:
    async with desk.database.read() as session:
        records = (await session.scalars(select(EntryRow.record))).all()
    return "".join(json.dumps(json.loads(record), ensure_ascii=False) for record in records)


async def test_a_note_is_kept_sealed_and_the_ledger_has_no_word_of_it(
    desk: Desk, notes: NoteService, agent: Principal, customer: CustomerView
) -> None:
    made = await notes.add(agent, customer.id, f"  {SAID}\r\n请再联系 ")
    (seen,), following = await notes.find(agent, customer.id)
    assert (seen.text, seen.masked, following) == (f"{SAID}\n请再联系", False, None)
    assert seen.id == made.id
    async with desk.database.read() as session:
        stored = bytes(await session.scalar(text("SELECT text FROM gw_customer_notes")))
    assert SAID.encode() not in stored
    kept = await ledger_texts(desk)
    assert "note.added" in kept
    assert SAID not in kept


@pytest.mark.parametrize(
    "written",
    ["他换号了：139 0013 9002", "还是原来的 13800138000", "加微信 wxid_abc12345", "一三九零零一三九零零二"],
)
async def test_contact_data_never_gets_into_a_note(
    notes: NoteService, agent: Principal, customer: CustomerView, written: str
) -> None:
    made = await notes.add(agent, customer.id, written)
    assert made.masked
    step = await notes.plan(agent, customer.id, asked_at(notes, written))
    assert step.masked
    for shown in (made.text, step.text, (await notes.find(agent, customer.id))[0][0].text):
        for secret in ("139 0013 9002", OWN, "wxid_abc12345", "一三九零零一三九零零二"):
            assert secret not in shown


def asked_at(notes: NoteService, text: str) -> StepAsked:
    return StepAsked(StepKind.OTHER, notes._clock.now() + timedelta(hours=2), text)


@pytest.mark.parametrize("bad", ["", "  \n ", "x" * (MAX_TEXT + 1), "a\x07b"])
async def test_what_is_no_note_is_refused(
    notes: NoteService, agent: Principal, customer: CustomerView, bad: str
) -> None:
    with pytest.raises(NoteInvalid):
        await notes.add(agent, customer.id, bad)


async def test_a_note_is_withdrawn_and_restored_by_its_author_alone(
    desk: Desk, notes: NoteService, agent: Principal, customer: CustomerView
) -> None:
    made = await notes.add(agent, customer.id, SAID)
    admin = await desk.employee(Role.ADMINISTRATOR)
    with pytest.raises(Forbidden):
        await notes.withdraw(admin, customer.id, made.id)
    await notes.withdraw(agent, customer.id, made.id)
    await notes.withdraw(agent, customer.id, made.id)
    (seen,), _ = await notes.find(admin, customer.id)
    assert (seen.text, seen.withdrawn_at) == ("", desk.clock.now())
    await notes.restore(agent, customer.id, made.id)
    assert (await notes.find(agent, customer.id))[0][0].text == SAID
    assert (await ledger_texts(desk)).count("note.withdrawn") == 1
    other = await desk.customer(agent, "13900139000")
    with pytest.raises(NoteUnknown):
        await notes.withdraw(agent, other.id, made.id)


async def test_who_read_notes_is_in_the_access_log_once(
    desk: Desk, notes: NoteService, agent: Principal, customer: CustomerView
) -> None:
    await notes.find(agent, customer.id)
    await notes.steps(agent, customer.id, opened=True)
    async with desk.database.read() as session:
        seen = (await session.execute(select(AccessRow.actor_id, AccessRow.customer_id))).all()
    assert [tuple(row) for row in seen] == [(agent.employee_id, customer.id)]


async def test_scope_is_the_customers(
    desk: Desk, notes: NoteService, agent: Principal, customer: CustomerView
) -> None:
    stranger = await desk.employee(Role.AGENT)
    auditor = await desk.employee(Role.AUDITOR)
    step = await notes.plan(agent, customer.id, asked(desk))
    for attempt in (
        notes.add(stranger, customer.id, SAID),
        notes.find(stranger, customer.id),
        notes.steps(stranger, customer.id),
        notes.finish(stranger, customer.id, step.id),
        notes.plan(stranger, customer.id, asked(desk)),
    ):
        with pytest.raises(CustomerUnknown):
            await attempt
    with pytest.raises(Forbidden):
        await notes.find(auditor, customer.id)


async def test_a_step_is_planned_done_and_reopened(
    desk: Desk, notes: NoteService, agent: Principal, customer: CustomerView
) -> None:
    later = await notes.plan(agent, customer.id, asked(desk, "寄材料", hours=30))
    first = await notes.plan(agent, customer.id, asked(desk))
    assert [step.id for step in await notes.steps(agent, customer.id)] == [first.id, later.id]
    await notes.finish(agent, customer.id, first.id)
    assert [step.id for step in await notes.steps(agent, customer.id, open_only=True)] == [later.id]
    done = (await notes.steps(agent, customer.id))[-1]
    assert (done.id, done.done_by) == (first.id, agent.employee_id)
    await notes.reopen(agent, customer.id, first.id)
    assert (await notes.steps(agent, customer.id))[0].done_at is None
    kept = await ledger_texts(desk)
    assert "寄材料" not in kept
    for kind in ("next-step.planned", "next-step.done", "next-step.reopened"):
        assert kind in kept
    with pytest.raises(StepUnknown):
        await notes.finish(agent, customer.id, customer.id)


async def test_a_step_lies_ahead_and_there_are_not_too_many(
    desk: Desk, notes: NoteService, agent: Principal, customer: CustomerView
) -> None:
    for hours in (0, -1, 24 * 400):
        with pytest.raises(TimeInvalid):
            await notes.plan(agent, customer.id, asked(desk, hours=hours))
    for _ in range(MAX_OPEN):
        await notes.plan(agent, customer.id, asked(desk))
    with pytest.raises(TooManySteps):
        await notes.plan(agent, customer.id, asked(desk))


async def test_erasing_the_customer_takes_texts_and_open_steps_along(
    desk: Desk, notes: NoteService, agent: Principal, customer: CustomerView
) -> None:
    await notes.add(agent, customer.id, SAID)
    await notes.plan(agent, customer.id, asked(desk, SAID))
    admin = await desk.employee(Role.ADMINISTRATOR)
    await desk.customers.erase(admin, customer.id)
    async with desk.database.read() as session:
        assert (await session.scalars(select(NoteRow.text))).all() == [None]
        assert (await session.scalars(select(NextStepRow.text))).all() == [None]
        assert None not in (await session.scalars(select(NextStepRow.done_at))).all()
    (seen,), _ = await notes.find(admin, customer.id)
    assert seen.text == ""
    with pytest.raises(CustomerUnknown):
        await notes.add(agent, customer.id, SAID)
