"""A small institution on each database."""

import pytest

from core.clock import ManualClock
from core.config import Settings
from core.db import Database
from tests.support.access import Office


@pytest.fixture
def office(settings: Settings, database: Database, clock: ManualClock) -> Office:
    return Office(settings, database, clock)
