"""Who searches and who tries numbers is in the access log; what they tried is nowhere."""

import pytest
from sqlalchemy import select

from core.access.model import Role
from core.audit import AccessLog
from core.audit.models import AccessRow
from core.clock import ManualClock
from core.config import ApprovalSettings
from core.db import Database
from gateway.customers.errors import CustomerExists
from gateway.customers.model import CustomerChange, CustomerFilter, CustomerInput
from gateway.customers.service import CustomerService
from tests.support.desk import Desk


async def test_searches_and_known_numbers_are_noted_without_their_words(
    database: Database, clock: ManualClock
) -> None:
    desk = Desk(database, clock)
    agent = await desk.employee(Role.AGENT)
    service = CustomerService(
        database=database,
        subject_keys=desk.keys,
        sealing=desk.sealing,
        ledger=desk.ledger,
        events=desk.events,
        clock=clock,
        checker=desk.checker,
        second_person=ApprovalSettings(change=False, erasure=False, export=False),
        notes=AccessLog(database, clock),
    )
    one = await service.create(agent, CustomerInput(name="张三丰", phone="13800138000"))
    two = await service.create(agent, CustomerInput(name="李四", phone="13900139000"))
    for wanted in ({"last_four": "8000"}, {"last_four": "1234"}, {"last_four": "1234"}, {"name": "王五"}):
        await service.find(agent, CustomerFilter(**wanted))
    await service.find(agent, CustomerFilter(tag="重点"))
    await service.find(agent, CustomerFilter(last_four="4321"), cursor=None, limit=1)
    with pytest.raises(CustomerExists):
        await service.create(agent, CustomerInput(name="赵六", phone="138 0013 8000"))
    with pytest.raises(CustomerExists):
        await service.update(agent, two.id, CustomerChange(phone="13800138000"))
    async with database.read() as session:
        rows = list(await session.scalars(select(AccessRow).order_by(AccessRow.id)))
    assert [(row.kind, row.detail) for row in rows] == [
        ("customer.searched", "found"),
        ("customer.searched", "missed"),
        ("customer.searched", "missed"),
        ("customer.searched", "missed"),
        ("customer.number-known", None),
        ("customer.number-known", None),
    ]
    assert {row.actor_id for row in rows} == {agent.employee_id}
    for row in rows:
        assert row.customer_id is None
        assert one.id not in str(row.target_id)
        assert not {"8000", "1234", "4321"} & {str(row.target_id), str(row.detail)}
