from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from core.access.model import Principal, Role
from core.access.models import EmployeeState
from core.clock import ManualClock
from core.db import Database
from core.errors import Unavailable
from gateway.contact.errors import BindingUnknown, ContactNotOpen, RevealRefused
from gateway.contact.model import Channel, ContactRequest, Decision, Direction, Outcome, Purpose, Verdict
from gateway.contact.models import ContactRow
from gateway.contact.queries import DryRun
from gateway.contact.rulebook import RuleBook
from gateway.customers.consent import BlockAsked
from gateway.customers.model import BlockReason
from gateway.numbers.model import BindingView, LineStatus
from tests.support.desk import Desk, shanghai

NUMBER = "13800138000"


@pytest.fixture
def desk(database: Database, clock: ManualClock) -> Desk:
    return Desk(database, clock)


@pytest.fixture
async def admin(desk: Desk) -> Principal:
    return await desk.employee(Role.ADMINISTRATOR)


@pytest.fixture
async def agent(desk: Desk) -> Principal:
    return await desk.employee(Role.AGENT)


Bind = Callable[..., Awaitable[BindingView]]


@pytest.fixture
async def bound(desk: Desk, admin: Principal, agent: Principal) -> BindingView:
    await desk.line(admin, "01088886666")
    customer = await desk.customer(agent, NUMBER)
    return await desk.bind(agent, customer.id)


def ask(
    binding: BindingView, *, purpose: Purpose | None = None, direction: Direction = Direction.OUTBOUND
) -> ContactRequest:
    return ContactRequest(
        binding.employee_id, binding.id, Channel.CALL, direction, purpose or binding.purpose, "calls-1"
    )


async def judge(desk: Desk, request: ContactRequest) -> Verdict:
    async with desk.database.begin() as session:
        return await desk.contacts.judge(session, request)


async def close(desk: Desk, verdict: Verdict, outcome: Outcome) -> None:
    assert verdict.contact_id is not None
    async with desk.database.begin() as session:
        await desk.contacts.close(session, verdict.contact_id, outcome)


async def row_of(desk: Desk, verdict: Verdict) -> ContactRow:
    async with desk.database.read() as session:
        row = await session.get(ContactRow, verdict.contact_id)
        assert row is not None
        return row


@pytest.mark.parametrize(
    ("moment", "allowed"),
    [
        (shanghai(7, 59, 59), False),
        (shanghai(8), True),
        (shanghai(21, 59, 59), True),
        (shanghai(22), False),
    ],
)
async def test_collection_keeps_the_quiet_hours(
    desk: Desk, bound: BindingView, moment: object, allowed: bool
) -> None:
    desk.clock.set(moment)  # type: ignore[arg-type]
    verdict = await judge(desk, ask(bound))
    assert verdict.allowed is allowed
    row = await row_of(desk, verdict)
    assert row.decision is verdict.decision
    assert row.verdict_seq is not None
    if not allowed:
        assert (verdict.rule_id, verdict.reason_code) == ("hours-collection", "quiet-hours")
        assert row.outcome is Outcome.REFUSED
        expected = shanghai(8) if moment == shanghai(7, 59, 59) else shanghai(8, day=22)
        assert verdict.next_allowed_at == row.next_allowed_at == expected
        assert "08:00-22:00" in verdict.reason_zh
        assert "08:00-22:00" in verdict.reason_en


async def test_the_customers_zone_counts_not_the_institutions(
    desk: Desk, admin: Principal, agent: Principal
) -> None:
    await desk.line(admin, "01088886666")
    customer = await desk.customer(agent, "+12125550123", name="Smith")
    assert customer.time_zone == "America/New_York"
    binding = await desk.bind(agent, customer.id)
    desk.clock.set(shanghai(21))  # 08:00 in New York
    assert (await judge(desk, ask(binding))).allowed
    desk.clock.set(shanghai(20, 59, 59))
    refused = await judge(desk, ask(binding))
    assert refused.rule_id == "hours-collection"
    assert refused.next_allowed_at == shanghai(21)


