"""Ten agents call one customer in the same instant, half of them by telephone and half by the API."""

import asyncio
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from datetime import timedelta

import pytest
from sqlalchemy import select

from core.access.model import Role
from core.errors import MasklineError
from gateway.calls.control import Hanger
from gateway.calls.errors import CallOver
from gateway.calls.models import CallRow
from gateway.contact.model import Purpose
from gateway.contact.models import ContactRow
from gateway.contact.rulebook import load
from gateway.customers.model import CustomerInput
from gateway.numbers.model import BindRequest, LineDraft
from maskline.demo.api import Api
from maskline.demo.cast import Login
from maskline.demo.zones import daytime_zone
from tests.support.system_desk import Staff, SystemDesk, awaited
from tests.telephony.sip_phone import SipPhone

AGENTS = 10
CAP = "cap-connected-collection"


@dataclass
class Agent:
    staff: Staff
    binding_id: str
    token: str


async def agents_of_one_customer(desk: SystemDesk) -> tuple[str, list[Agent]]:
    """Ten agents, each bound to the same customer by a line of its own."""
    now = desk.ground.clock.now()
    for number in range(AGENTS):
        await desk.gateway.lines.add(
            desk.director, LineDraft(f"0755888800{number:02}", "上海", "云山贷款公司", "TEST")
        )
    people = [await desk.hire() for _ in range(AGENTS)]
    customer = await desk.gateway.customers.create(
        desk.director,
        CustomerInput(phone="+8613712345678", name="李四", time_zone=daytime_zone(now)),
        owner_id=people[0].employee_id,
    )
    agents = []
    for staff in people:
        binding = await desk.gateway.bindings.bind(
            desk.director,
            BindRequest(staff.employee_id, customer.id, Purpose.COLLECTION, now + timedelta(days=7)),
        )
        agents.append(Agent(staff, binding.id, binding.token))
    return customer.id, agents


async def by_telephone(phone: SipPhone, agent: Agent) -> None:
    phone.place(agent.token)


async def by_click(api: Api, agent: Agent) -> None:
    try:
        await api.post("/calls", {"binding_id": agent.binding_id})
    except MasklineError as refused:
        if refused.facts.get("status") != 403:
            raise


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_the_cap_holds_over_telephones_and_the_api(system, desk):
    customer_id, agents = await agents_of_one_customer(desk)

    async def contacts() -> list[ContactRow]:
        async with desk.ground.database.read() as session:
            return list(
                await session.scalars(select(ContactRow).where(ContactRow.customer_id == customer_id))
            )

    async def calls() -> list[CallRow]:
        async with desk.ground.database.read() as session:
            return list(await session.scalars(select(CallRow).where(CallRow.customer_id == customer_id)))

    async def all_judged() -> bool:
        return len(await contacts()) == AGENTS

    async def all_closed() -> bool:
        return all(row.closed_at is not None for row in await contacts())

    async with AsyncExitStack() as stack:
        trunk = await stack.enter_async_context(SipPhone(system.sip, "trunk", port=system.trunk_port))
        trunk.on_call = lambda call: call.ring()  # and never answers: each call stays open
        steps = []
        for number, agent in enumerate(agents):
            account = agent.staff.sip
            phone = await stack.enter_async_context(SipPhone(system.sip, account.username, account.password))
            if number % 2:
                steps.append(by_telephone(phone, agent))
                continue
            assert (await phone.register()).status == 200
            login = Login(agent.staff.employee_id, agent.staff.username, "", Role.AGENT, agent.staff.password)
            api = await stack.enter_async_context(Api(system.settings.web.url, login))
            steps.append(by_click(api, agent))
        await asyncio.gather(*steps)
        await awaited(all_judged, what="ten verdicts")
        judged = await contacts()
        allowed = [row for row in judged if row.decision == "allow"]
        limit = next(rule.parameters.limit for rule in load().rules if rule.id == CAP)
        assert len(allowed) == limit == 3
        assert {row.rule_id for row in judged if row.decision != "allow"} == {CAP}
        async with desk.control() as control:
            for row in await calls():
                if row.ended_at is None:
                    with suppress(CallOver):  # a refused one ends by itself, perhaps just now
                        await control.hangup(row.id, Hanger.SUPERVISOR)
        await awaited(all_closed, what="every contact is closed")
    assert len(await calls()) == AGENTS, "exactly one record for each contact"
    assert len({row.contact_id for row in await calls()}) == AGENTS
    assert (await desk.ground.ledger_service.verify()).ok
