import asyncio

from core.access.model import Role
from core.clock import ManualClock
from core.db import Database
from gateway.contact.model import Channel, ContactRequest, Direction, Outcome, Verdict
from gateway.numbers.model import BindingView
from tests.support.desk import Desk
from tests.support.parallel import at_once

ROUNDS = 12
WORKERS = 8


def dial(desk: Desk, binding: BindingView):
    request = ContactRequest(
        binding.employee_id, binding.id, Channel.CALL, Direction.OUTBOUND, binding.purpose
    )

    async def step(database: Database) -> Verdict:
        async with database.begin() as session:
            return await desk.contacts.judge(session, request)

    return step


async def test_the_cap_holds_when_all_dial_in_the_same_instant(
    database: Database, database_url: str, clock: ManualClock
) -> None:
    desk = Desk(database, clock)
    admin = await desk.employee(Role.ADMINISTRATOR)
    await desk.line(admin, "01088886666", "北京")
    await desk.line(admin, "02188886666", "上海")
    customer = await desk.customer(admin)
    bindings = []
    for _ in range(2):
        agent = await desk.employee(Role.AGENT)
        bindings.append(await desk.bind(admin, customer.id, employee_id=agent.employee_id))
    for _ in range(ROUNDS):
        steps = [dial(desk, bindings[index % 2]) for index in range(WORKERS)]
        verdicts = await asyncio.to_thread(at_once, database_url, steps)
        answers = [verdict for verdict in verdicts if isinstance(verdict, Verdict)]
        assert len(answers) == WORKERS, [item for item in verdicts if isinstance(item, Exception)]
        allowed = [verdict for verdict in answers if verdict.allowed]
        assert len(allowed) == 3
        assert {verdict.rule_id for verdict in answers if not verdict.allowed} == {"cap-connected-collection"}
        async with database.begin() as session:
            for verdict in allowed:
                await desk.contacts.close(session, verdict.contact_id or "", Outcome.FAILED)
