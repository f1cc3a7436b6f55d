from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

import pytest
from sqlalchemy import event, update

from core.access.model import Principal, Role
from core.access.models import EmployeeState
from core.clock import ManualClock
from core.db import Database
from core.errors import MasklineError
from core.ids import new_id
from gateway.contact.many import DryRuns
from gateway.contact.model import Channel, ContactRequest, Direction, Outcome, Purpose, Verdict
from gateway.contact.queries import DryRun
from gateway.customers.consent import BlockAsked
from gateway.customers.model import BlockReason
from gateway.customers.models import CustomerRow
from gateway.numbers.model import BindingView, LineStatus
from tests.support.desk import Desk, shanghai

ABROAD = "+12125550123"  # New York
MORNING, NIGHT, LATER = shanghai(10), shanghai(23), shanghai(9, day=23)


class _Phones:
    """Phones of some employees do not obey."""

    def __init__(self) -> None:
        self.bad: set[str] = set()

    async def refusals(self, session: object, employee_ids: Collection[str]) -> dict[str, str]:
        del session
        return {one: "phone-silent" for one in employee_ids if one in self.bad}


@pytest.fixture
def phones() -> _Phones:
    return _Phones()


@pytest.fixture
def desk(database: Database, clock: ManualClock, phones: _Phones) -> Desk:
    return Desk(database, clock, phones=phones)


@pytest.fixture
def many(desk: Desk, phones: _Phones) -> DryRuns:
    return DryRuns(database=desk.database, book=desk.book, clock=desk.clock, phones=phones)


async def one_by_one(desk: Desk, principal: Principal, asked: Sequence[DryRun]) -> list[Verdict | None]:
    found: list[Verdict | None] = []
    for one in asked:
        try:
            found.append(await desk.queries.dry_run(principal, one))
        except MasklineError:
            found.append(None)
    return found


async def try_contact(desk: Desk, binding: BindingView, outcome: Outcome) -> None:
    request = ContactRequest(
        binding.employee_id, binding.id, Channel.CALL, Direction.OUTBOUND, binding.purpose
    )
    async with desk.database.begin() as session:
        verdict = await desk.contacts.judge(session, request)
        if verdict.allowed and outcome is not Outcome.PENDING:
            assert verdict.contact_id is not None
            await desk.contacts.close(session, verdict.contact_id, outcome)


async def situations(desk: Desk, admin: Principal, agent: Principal) -> list[str]:
    """Bring about one binding for each reason for which the rules may say no, and some they allow."""
    for number in range(6):
        await desk.line(admin, f"0108888666{number}")
    bindings = []
    for number in range(8):
        customer = await desk.customer(agent, f"1380013800{number}")
        purpose = Purpose.SALES if number < 2 else Purpose.COLLECTION
        bindings.append(await desk.bind(agent, customer.id, purpose=purpose, days=1 if number == 7 else 30))
    bindings.append(await desk.bind(agent, (await desk.customer(agent, ABROAD, name="Smith")).id))
    await desk.consent(agent, bindings[0].customer_id)
    no_texts = BlockAsked(BlockReason.CUSTOMER_REQUEST, channel=Channel.MESSAGE)
    for_a_while = BlockAsked(BlockReason.COMPLAINT, until=desk.clock.now() + timedelta(days=2))
    await desk.consents.block(admin, bindings[2].customer_id, no_texts)
    await desk.consents.block(admin, bindings[3].customer_id, for_a_while)
    for _ in range(3):
        await try_contact(desk, bindings[4], Outcome.CONNECTED)
    await try_contact(desk, bindings[5], Outcome.PENDING)
    await desk.bindings.release(admin, bindings[6].id)
    return [binding.id for binding in bindings]


