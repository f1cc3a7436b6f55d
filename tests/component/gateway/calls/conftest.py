"""A house to call from, an agent with a registered phone and one customer."""

from collections.abc import AsyncIterator

import pytest

from core.access.model import Principal, Role
from core.clock import ManualClock
from core.db import Database
from gateway.numbers.model import BindingView
from tests.component.gateway.calls.house import House, Phone, house_at


@pytest.fixture
async def house(database: Database, clock: ManualClock) -> AsyncIterator[House]:
    async with house_at(database, clock) as house:
        yield house


@pytest.fixture
async def agent(house: House) -> Principal:
    return await house.principal(Role.AGENT)


@pytest.fixture
async def binding(house: House, agent: Principal) -> BindingView:
    return await house.bound(agent)


@pytest.fixture
async def phone(house: House, agent: Principal) -> Phone:
    return await house.phone_of(agent)
