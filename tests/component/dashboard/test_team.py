"""Figures by employee: within reach, of the span, led by the worst."""

from dataclasses import replace
from datetime import timedelta

from core.access.model import Principal, Role
from core.access.permissions import PermissionRegistry
from core.clock import ManualClock
from core.db import Database
from core.ids import new_id
from core.outbox import Outbox
from gateway.calls.books import Books
from gateway.calls.by_employee import CallsByEmployee, EmployeeCalls
from gateway.calls.causes import Cause, EndedBy
from gateway.calls.commands import CallRecord
from gateway.calls.figures import RuleCount
from gateway.calls.flow import Flow, Mark
from gateway.calls.permissions import PERMISSIONS as CALL_PERMISSIONS
from gateway.calls.ticket import CallTicket
from gateway.permissions import PERMISSIONS
from qa.inspection.by_employee import QualityByEmployee
from qa.memory import ScriptedTranscriber
from tests.support.desk import Desk, shanghai
from tests.support.inspection import AGENT, InspectionDesk, principal, say

REGISTRY = PermissionRegistry(PERMISSIONS, CALL_PERMISSIONS)
DAY = shanghai(0), shanghai(0, day=22)


async def person(desk: Desk, role: Role, department: object = None) -> Principal:
    made = await desk.employee(role, department)  # type: ignore[arg-type]
    return replace(made, grants=REGISTRY.grants_for({role}))


async def call(desk: Desk, books: Books, agent: Principal, phone: str, *, answered: bool = False) -> None:
    admin = await person(desk, Role.ADMINISTRATOR)
    customer = await desk.customer(admin, phone)
    binding = await desk.bind(admin, customer.id, employee_id=agent.employee_id)
    judged = await books.judge(
        CallTicket(new_id(), Flow.STAFF, employee_id=agent.employee_id, target=binding.token)
    )
    assert judged is not None
    assert judged.call is not None
    marks = {Mark.ENDED: desk.clock.now()} | ({Mark.CUSTOMER_ANSWERED: desk.clock.now()} if answered else {})
    cause = Cause.NO_ANSWER if judged.verdict.allowed else Cause.DENIED
    await books.close(judged.call.call_id, CallRecord(EndedBy.STAFF, cause, None, marks, None), None)


async def test_calls_are_counted_for_each_employee_in_reach(database: Database, clock: ManualClock) -> None:
    desk = Desk(database, clock)
    books = Books(
        database,
        clock,
        contacts=desk.contacts,
        bindings=desk.bindings,
        subject_keys=desk.keys,
        ledger=desk.ledger,
        outbox=Outbox(clock),
        node="calls",
    )
    await desk.line(await person(desk, Role.ADMINISTRATOR), "01088886666")
    sales = await desk.department("销售部")
    team = await desk.department("一组", sales)
    one, other = await person(desk, Role.AGENT, team), await person(desk, Role.AGENT)
    await call(desk, books, one, "13800138001", answered=True)
    await call(desk, books, one, "13800138002")
    await call(desk, books, other, "13800138003")
    clock.set(shanghai(22, 30))
    await call(desk, books, one, "13800138004")
    figures = CallsByEmployee(database)
    mine = EmployeeCalls(total=3, connected=1, refused=1, refused_by=(RuleCount("hours-collection", 1),))
    supervisor, auditor = await person(desk, Role.SUPERVISOR, sales), await person(desk, Role.AUDITOR)
    assert await figures.count(supervisor, *DAY) == {one.employee_id: mine}
    assert await figures.count(auditor, *DAY) == {
        one.employee_id: mine,
        other.employee_id: EmployeeCalls(1, 0, 0),
    }
    assert await figures.count(auditor, *DAY, department_path=sales.path) == {one.employee_id: mine}
    assert await figures.count(auditor, DAY[1], DAY[1] + timedelta(days=1)) == {}


async def test_quality_names_the_dearest_category_and_the_worst_call(
    database: Database, clock: ManualClock
) -> None:
    desk = InspectionDesk(database, clock)
    clean = await desk.call()
    await desk.build(ScriptedTranscriber(say(("staff", "您好，请问方便吗？")))).inspect(clean.contact_id)
    bad = await desk.call()
    words = say(("staff", "我就打电话给你的家人和同事。"), ("staff", "你真不要脸。"))
    await desk.build(ScriptedTranscriber(words)).inspect(bad.contact_id)
    span = clock.now() - timedelta(hours=1), clock.now() + timedelta(hours=1)
    figures = QualityByEmployee(database)
    (found,) = (await figures.count(principal(Role.REVIEWER), *span)).items()
    assert found[0] == AGENT
    quality = found[1]
    assert quality.scored == 2
    assert quality.worst == bad.contact_id
    assert quality.worst_score is not None
    assert quality.score is not None
    assert quality.worst_score < quality.score < 100
    assert quality.severe >= 1
    assert quality.flagged == 1
    assert quality.category in {"disclosure", "insult"}
    assert (await figures.open_alerts(principal(Role.REVIEWER)))[AGENT] >= 1
    assert await figures.count(principal(Role.REVIEWER), span[1], span[1] + timedelta(days=1)) == {}
    nobody = principal(Role.AGENT, "f" * 32)
    assert await figures.count(nobody, *span) == {}
