"""Maker and checker on customers: what one person asks, another decides, and what ends it otherwise."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import select

from core.access.events import EmployeeSuspended
from core.access.models import Employee, EmployeeState
from core.clock import ManualClock
from core.db import Database
from core.errors import Forbidden
from core.vault import SubjectErased
from gateway.contact.model import Channel, ContactRequest, Direction, Outcome, Purpose
from gateway.customers.approvals.errors import (
    NothingChanged,
    OwnRequest,
    ReasonInvalid,
    RequestExpired,
    RequestNotWaiting,
    RequestPending,
    RequestStale,
    RequestUnknown,
)
from gateway.customers.approvals.model import ErasureGround, RequestState
from gateway.customers.approvals.models import RequestRow
from gateway.customers.approvals.reading import RequestFilter
from gateway.customers.approvals.upkeep import RequestDuties
from gateway.customers.errors import ApprovalRequired, CustomerExists, CustomerInvalid, CustomerUnknown
from gateway.customers.model import CustomerChange, CustomerView
from gateway.offboarding.errors import HeldForEvidence
from gateway.offboarding.models import HoldRow, OffboardingRow
from tests.support.approving import ApprovalDesk
from tests.support.desk import ALONE

NEW = "13900139000"
WISH = CustomerChange(phone=NEW, name="李四")


@pytest.fixture
async def house(database: Database, clock: ManualClock) -> ApprovalDesk:
    return await ApprovalDesk(database, clock).set_up()


@pytest.fixture
async def customer(house: ApprovalDesk) -> CustomerView:
    return await house.desk.customer(house.agent, "13800138000", external_id="A-1")


async def state(house: ApprovalDesk, request_id: str) -> RequestState:
    return (await house.see(house.admin, request_id)).state


async def test_a_change_waits_for_somebody_else_and_is_then_done_with_its_approval(
    house: ApprovalDesk, customer: CustomerView
) -> None:
    asked = await house.ask.change(house.agent, customer.id, WISH, "客户换了手机号，139 0013 9000")
    assert await house.desk.customers.get(house.agent, customer.id) == customer
    seen = await house.see(house.chief, asked)
    assert [(one.field, one.before, one.after) for one in seen.differences] == [
        ("phone", "138****8000", "139****9000"), ("name", "张**", "李*"),
    ]  # fmt: skip
    assert (seen.may_decide, seen.own, seen.fields) == (True, False, ("phone", "name"))
    assert seen.reason.startswith("客户换了手机号，")
    assert "0013" not in seen.reason
    await house.decider.approve(house.chief, asked, "已核对")
    changed = await house.desk.customers.get(house.agent, customer.id)
    assert (changed.phone_masked, changed.name_masked, changed.external_id) == ("139****9000", "李*", "A-1")
    done = await house.see(house.agent, asked)
    assert (done.state, done.decided_by, done.note) == (RequestState.DONE, house.chief.employee_id, "已核对")
    assert done.differences == seen.differences
    async with house.database.read() as session:
        row = await session.get_one(RequestRow, asked)
        assert (row.payload, row.base) == (None, None)
    (entry,) = await house.entries("customer.updated")
    assert entry == {
        "customer": customer.id, "fields": ["phone", "name"], "by": house.agent.employee_id,
        "request": asked, "approved_by": house.chief.employee_id, "second_person": True,
    }  # fmt: skip
    with pytest.raises(RequestNotWaiting):
        await house.decider.approve(house.chief, asked)


async def test_nobody_decides_about_their_own(house: ApprovalDesk, customer: CustomerView) -> None:
    asked = await house.ask.change(house.chief, customer.id, WISH, "更正")
    for wrong in (house.decider.approve(house.chief, asked), house.decider.reject(house.chief, asked, "不")):
        with pytest.raises(OwnRequest):
            await wrong
    assert not (await house.see(house.chief, asked)).may_decide
    assert (await house.parts.reader.find(house.chief, RequestFilter(decidable=True)))[0] == []
    with pytest.raises(Forbidden):
        await house.decider.approve(house.agent, asked)
    assert await state(house, asked) is RequestState.WAITING


async def test_who_says_no_says_why(house: ApprovalDesk, customer: CustomerView) -> None:
    asked = await house.ask.change(house.agent, customer.id, WISH, "更正")
    with pytest.raises(ReasonInvalid):
        await house.decider.reject(house.chief, asked, "  ")
    await house.decider.reject(house.chief, asked, "没有附客户的书面申请")
    seen = await house.see(house.agent, asked)
    assert (seen.state, seen.note) == (RequestState.REJECTED, "没有附客户的书面申请")
    assert await house.desk.customers.get(house.agent, customer.id) == customer
    await house.ask.change(house.agent, customer.id, WISH, "附上了")


async def test_only_who_asked_takes_it_back(house: ApprovalDesk, customer: CustomerView) -> None:
    asked = await house.ask.change(house.agent, customer.id, WISH, "更正")
    with pytest.raises(RequestPending):
        await house.ask.change(house.chief, customer.id, CustomerChange(name="王五"), "更正")
    with pytest.raises(RequestUnknown):
        await house.decider.withdraw(house.chief, asked)
    await house.decider.withdraw(house.agent, asked)
    with pytest.raises(RequestNotWaiting):
        await house.decider.approve(house.chief, asked)
    assert await state(house, asked) is RequestState.WITHDRAWN


async def test_nobody_in_time_is_no(house: ApprovalDesk, customer: CustomerView) -> None:
    asked = await house.ask.change(house.agent, customer.id, WISH, "更正")
    house.clock.advance(timedelta(seconds=house.settings.expire_s))
    assert await state(house, asked) is RequestState.EXPIRED
    with pytest.raises(RequestExpired):
        await house.decider.approve(house.chief, asked)
    assert len(await house.entries("customer-request.expired")) == 1
    again = await house.ask.change(house.agent, customer.id, WISH, "更正")
    house.clock.advance(timedelta(seconds=house.settings.expire_s))
    assert await house.parts.upkeep.sweep() == 1
    assert await house.parts.upkeep.sweep() == 0
    assert await state(house, again) is RequestState.EXPIRED
    assert await house.desk.customers.get(house.agent, customer.id) == customer


async def test_a_request_that_was_overtaken_is_not_done(house: ApprovalDesk, customer: CustomerView) -> None:
    asked = await house.ask.erasure(house.admin, customer.id, ErasureGround.CUSTOMER_REQUEST, "本人要求")
    change = await house.ask.change(house.agent, customer.id, WISH, "更正")
    await house.desk.customers.update(house.agent, customer.id, CustomerChange(city="上海", tags=("新",)))
    await house.decider.approve(house.chief, change)
    with pytest.raises(RequestStale):
        await house.decider.approve(house.other_admin, asked)
    assert await state(house, asked) is RequestState.STALE
    assert (await house.desk.customers.get(house.agent, customer.id)).erased_at is None
    assert [entry["by"] for entry in await house.entries("customer-request.stale")] == [
        house.other_admin.employee_id
    ]


async def test_whose_customer_it_is_no_longer_and_who_left_get_nothing(
    house: ApprovalDesk, customer: CustomerView
) -> None:
    asked = await house.ask.change(house.agent, customer.id, WISH, "更正")
    given = CustomerChange(owner_id=house.chief.employee_id)
    await house.desk.customers.update(house.chief, customer.id, given)
    with pytest.raises(RequestStale):
        await house.decider.approve(house.chief, asked)
    again = await house.ask.change(house.chief, customer.id, WISH, "更正")
    waits = await house.ask.change(
        house.other_admin, (await house.desk.customer(house.agent, "13700137000")).id, WISH, "更正"
    )
    async with house.database.begin() as session:
        assert await RequestDuties().of(session, house.chief.employee_id) == {"requests": frozenset({again})}
        (await session.get_one(Employee, house.chief.employee_id)).state = EmployeeState.SUSPENDED
        left = EmployeeSuspended(house.chief.employee_id, house.admin.employee_id)
        await house.desk.events.publish(session, left)
    assert await state(house, again) is RequestState.WITHDRAWN
    assert (await house.see(house.admin, waits)).may_decide, "what waited for the leaver waits for others"


async def test_an_erasure_takes_two_administrators(house: ApprovalDesk, customer: CustomerView) -> None:
    with pytest.raises(ApprovalRequired):
        await house.desk.customers.erase(house.admin, customer.id)
    with pytest.raises(Forbidden):
        await house.ask.erasure(house.chief, customer.id, ErasureGround.PURPOSE_ENDED, "到期")
    change = await house.ask.change(house.agent, customer.id, WISH, "更正")
    asked = await house.ask.erasure(house.admin, customer.id, ErasureGround.CUSTOMER_REQUEST, "本人书面要求")
    assert not (await house.see(house.chief, asked)).may_decide
    with pytest.raises(Forbidden):
        await house.decider.approve(house.chief, asked)
    await house.decider.approve(house.other_admin, asked, "核对无误")
    assert (await house.desk.customers.get(house.admin, customer.id)).erased_at is not None
    async with house.database.begin() as session:
        with pytest.raises(SubjectErased):
            await house.desk.keys.cipher(session, customer.id)
    seen = await house.see(house.admin, asked)
    assert (seen.state, seen.ground, seen.reason) == (RequestState.DONE, ErasureGround.CUSTOMER_REQUEST, "")
    assert await state(house, change) is RequestState.STALE
    assert (await house.entries("customer.erased"))[0]["approved_by"] == house.other_admin.employee_id


async def hold(house: ApprovalDesk, customer_id: str) -> None:
    """Let somebody who wrote to this customer leave: their data are held."""
    line = await house.desk.line(house.admin, "01088886666")
    assert line.id
    binding = await house.desk.bind(house.agent, customer_id)
    ask = ContactRequest(
        house.agent.employee_id, binding.id, Channel.CALL, Direction.OUTBOUND, Purpose.COLLECTION
    )
    now = house.clock.now()
    async with house.database.begin() as session:
        verdict = await house.desk.contacts.judge(session, ask)
        await house.desk.contacts.close(session, verdict.contact_id or "", Outcome.CONNECTED)
        act = OffboardingRow(
            id="f" * 32, employee_id=house.agent.employee_id, by=house.admin.employee_id, at=now,
            was_active=True, wipe=False, digest="0" * 64, plan=b"{}", undo_until=now, first_seq=0, last_seq=0,
        )  # fmt: skip
        session.add(act)
        await session.flush()
        until = now + timedelta(days=30)
        session.add(
            HoldRow(offboarding_id=act.id, employee_id=house.agent.employee_id, since=now, until=until)
        )


async def test_evidence_held_in_between_stops_an_erasure_that_waits_on(
    house: ApprovalDesk, customer: CustomerView
) -> None:
    other = await house.desk.customer(house.agent, "13700137000")
    asked = await house.ask.erasure(house.admin, customer.id, ErasureGround.CUSTOMER_REQUEST, "本人要求")
    await hold(house, customer.id)
    with pytest.raises(HeldForEvidence):
        await house.decider.approve(house.other_admin, asked)
    assert await state(house, asked) is RequestState.WAITING
    await house.decider.reject(house.other_admin, asked, "取证保留中")
    with pytest.raises(HeldForEvidence):
        await house.ask.erasure(house.admin, customer.id, ErasureGround.CUSTOMER_REQUEST, "本人要求")
    await house.ask.erasure(house.admin, other.id, ErasureGround.CUSTOMER_REQUEST, "本人要求")


async def test_of_two_who_decide_at_once_one_wins(house: ApprovalDesk, customer: CustomerView) -> None:
    asked = await house.ask.change(house.agent, customer.id, WISH, "更正")
    results = await asyncio.gather(
        house.decider.approve(house.chief, asked),
        house.decider.approve(house.admin, asked),
        house.decider.reject(house.other_admin, asked, "不"),
        return_exceptions=True,
    )
    lost = [found for found in results if found is not None]
    assert [type(found) for found in lost] == [RequestNotWaiting] * 2, results
    async with house.database.read() as session:
        rows = list(await session.scalars(select(RequestRow)))
    ended = len(await house.entries("customer-request.done")) + len(
        await house.entries("customer-request.rejected")
    )
    assert (len(rows), ended) == (1, 1)


async def test_what_is_asked_is_checked_when_asked_and_again_when_done(
    house: ApprovalDesk, customer: CustomerView
) -> None:
    ask = house.ask.change
    with pytest.raises(CustomerInvalid):
        await ask(house.agent, customer.id, CustomerChange(phone="123", name="张三 13800138000"), "更正")
    with pytest.raises(NothingChanged):
        await ask(house.agent, customer.id, CustomerChange(phone="138 0013 8000", name="张三丰"), "更正")
    with pytest.raises(ReasonInvalid):
        await ask(house.agent, customer.id, WISH, " ")
    with pytest.raises(CustomerUnknown):
        await ask(house.other_chief, customer.id, WISH, "更正")
    asked = await ask(house.agent, customer.id, WISH, "更正")
    taken = await house.desk.customer(house.agent, NEW)
    with pytest.raises(CustomerExists):
        await house.decider.approve(house.chief, asked)
    assert await state(house, asked) is RequestState.WAITING
    assert taken.phone_masked == "139****9000"


async def test_the_scope_ends_where_the_customers_does(house: ApprovalDesk, customer: CustomerView) -> None:
    asked = await house.ask.change(house.agent, customer.id, WISH, "更正")
    for wrong in (
        house.decider.approve(house.other_chief, asked),
        house.decider.reject(house.other_chief, asked, "不"),
        house.see(house.other_chief, asked),
        house.decider.withdraw(house.other_chief, asked),
    ):
        with pytest.raises(RequestUnknown):
            await wrong
    everything = RequestFilter()
    assert (await house.parts.reader.find(house.other_chief, everything))[0] == []
    for reader in (house.agent, house.chief, house.admin):
        assert [one.id for one in (await house.parts.reader.find(reader, everything))[0]] == [asked]
    assert await house.parts.reader.count_decidable(house.chief) == 1
    assert await house.parts.reader.count_decidable(house.other_chief) == 0


async def test_by_the_way_of_a_plain_change_identity_is_not_changed(
    house: ApprovalDesk, customer: CustomerView
) -> None:
    with pytest.raises(ApprovalRequired) as refused:
        await house.desk.customers.update(house.agent, customer.id, CustomerChange(name="李四", city="上海"))
    assert refused.value.facts == {"fields": "name"}
    same = CustomerChange(phone="13800138000", name="张三丰", external_id="A-1", city="上海")
    assert (await house.desk.customers.update(house.agent, customer.id, same)).city == "上海"
    assert (await house.entries("customer.updated"))[0].get("second_person") is None


async def test_an_institution_of_one_person_does_it_at_once_and_the_ledger_says_so(
    database: Database, clock: ManualClock
) -> None:
    house = await ApprovalDesk(database, clock, ALONE).set_up()
    customer = await house.desk.customer(house.agent)
    asked = await house.ask.change(house.agent, customer.id, WISH, "更正")
    seen = await house.see(house.agent, asked)
    assert (seen.state, seen.second_person, seen.decided_by) == (RequestState.DONE, False, None)
    assert (await house.desk.customers.get(house.agent, customer.id)).phone_masked == "139****9000"
    await house.desk.customers.update(house.agent, customer.id, CustomerChange(name="王五"))
    await house.ask.erasure(house.admin, customer.id, ErasureGround.PURPOSE_ENDED, "到期")
    assert (await house.desk.customers.get(house.admin, customer.id)).erased_at is not None
    told = [*await house.entries("customer.updated"), *await house.entries("customer.erased")]
    assert [entry["second_person"] for entry in told] == [False, False, False]
