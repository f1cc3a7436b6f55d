"""An administrator's pages: each does its job by form, shows consequences first, and takes back what can be."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from gateway.numbers.model import BindingFilter
from tests.browser.stage import Stage

START = datetime(2026, 11, 21, 2, 0, tzinfo=UTC)


async def seed(stage: Stage) -> dict[str, str]:
    """Give the ids that the tests need."""
    admin = stage.seeded.people["admin"].principal
    lines = await stage.gateway.lines.list(admin)
    bindings = await stage.gateway.bindings.find(admin, BindingFilter())
    return {"line": lines[0].id, "binding": bindings.items[0].id, "customer": bindings.items[0].customer_id, "lin": stage.seeded.people["lin"].principal.employee_id}


@pytest.fixture(scope="module")
def stage(chromium_path: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    stage = Stage(tmp_path_factory.mktemp("administrator"), START, more=seed)
    stage.start()
    yield stage
    stage.stop()
