"""An administrator's pages: each does its job by form, shows consequences first, and takes back what can be."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from gateway.contact.model import Purpose
from gateway.messages.templating import Variable, VariableKind
from gateway.numbers.model import BindingFilter
from tests.browser.stage import Stage

START = datetime(2026, 11, 21, 2, 0, tzinfo=UTC)


async def seed(stage: Stage) -> dict[str, str]:
    """Give the ids that the tests need."""
    admin = stage.seeded.people["admin"].principal
    lines = await stage.gateway.lines.list(admin)
    text = "【{{institution}}】尊敬的{{customer_name}}，您尾号{{card_tail}}的账单{{amount}}元，请于{{due}}前处理。{{opt_out}}"
    kinds = {"card_tail": "last_four", "amount": "amount", "due": "date"}
    variables = [Variable(name, VariableKind(kind)) for name, kind in kinds.items()]
    chief = stage.seeded.people["chen"].principal
    templates = stage.messages.templates
    made = await templates.create(chief, "账单提醒", Purpose.COLLECTION, text, variables)
    await templates.decide(admin, made.id, approve=True, comment="可以使用")
    changed = text.replace("尊敬的", "").replace("处理", "还款")
    await templates.write(chief, made.template_id, changed, variables)
    bindings = await stage.gateway.bindings.find(admin, BindingFilter())
    return {
        "line": lines[0].id,
        "binding": bindings.items[0].id,
        "customer": bindings.items[0].customer_id,
        "template": made.template_id,
        "lin": stage.seeded.people["lin"].principal.employee_id,
    }


@pytest.fixture(scope="module")
def stage(chromium_path: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    stage = Stage(tmp_path_factory.mktemp("administrator"), START, more=seed)
    stage.start()
    yield stage
    stage.stop()
