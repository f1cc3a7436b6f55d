"""A fleet on each database."""

from collections.abc import AsyncIterator

import pytest

from core.clock import ManualClock
from core.config import Settings
from core.db import Database
from tests.support.fleet import House, open_house, two_terms


@pytest.fixture
async def house(database: Database, clock: ManualClock, settings: Settings) -> AsyncIterator[House]:
    async with open_house(database, clock, settings, two_terms(clock.now())) as house:
        yield house