async def test_three_connected_calls_a_day_over_all_staff(
    desk: Desk, admin: Principal, bound: BindingView
) -> None:
    other = await desk.employee(Role.AGENT)
    await desk.line(admin, "02188886666", "上海")
    second = await desk.bind(admin, bound.customer_id, employee_id=other.employee_id)
    for binding in (bound, second, bound):
        verdict = await judge(desk, ask(binding))
        assert verdict.allowed
        await close(desk, verdict, Outcome.CONNECTED)
    refused = await judge(desk, ask(second))
    assert (refused.rule_id, refused.rule_version) == ("cap-connected-collection", "1")
    assert "3" in refused.reason_zh
    assert refused.next_allowed_at == shanghai(8, day=22)
    desk.clock.set(shanghai(8, day=22))
    assert (await judge(desk, ask(second))).allowed


async def test_six_unanswered_calls_a_day(desk: Desk, bound: BindingView) -> None:
    for _ in range(6):
        await close(desk, await judge(desk, ask(bound)), Outcome.UNANSWERED)
    assert (await judge(desk, ask(bound))).rule_id == "cap-unanswered-collection"


async def test_open_contacts_count_and_failed_ones_do_not(desk: Desk, bound: BindingView) -> None:
    open_ones = [await judge(desk, ask(bound)) for _ in range(3)]
    assert all(verdict.allowed for verdict in open_ones)
    assert (await judge(desk, ask(bound))).rule_id == "cap-connected-collection"
    await close(desk, open_ones[0], Outcome.FAILED)
    assert (await judge(desk, ask(bound))).allowed


async def test_sales_needs_a_consent_that_is_not_withdrawn(
    desk: Desk, admin: Principal, agent: Principal
) -> None:
    await desk.line(admin, "01088886666")
    customer = await desk.customer(agent, NUMBER)
    binding = await desk.bind(agent, customer.id, purpose=Purpose.SALES)
    refused = await judge(desk, ask(binding))
    assert (refused.rule_id, refused.next_allowed_at) == ("consent-sales", None)
    await desk.consent(agent, customer.id)
    assert (await judge(desk, ask(binding))).allowed
    await desk.consents.withdraw(agent, customer.id, Purpose.SALES)
    assert (await judge(desk, ask(binding))).rule_id == "consent-sales"


async def test_do_not_contact_until_a_time(desk: Desk, agent: Principal, bound: BindingView) -> None:
    until = shanghai(12)
    block = BlockAsked(BlockReason.CUSTOMER_REQUEST, purpose=Purpose.COLLECTION, until=until)
    await desk.consents.block(agent, bound.customer_id, block)
    refused = await judge(desk, ask(bound))
    assert (refused.rule_id, refused.next_allowed_at) == ("do-not-contact", until)
    desk.clock.set(until)
    assert (await judge(desk, ask(bound))).allowed


async def test_every_rule_is_asked_and_the_first_is_named(
    desk: Desk, agent: Principal, bound: BindingView
) -> None:
    await desk.set_state(agent.employee_id, EmployeeState.SUSPENDED)
    await desk.consents.block(agent, bound.customer_id, BlockAsked(BlockReason.LEGAL))
    desk.clock.set(shanghai(23))
    refused = await judge(desk, ask(bound))
    assert refused.rule_id == "employee-active"
    assert [other.rule_id for other in refused.others] == ["do-not-contact", "hours-collection"]
    assert refused.next_allowed_at is None


