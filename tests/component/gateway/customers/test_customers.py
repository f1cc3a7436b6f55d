from dataclasses import replace
from datetime import timedelta

import pytest

from core.access.model import Principal, Role, Scope
from core.clock import ManualClock
from core.db import Database
from core.errors import Conflict, Forbidden
from core.vault import SubjectErased
from gateway.contact.model import Channel, ContactRequest, Direction, Outcome, Purpose
from gateway.customers.consent import BlockAsked, ConsentGiven
from gateway.customers.errors import (
    BlockUnknown,
    ConsentUnknown,
    CustomerExists,
    CustomerInvalid,
    CustomerUnknown,
    ExternalIdTaken,
    OwnerInvalid,
    TimeInvalid,
)
from gateway.customers.model import BlockReason, ConsentSource, CustomerChange, CustomerFilter, CustomerInput
from gateway.numbers.model import BindingFilter
from tests.support.desk import Desk


@pytest.fixture
def desk(database: Database, clock: ManualClock) -> Desk:
    return Desk(database, clock)


@pytest.fixture
async def admin(desk: Desk) -> Principal:
    return await desk.employee(Role.ADMINISTRATOR)


@pytest.fixture
async def agent(desk: Desk) -> Principal:
    return await desk.employee(Role.AGENT)


async def found(desk: Desk, principal: Principal, **wanted: str) -> set[str]:
    page = await desk.customers.find(principal, CustomerFilter(**wanted))
    return {view.id for view in page.items}


async def test_a_customer_is_created_masked_and_found(desk: Desk, agent: Principal) -> None:
    one = await desk.customer(agent, "13800138000", name="张三丰", tags=("重点",))  # type: ignore[arg-type]
    two = await desk.customer(agent, "13900139000", name="张三")
    three = await desk.customer(agent, "+12125550123", name="Mary Smith")
    assert (one.phone_masked, one.name_masked, one.tags) == ("138****8000", "张**", ("重点",))
    assert await desk.customers.get(agent, one.id) == one
    assert await found(desk, agent) == {one.id, two.id, three.id}
    assert await found(desk, agent, name="张三丰") == {one.id}
    assert await found(desk, agent, name="张") == {one.id, two.id}
    assert await found(desk, agent, name="ＭＡＲＹ smith") == {three.id}
    assert await found(desk, agent, name="Smith") == {three.id}
    assert await found(desk, agent, last_four="8000") == {one.id}
    assert await found(desk, agent, tag="重点") == {one.id}
    assert await found(desk, agent, owner_id=agent.employee_id) == {one.id, two.id, three.id}
    assert await found(desk, agent, name="李") == set()


async def test_pages_are_stable_and_complete(desk: Desk, agent: Principal) -> None:
    made = [(await desk.customer(agent, f"1380013800{index}")).id for index in range(5)]
    seen: list[str] = []
    cursor = None
    while True:
        page = await desk.customers.find(agent, CustomerFilter(), cursor=cursor, limit=2)
        seen += [view.id for view in page.items]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert seen == made[::-1]


async def test_one_number_and_one_external_id_once(desk: Desk, agent: Principal) -> None:
    first = await desk.customer(agent, "13800138000", external_id="A-1")
    with pytest.raises(CustomerExists):
        await desk.customer(agent, "+86 138 0013 8000")
    with pytest.raises(ExternalIdTaken):
        await desk.customer(agent, "13900139000", external_id="A-1")
    second = await desk.customer(agent, "13900139000", external_id="A-2")
    with pytest.raises(CustomerExists):
        await desk.customers.update(agent, second.id, CustomerChange(phone="13800138000"))
    with pytest.raises(ExternalIdTaken):
        await desk.customers.update(agent, second.id, CustomerChange(external_id="A-1"))
    assert await found(desk, agent) == {first.id, second.id}


async def test_a_change_is_whole_or_not_at_all(desk: Desk, agent: Principal) -> None:
    one = await desk.customer(agent, "13800138000")
    with pytest.raises(CustomerInvalid):
        await desk.customers.update(
            agent, one.id, CustomerChange(phone="13900139000", name="李四", tags=("13900139000",))
        )
    assert await desk.customers.get(agent, one.id) == one
    desk.clock.advance(timedelta(minutes=1))
    change = CustomerChange(
        phone="13900139000",
        name="李四",
        tags=("新",),
        city="上海",
        time_zone="Asia/Urumqi",
        external_id="B-1",
    )
    changed = await desk.customers.update(agent, one.id, change)
    assert (changed.phone_masked, changed.name_masked, changed.tags) == ("139****9000", "李*", ("新",))
    assert (changed.city, changed.time_zone, changed.external_id) == ("上海", "Asia/Urumqi", "B-1")
    assert await found(desk, agent, last_four="9000") == {one.id}
    assert await found(desk, agent, last_four="8000") == set()
    assert (await desk.customers.update(agent, one.id, CustomerChange(external_id=""))).external_id is None


