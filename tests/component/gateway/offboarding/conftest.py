"""A desk of which somebody leaves."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from core.clock import ManualClock
from core.db import Database
from tests.support.leaving import LeavingDesk


@pytest.fixture
async def desk(database: Database, clock: ManualClock, tmp_path: Path) -> AsyncIterator[LeavingDesk]:
    desk = LeavingDesk(database, clock, tmp_path)
    await desk.set_up()
    yield desk
    await desk.close()