async def test_a_binding_is_valid_only_for_its_employee_purpose_time_and_line(
    desk: Desk, admin: Principal, agent: Principal, bound: BindingView
) -> None:
    stranger = await desk.employee(Role.AGENT)
    foreign = ContactRequest(stranger.employee_id, bound.id, Channel.CALL, Direction.OUTBOUND, bound.purpose)
    assert (await judge(desk, foreign)).reason_code == "binding-foreign"
    assert (await judge(desk, ask(bound, purpose=Purpose.SERVICE))).reason_code == "purpose-mismatch"
    await desk.lines.set_status(admin, bound.line_id, LineStatus.SUSPENDED)
    assert (await judge(desk, ask(bound))).reason_code == "line-inactive"
    await desk.lines.set_status(admin, bound.line_id, LineStatus.ACTIVE)
    desk.clock.set(bound.expires_at)
    assert (await judge(desk, ask(bound))).reason_code == "binding-expired"
    await desk.bindings.release(agent, bound.id)
    assert (await judge(desk, ask(bound))).reason_code == "binding-released"
    with pytest.raises(BindingUnknown):
        await judge(desk, ContactRequest("0" * 32, "0" * 32, Channel.CALL, Direction.OUTBOUND, bound.purpose))


async def test_inbound_knows_neither_hours_nor_caps_but_needs_employee_and_binding(
    desk: Desk, agent: Principal, bound: BindingView
) -> None:
    desk.clock.set(shanghai(23))
    inbound = ask(bound, direction=Direction.INBOUND)
    for _ in range(4):
        verdict = await judge(desk, inbound)
        assert verdict.allowed
        await close(desk, verdict, Outcome.CONNECTED)
    desk.clock.set(shanghai(9, day=22))
    assert (await judge(desk, ask(bound))).allowed  # inbound contacts do not use up the cap
    await desk.set_state(agent.employee_id, EmployeeState.SUSPENDED)
    assert (await judge(desk, inbound)).rule_id == "employee-active"


async def test_dry_run_says_the_same_and_writes_nothing(desk: Desk, bound: BindingView) -> None:
    for moment in (shanghai(12), shanghai(22, 30)):
        desk.clock.set(moment)
        async with desk.database.read() as session:
            dry = await desk.contacts.dry_run(session, ask(bound))
            assert await desk.contacts.open_contacts(session) == []
        assert dry.contact_id is None
        wet = await judge(desk, ask(bound))
        assert (dry.decision, dry.rule_id, dry.next_allowed_at) == (
            wet.decision,
            wet.rule_id,
            wet.next_allowed_at,
        )
        if wet.allowed:
            await close(desk, wet, Outcome.FAILED)


async def test_recheck_does_not_count_itself_and_a_deny_closes(
    desk: Desk, agent: Principal, bound: BindingView
) -> None:
    verdicts = [await judge(desk, ask(bound)) for _ in range(3)]
    async with desk.database.begin() as session:
        assert (await desk.contacts.recheck(session, verdicts[2].contact_id or "")).allowed
    await desk.set_state(agent.employee_id, EmployeeState.SUSPENDED)
    async with desk.database.begin() as session:
        again = await desk.contacts.recheck(session, verdicts[2].contact_id or "")
    assert (again.decision, again.rule_id) == (Decision.DENY, "employee-active")
    assert (await row_of(desk, verdicts[2])).outcome is Outcome.REFUSED
    async with desk.database.begin() as session:
        with pytest.raises(ContactNotOpen):
            await desk.contacts.reveal_for_dialling(session, verdicts[2].contact_id or "")


async def test_the_number_comes_out_once_after_a_fresh_recheck(desk: Desk, bound: BindingView) -> None:
    contact_id = (await judge(desk, ask(bound))).contact_id or ""
    async with desk.database.begin() as session:
        with pytest.raises(RevealRefused):
            await desk.contacts.reveal_for_dialling(session, contact_id)
    async with desk.database.begin() as session:
        await desk.contacts.recheck(session, contact_id)
    desk.clock.advance(timedelta(seconds=31))
    async with desk.database.begin() as session:
        with pytest.raises(RevealRefused):
            await desk.contacts.reveal_for_dialling(session, contact_id)
    async with desk.database.begin() as session:
        await desk.contacts.recheck(session, contact_id)
        number = await desk.contacts.reveal_for_dialling(session, contact_id)
        assert number.e164 == "+8613800138000"
        assert NUMBER not in f"{number} {number!r}"
    async with desk.database.begin() as session:
        with pytest.raises(RevealRefused):
            await desk.contacts.reveal_for_dialling(session, contact_id)


