"""Figures and narrower lists count what a principal reaches, on both databases."""

from dataclasses import replace
from datetime import timedelta

import pytest

from core.access.model import Principal, Role
from core.access.permissions import PermissionRegistry
from core.clock import ManualClock
from core.db import Database
from core.ids import new_id
from core.outbox import Outbox
from gateway.calls.books import Books
from gateway.calls.causes import Cause, EndedBy
from gateway.calls.commands import CallRecord
from gateway.calls.figures import CallCounts, CallFigures, RuleCount
from gateway.calls.flow import Flow, Mark
from gateway.calls.permissions import PERMISSIONS as CALL_PERMISSIONS
from gateway.calls.queries import CallFilter, CallQueries
from gateway.calls.ticket import CallTicket
from gateway.contact.errors import ContactUnknown
from gateway.contact.model import Decision
from gateway.contact.rulebook import RuleBook
from gateway.contact.verdicts import VerdictReader
from gateway.permissions import PERMISSIONS
from qa.inspection.figures import InspectionFigures
from qa.inspection.model import Band
from qa.inspection.service import InspectionService
from qa.lexicon.model import Severity
from qa.memory import ScriptedTranscriber
from tests.support.desk import Desk, shanghai
from tests.support.inspection import AGENT, InspectionDesk, principal, say

REGISTRY = PermissionRegistry(PERMISSIONS, CALL_PERMISSIONS)


class Floor:
    """Agents who call through the real books."""

    def __init__(self, database: Database, clock: ManualClock) -> None:
        self.database, self.clock = database, clock
        self.desk = Desk(database, clock)
        self.figures = CallFigures(database)
        self.queries = CallQueries(database, subject_keys=self.desk.keys, sealing=self.desk.sealing)
        self.books = Books(
            database,
            clock,
            contacts=self.desk.contacts,
            bindings=self.desk.bindings,
            subject_keys=self.desk.keys,
            ledger=self.desk.ledger,
            outbox=Outbox(clock),
            node="calls",
        )

    async def principal(self, role: Role, department: object = None) -> Principal:
        base = await self.desk.employee(role, department)  # type: ignore[arg-type]
        return replace(base, grants=REGISTRY.grants_for({role}))

    async def call(self, agent: Principal, phone: str, *, answered: bool = False, ends: bool = True) -> str:
        admin = await self.principal(Role.ADMINISTRATOR)
        customer = await self.desk.customer(admin, phone)
        binding = await self.desk.bind(admin, customer.id, employee_id=agent.employee_id)
        ticket = CallTicket(new_id(), Flow.STAFF, employee_id=agent.employee_id, target=binding.token)
        judged = await self.books.judge(ticket)
        assert judged is not None
        assert judged.call is not None
        now = self.clock.now()
        marks = {Mark.ENDED: now} | ({Mark.CUSTOMER_ANSWERED: now} if answered else {})
        cause = Cause.COMPLETED if answered else Cause.NO_ANSWER
        if not judged.verdict.allowed:
            cause = Cause.DENIED
        if ends:
            await self.books.close(ticket.call_id, CallRecord(EndedBy.STAFF, cause, None, marks, None), None)
        return judged.call.contact_id


@pytest.fixture
async def floor(database: Database, clock: ManualClock) -> Floor:
    floor = Floor(database, clock)
    await floor.desk.line(await floor.principal(Role.ADMINISTRATOR), "01088886666")
    return floor


async def test_calls_are_counted_by_how_they_went(floor: Floor) -> None:
    agent, reviewer = await floor.principal(Role.AGENT), await floor.principal(Role.REVIEWER)
    await floor.call(agent, "13800138001", answered=True)
    await floor.call(agent, "13800138002")
    await floor.call(agent, "13800138003", ends=False)
    floor.clock.set(shanghai(22, 30))
    await floor.call(agent, "13800138004")
    counts = await floor.figures.count(reviewer, shanghai(0), shanghai(0, day=22))
    assert counts == CallCounts(
        total=4, connected=1, unanswered=1, refused=1, live=1, refused_by=(RuleCount("hours-collection", 1),)
    )
    empty = await floor.figures.count(reviewer, shanghai(0, day=22), shanghai(0, day=23))
    assert empty == CallCounts(0, 0, 0, 0, 0, ())


async def test_figures_stay_within_reach(floor: Floor) -> None:
    sales = await floor.desk.department("销售部")
    team = await floor.desk.department("一组", sales)
    agent = await floor.principal(Role.AGENT, team)
    other = await floor.principal(Role.AGENT)
    await floor.call(agent, "13800138001", answered=True)
    await floor.call(other, "13800138002", answered=True)
    span = shanghai(0), shanghai(0, day=22)
    assert (await floor.figures.count(agent, *span)).total == 1
    supervisor = await floor.principal(Role.SUPERVISOR, sales)
    assert (await floor.figures.count(supervisor, *span)).total == 1
    auditor = await floor.principal(Role.AUDITOR)
    assert (await floor.figures.count(auditor, *span)).total == 2
    below, _ = await floor.queries.find(auditor, CallFilter(department_path=sales.path))
    assert [view.row.employee_id for view in below] == [agent.employee_id]