async def test_each_answer_is_that_of_the_single_dry_run(
    desk: Desk, many: DryRuns, clock: ManualClock
) -> None:
    admin, agent = await desk.employee(Role.ADMINISTRATOR), await desk.employee(Role.AGENT)
    clock.set(shanghai(10))
    ids = await situations(desk, admin, agent)
    codes: dict[datetime, set[str | None]] = {}
    for moment in (MORNING, NIGHT, LATER):
        clock.set(moment)
        asked = [
            DryRun(binding_id, channel, direction, purpose, at)
            for binding_id in [*ids, new_id()]
            for channel in Channel
            for direction, purpose, at in (
                (Direction.OUTBOUND, None, None),
                (Direction.INBOUND, None, None),
                (Direction.OUTBOUND, Purpose.SERVICE, None),
                (Direction.OUTBOUND, None, moment + timedelta(hours=13)),
                (Direction.OUTBOUND, None, moment - timedelta(hours=13)),
            )
        ]
        expected = await one_by_one(desk, admin, asked)
        assert await many.judge(admin, asked) == expected
        assert expected[-1] is None
        codes[moment] = {verdict.reason_code for verdict in expected if verdict}
    for found in codes.values():
        assert {"purpose-mismatch", "binding-released", "do-not-contact", "consent-missing", None} <= found
    assert "cap-reached" in codes[MORNING]
    assert "quiet-hours" in codes[NIGHT]
    assert "binding-expired" in codes[LATER]


async def test_the_employee_and_the_line_count_too(desk: Desk, many: DryRuns, phones: _Phones) -> None:
    admin, agent = await desk.employee(Role.ADMINISTRATOR), await desk.employee(Role.AGENT)
    line = await desk.line(admin, "01088886666")
    binding = await desk.bind(agent, (await desk.customer(agent)).id)
    asked = [DryRun(binding.id, channel) for channel in Channel]

    async def codes() -> set[str | None]:
        found = await many.judge(agent, asked)
        assert found == await one_by_one(desk, agent, asked)
        return {verdict.reason_code for verdict in found if verdict}

    phones.bad.add(agent.employee_id)
    assert await codes() == {"phone-silent"}
    phones.bad.clear()
    await desk.set_state(agent.employee_id, EmployeeState.SUSPENDED)
    assert await codes() == {"employee-inactive"}
    await desk.set_state(agent.employee_id, EmployeeState.ACTIVE)
    await desk.lines.set_status(admin, line.id, LineStatus.SUSPENDED)
    assert await codes() == {"line-inactive"}


async def test_somebody_elses_binding_is_not_judged(desk: Desk, many: DryRuns) -> None:
    admin, agent, other = [await desk.employee(role) for role in (Role.ADMINISTRATOR, Role.AGENT, Role.AGENT)]
    await desk.line(admin, "01088886666")
    binding = await desk.bind(agent, (await desk.customer(agent)).id)
    assert await many.judge(other, [DryRun(binding.id)]) == [None]
    assert await many.judge(agent, []) == []


async def test_one_that_cannot_be_judged_is_refused_alone(desk: Desk, many: DryRuns) -> None:
    admin, agent = await desk.employee(Role.ADMINISTRATOR), await desk.employee(Role.AGENT)
    await desk.line(admin, "01088886666")
    good, bad = [
        await desk.bind(agent, (await desk.customer(agent, number)).id) for number in ("13800138000", ABROAD)
    ]
    async with desk.database.begin() as session:
        await session.execute(
            update(CustomerRow).where(CustomerRow.id == bad.customer_id).values(time_zone="Nowhere/None")
        )
    found = await many.judge(agent, [DryRun(bad.id), DryRun(good.id)])
    assert found == await one_by_one(desk, agent, [DryRun(bad.id), DryRun(good.id)])
    assert found[0] is None
    assert found[1] is not None


async def test_more_bindings_take_no_more_statements(desk: Desk, many: DryRuns) -> None:
    admin, agent = await desk.employee(Role.ADMINISTRATOR), await desk.employee(Role.AGENT)
    ids = await situations(desk, admin, agent)
    counted = []
    said: list[str] = []
    event.listen(
        desk.database.engine.sync_engine, "before_cursor_execute", lambda *given: said.append(given[2])
    )
    for chosen in (ids[:1], ids):
        said.clear()
        await many.judge(admin, [DryRun(one, channel) for one in chosen for channel in Channel])
        counted.append(len(said))
    assert counted[0] == counted[1]