async def test_everybody_sees_what_their_scope_reaches(desk: Desk, admin: Principal) -> None:
    north = await desk.department("北")
    below = await desk.department("北一", north)
    south = await desk.department("南")
    chief = await desk.employee(Role.SUPERVISOR, north)
    worker = await desk.employee(Role.AGENT, below)
    stranger = await desk.employee(Role.AGENT, south)
    mine = await desk.customer(worker, "13800138000")
    theirs = await desk.customer(stranger, "13900139000")
    assert await found(desk, worker) == {mine.id}
    assert await found(desk, chief) == {mine.id}
    assert await found(desk, admin) == {mine.id, theirs.id}
    for forbidden in (
        desk.customers.get(worker, theirs.id),
        desk.customers.update(chief, theirs.id, CustomerChange(name="李四")),
        desk.consents.consents(worker, theirs.id),
    ):
        with pytest.raises(CustomerUnknown):
            await forbidden
    with pytest.raises(OwnerInvalid):
        await desk.customers.create(
            worker, CustomerInput(phone="13700137000", name="王五"), owner_id=stranger.employee_id
        )
    with pytest.raises(OwnerInvalid):
        await desk.customers.update(chief, mine.id, CustomerChange(owner_id=stranger.employee_id))
    given = await desk.customers.update(chief, mine.id, CustomerChange(owner_id=chief.employee_id))
    assert given.department_id == north.id
    with pytest.raises(Forbidden):
        await desk.customers.find(replace(worker, grants={}), CustomerFilter())
    with pytest.raises(Forbidden):
        await desk.customers.erase(worker, mine.id)
    assert worker.scope("customer.read") is Scope.OWN


async def test_consent_and_do_not_contact(desk: Desk, agent: Principal, admin: Principal) -> None:
    customer = await desk.customer(agent)
    now = desk.clock.now()
    with pytest.raises(TimeInvalid):
        await desk.consents.give(
            agent, customer.id, ConsentGiven(Purpose.SALES, ConsentSource.APP, now + timedelta(hours=1))
        )
    given = await desk.consents.give(
        agent, customer.id, ConsentGiven(Purpose.SALES, ConsentSource.APP, now, "合同第三页")
    )
    assert given.has_evidence
    with pytest.raises(ConsentUnknown):
        await desk.consents.withdraw(agent, customer.id, Purpose.SERVICE)
    (withdrawn,) = await desk.consents.withdraw(agent, customer.id, Purpose.SALES)
    assert withdrawn.withdrawn_at == now
    with pytest.raises(ConsentUnknown):
        await desk.consents.withdraw(agent, customer.id, Purpose.SALES)
    assert await desk.consents.consents(agent, customer.id) == [withdrawn]
    with pytest.raises(TimeInvalid):
        await desk.consents.block(agent, customer.id, BlockAsked(BlockReason.LEGAL, until=now))
    block = await desk.consents.block(agent, customer.id, BlockAsked(BlockReason.LEGAL))
    with pytest.raises(Forbidden):
        await desk.consents.lift(agent, customer.id, block.id)
    lifted = await desk.consents.lift(admin, customer.id, block.id)
    assert await desk.consents.blocks(agent, customer.id) == [lifted]
    with pytest.raises(BlockUnknown):
        await desk.consents.lift(admin, customer.id, block.id)


async def test_erasure_leaves_ids_and_frees_the_number(
    desk: Desk, agent: Principal, admin: Principal
) -> None:
    await desk.line(admin, "01088886666")
    customer = await desk.customer(agent, "13800138000", external_id="A-1")
    binding = await desk.bind(agent, customer.id)
    request = ContactRequest(
        agent.employee_id, binding.id, Channel.CALL, Direction.OUTBOUND, Purpose.COLLECTION
    )
    async with desk.database.begin() as session:
        open_one = await desk.contacts.judge(session, request)
    with pytest.raises(Conflict):
        await desk.customers.erase(admin, customer.id)
    assert (await desk.customers.get(agent, customer.id)).phone_masked == "138****8000"
    async with desk.database.begin() as session:
        await desk.contacts.close(session, open_one.contact_id or "", Outcome.CONNECTED)
    await desk.customers.erase(admin, customer.id)
    gone = await desk.customers.get(admin, customer.id)
    assert (gone.name_masked, gone.phone_masked, gone.external_id, gone.tags) == ("", "", None, ())
    assert gone.erased_at is not None
    assert await found(desk, admin) == set()
    assert (await desk.bindings.find(agent, BindingFilter())).items == ()
    async with desk.database.begin() as session:
        with pytest.raises(SubjectErased):
            await desk.keys.cipher(session, customer.id)
        verdict = await desk.contacts.judge(session, request)
        assert verdict.reason_code == "customer-erased"
    with pytest.raises(CustomerUnknown):
        await desk.customers.erase(admin, customer.id)
    with pytest.raises(CustomerUnknown):
        await desk.customers.update(admin, customer.id, CustomerChange(name="李四"))
    again = await desk.customer(agent, "13800138000", external_id="A-1")
    assert again.id != customer.id