async def test_a_list_narrows_to_rule_and_contacts(floor: Floor) -> None:
    agent, reviewer = await floor.principal(Role.AGENT), await floor.principal(Role.REVIEWER)
    first = await floor.call(agent, "13800138001", answered=True)
    floor.clock.set(shanghai(22, 30))
    late = await floor.call(agent, "13800138004")
    by_rule, _ = await floor.queries.find(reviewer, CallFilter(rule_id="hours-collection"))
    assert [view.row.contact_id for view in by_rule] == [late]
    chosen, _ = await floor.queries.find(reviewer, CallFilter(contacts=[first]))
    assert [view.row.contact_id for view in chosen] == [first]
    nothing, _ = await floor.queries.find(reviewer, CallFilter(contacts=[]))
    assert nothing == []


async def test_a_verdict_is_shown_rule_by_rule_and_only_to_those_who_may(floor: Floor) -> None:
    agent, reviewer = await floor.principal(Role.AGENT), await floor.principal(Role.REVIEWER)
    reader = VerdictReader(floor.database, floor.desk.book)
    floor.clock.set(shanghai(22, 30))
    contact_id = await floor.call(agent, "13800138004")
    verdict = await reader.of_contact(reviewer, contact_id)
    assert verdict.decision is Decision.DENY
    assert verdict.complete
    assert verdict.next_allowed_at == shanghai(8, day=22)
    (refused,) = [judged for judged in verdict.rules if judged.refused]
    assert refused.rule_id == "hours-collection"
    assert refused.rule is not None
    assert "22:30" in refused.reason_zh
    assert len(verdict.rules) > 4
    assert reader.title("hours-collection", "zh") == "催收时段"
    with pytest.raises(ContactUnknown):
        await reader.of_contact(await floor.principal(Role.AGENT), contact_id)


async def test_a_verdict_of_older_rules_lists_only_what_the_contact_keeps(floor: Floor) -> None:
    agent, reviewer = await floor.principal(Role.AGENT), await floor.principal(Role.REVIEWER)
    floor.clock.set(shanghai(22, 30))
    contact_id = await floor.call(agent, "13800138004")
    reader = VerdictReader(floor.database, RuleBook(floor.desk.book.rules, "0" * 64))
    verdict = await reader.of_contact(reviewer, contact_id)
    assert not verdict.complete
    assert [judged.rule_id for judged in verdict.rules] == ["hours-collection"]


async def test_inspections_are_counted_found_and_selected(database: Database, clock: ManualClock) -> None:
    desk = InspectionDesk(database, clock)
    figures = InspectionFigures(database)
    clean = await desk.call()
    await desk.build(ScriptedTranscriber(say(("staff", "您好，请问方便吗？")))).inspect(clean.contact_id)
    bad = await desk.call()
    words = say(("staff", "我就打电话给你的家人和同事。"), ("staff", "你真不要脸。"))
    await desk.build(ScriptedTranscriber(words)).inspect(bad.contact_id)
    silent = await desk.call(recorded=False)
    service: InspectionService = desk.service
    await service.inspect(silent.contact_id)
    reviewer = principal(Role.REVIEWER)
    day = clock.now() - timedelta(hours=1), clock.now() + timedelta(hours=1)
    counts = await figures.count(reviewer, *day)
    assert counts.inspected == 2
    assert sum(counts.bands.values()) == 2
    assert counts.failed == counts.under_way == 0
    assert (await figures.count(reviewer, day[1], day[1] + timedelta(days=1))).inspected == 0
    assert (await figures.count(principal(Role.AGENT, "f" * 32), *day)).inspected == 0
    assert (await figures.count(principal(Role.AGENT, AGENT), *day)).inspected == 2

    found = await figures.of_contacts(reviewer, [clean.contact_id, bad.contact_id])
    assert set(found) == {clean.contact_id, bad.contact_id}
    assert found[bad.contact_id].finding_count > 0
    async with database.read() as session:
        chosen = list(await session.scalars(figures.contacts_with(reviewer, category="disclosure")))
        passed = list(await session.scalars(figures.contacts_with(reviewer, band=Band.PASS)))
    assert chosen == [bad.contact_id]
    assert bad.contact_id not in passed
    assert (await figures.open_alerts(reviewer)).get(Severity.SEVERE, 0) >= 1