async def test_close_is_idempotent_and_the_first_outcome_stays(desk: Desk, bound: BindingView) -> None:
    verdict = await judge(desk, ask(bound))
    async with desk.database.read() as session:
        (left,) = await desk.contacts.open_contacts(session, node="calls-1")
        assert left.contact_id == verdict.contact_id
        assert await desk.contacts.open_contacts(session, node="calls-2") == []
    await close(desk, verdict, Outcome.CONNECTED)
    await close(desk, verdict, Outcome.FAILED)
    assert (await row_of(desk, verdict)).outcome is Outcome.CONNECTED


async def test_without_rules_there_is_no_contact(database: Database, clock: ManualClock) -> None:
    desk = Desk(database, clock, book=RuleBook((), "0" * 64))
    admin = await desk.employee(Role.ADMINISTRATOR)
    await desk.line(admin, "01088886666")
    binding = await desk.bind(admin, (await desk.customer(admin)).id)
    with pytest.raises(Unavailable):
        await judge(desk, ask(binding))


async def test_a_broken_part_refuses(database: Database, clock: ManualClock) -> None:
    class Broken:
        async def refusals(self, session: object, employee_ids: object) -> dict[str, str]:
            raise RuntimeError(employee_ids)

    desk = Desk(database, clock, phones=Broken())
    admin = await desk.employee(Role.ADMINISTRATOR)
    await desk.line(admin, "01088886666")
    binding = await desk.bind(admin, (await desk.customer(admin)).id)
    with pytest.raises(Unavailable):
        await judge(desk, ask(binding))
    async with desk.database.read() as session:
        assert await desk.contacts.open_contacts(session) == []


async def test_a_verdict_outside_a_write_transaction_is_refused_on_sqlite(
    desk: Desk, bound: BindingView
) -> None:
    if not desk.database.is_sqlite:
        pytest.skip("PostgreSQL locks the customer's row in any transaction")
    async with desk.database.read() as session:
        with pytest.raises(Unavailable):
            await desk.contacts.judge(session, ask(bound))


async def test_a_dry_run_may_look_ahead_but_never_back(desk: Desk, clock: ManualClock) -> None:
    admin, agent = await desk.employee(Role.ADMINISTRATOR), await desk.employee(Role.AGENT)
    await desk.line(admin, "01088886666")
    customer = await desk.customer(agent)
    clock.set(shanghai(23))
    binding = await desk.bind(agent, customer.id)
    now = await desk.queries.dry_run(agent, DryRun(binding.id))
    assert now.reason_code == "quiet-hours"
    assert (await desk.queries.dry_run(agent, DryRun(binding.id, at=shanghai(9, day=22)))).allowed
    assert await desk.queries.dry_run(agent, DryRun(binding.id, at=shanghai(9))) == now
    assert await desk.queries.refusals(admin, shanghai(0), shanghai(0, day=23)) == []


async def test_refusals_are_counted_by_rule_and_channel_within_scope(desk: Desk, clock: ManualClock) -> None:
    admin, agent = await desk.employee(Role.ADMINISTRATOR), await desk.employee(Role.AGENT)
    await desk.line(admin, "01088886666")
    customer = await desk.customer(agent)
    clock.set(shanghai(23))
    binding = await desk.bind(agent, customer.id)
    for channel in (Channel.CALL, Channel.CALL, Channel.MESSAGE):
        request = ContactRequest(
            agent.employee_id, binding.id, channel, Direction.OUTBOUND, Purpose.COLLECTION
        )
        async with desk.database.begin() as session:
            await desk.contacts.judge(session, request)
    day = shanghai(0), shanghai(0, day=22)
    found = {(one.rule_id, one.channel): one.count for one in await desk.queries.refusals(admin, *day)}
    assert found == {("hours-collection", Channel.CALL): 2, ("hours-collection", Channel.MESSAGE): 1}
    assert await desk.queries.refusals(await desk.employee(Role.AGENT), *day) == []
    assert await desk.queries.refusals(admin, day[1], day[1] + timedelta(days=1)) == []
