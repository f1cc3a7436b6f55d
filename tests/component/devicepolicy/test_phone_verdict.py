"""No contact from a phone that is not in order: each refusal by a setting, and none by default."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event

from core.access.model import Role
from core.clock import ManualClock
from core.config import Settings
from core.db import Database
from core.phone_settings import VerdictSettings
from devicepolicy.capabilities.table import table
from devicepolicy.devices.compliance import Reason
from devicepolicy.devices.model import DeviceState
from devicepolicy.devices.verdict import PhoneRefusal, PhoneStanding
from devicepolicy.policies.assignments import Target
from devicepolicy.policies.effective import EffectivePolicyService
from devicepolicy.policies.model import Layer, TargetKind
from gateway.contact import rulebook
from gateway.contact.model import Channel, ContactRequest, Decision, Direction, Purpose
from gateway.contact.rulebook import RuleKind
from tests.support.desk import Desk
from tests.support.fleet import POLICY, House
from tests.support.policing import PolicyHouse

POLICIES = EffectivePolicyService(table())
ALL = VerdictSettings(require_enrolled=True, require_compliant=True, silent_s=600, pending_s=120)


async def refusal(house: House, employee: str, settings: VerdictSettings = ALL) -> str | None:
    async with house.database.read() as session:
        found = await PhoneStanding(house.clock, settings, POLICIES).refusals(session, [employee])
    return found.get(employee)


async def test_by_default_phones_are_not_managed_and_nobody_is_refused(house: House) -> None:
    employee = await house.employee()
    assert await refusal(house, employee, Settings().phones.verdict) is None
    phone = await house.phone(employee_id=employee)
    phone.refuses["cameraAccess"] = (Reason.USER_ACTION, "no")
    assert (await phone.obey())["compliance"] == "NOT_COMPLIANT"
    house.clock.advance(timedelta(days=30))
    assert await refusal(house, employee, Settings().phones.verdict) is None


async def test_each_setting_refuses_what_it_says_and_no_more(house: House) -> None:
    nobody, holder = await house.employee(), await house.employee()
    enrolled = VerdictSettings(require_enrolled=True)
    compliant = VerdictSettings(require_compliant=True, pending_s=0)
    silent = VerdictSettings(silent_s=60)
    assert await refusal(house, nobody, enrolled) == "phone-not-enrolled"
    assert await refusal(house, nobody, compliant) is None
    assert await refusal(house, nobody, silent) is None
    phone = await house.phone(employee_id=holder)
    phone.refuses["cameraAccess"] = (Reason.USER_ACTION, "no")
    await phone.obey()
    assert await refusal(house, holder, enrolled) is None
    assert await refusal(house, holder, compliant) == "phone-not-compliant"
    assert await refusal(house, holder, silent) is None
    house.clock.advance(timedelta(seconds=61))
    assert await refusal(house, holder, silent) == "phone-silent"


async def test_a_waiting_rejected_or_released_phone_is_no_phone(house: House) -> None:
    employee = await house.employee()
    phone = await house.phone(employee_id=employee)
    await phone.obey()
    assert await refusal(house, employee) is None
    await house.fleet.enrolment.release(house.admin, phone.device_id)
    assert await refusal(house, employee) == "phone-not-enrolled"
    await house.token(employee_id=employee, approves=False)
    assert await refusal(house, employee) == "phone-not-enrolled"


async def test_while_it_applies_something_new_a_phone_has_a_little_time_and_cannot_stretch_it(
    house: House,
) -> None:
    employee = await house.employee()
    phone = await house.phone(employee_id=employee)
    assert await refusal(house, employee) is None, "fresh from enrolment"
    await phone.obey()
    house.clock.advance(timedelta(hours=1))
    await phone.report()
    await house.policy({**POLICY, "bluetoothDisabled": True})
    assert await refusal(house, employee) is None
    for _ in range(3):
        house.clock.advance(timedelta(seconds=60))
        await phone.report()
        await house.policy({**POLICY, "bluetoothDisabled": True, "minimumApiLevel": 20 + phone.seq})
    assert await refusal(house, employee) == "phone-not-compliant", "three new wishes give no new time"
    await phone.obey()
    assert await refusal(house, employee) is None


async def test_a_second_phone_is_no_way_round(house: House) -> None:
    employee = await house.employee()
    good, bad = [await house.phone(employee_id=employee) for _ in range(2)]
    bad.refuses["cameraAccess"] = (Reason.USER_ACTION, "no")
    await good.obey()
    await bad.obey()
    assert await refusal(house, employee) == "phone-not-compliant"
    await house.fleet.enrolment.release(house.admin, bad.device_id)
    assert await refusal(house, employee) is None


async def test_a_frozen_phone_refuses_at_once(house: House) -> None:
    employee = await house.employee()
    phone = await house.phone(employee_id=employee)
    await phone.obey()
    for state in (DeviceState.DISABLED, DeviceState.LOST):
        async with house.database.begin() as session:
            await house.fleet.desired.set_state(session, phone.device_id, state, by=None)
        assert await refusal(house, employee) == "phone-frozen"


async def test_many_are_asked_at_once(house: House) -> None:
    people = [await house.employee() for _ in range(3)]
    phone = await house.phone(employee_id=people[0])
    await phone.obey()
    async with house.database.read() as session:
        found: Any = await PhoneStanding(house.clock, ALL, POLICIES).refusals(session, people)
    assert found == dict.fromkeys(people[1:], "phone-not-enrolled")


NEEDS: dict[str, Any] = {**POLICY, "maskline": {"contactNeedsCompliance": True}}
NEEDS_NOT: dict[str, Any] = {**POLICY, "maskline": {"contactNeedsCompliance": False}}
NONE, STRICT = VerdictSettings(), VerdictSettings(require_enrolled=True, require_compliant=True, pending_s=0)


async def test_the_policy_decides_over_the_deployments_setting_both_ways(house: House) -> None:
    holder = await house.employee()
    phone = await house.phone(employee_id=holder)
    phone.refuses["cameraAccess"] = (Reason.USER_ACTION, "no")
    await phone.obey()
    assert await refusal(house, holder, NONE) is None
    assert await refusal(house, holder, STRICT) == "phone-not-compliant"
    await house.policy(NEEDS)
    assert await refusal(house, holder, NONE) is None, "it has its time to apply what is new"
    await phone.obey()
    assert await refusal(house, holder, NONE) == "phone-not-compliant"
    await house.policy(NEEDS_NOT)
    assert await refusal(house, holder, STRICT) is None


async def test_a_policy_of_one_phone_or_department_binds_nobody_else(house: House) -> None:
    team = await house.department()
    inside, outside = await house.employee(team), await house.employee()
    phones = [await house.phone(employee_id=one) for one in (inside, outside)]
    for phone in phones:
        phone.refuses["cameraAccess"] = (Reason.USER_ACTION, "no")
        await phone.obey()
    await house.policy(NEEDS, team.id)
    await phones[0].obey()
    assert await refusal(house, inside, NONE) == "phone-not-compliant"
    assert await refusal(house, outside, NONE) is None
    await house.policy(NEEDS, phones[1].device_id)
    await phones[1].obey()
    assert await refusal(house, outside, NONE) == "phone-not-compliant"


async def test_the_longest_silence_is_the_policys_or_the_deployments(house: House) -> None:
    employee = await house.employee()
    phone = await house.phone(employee_id=employee)
    await house.policy({"maskline": {"maxSilenceMinutes": 10}})
    await phone.obey()
    house.clock.advance(timedelta(minutes=10))
    assert await refusal(house, employee, VerdictSettings(silent_s=60)) is None, "the policy allows more"
    house.clock.advance(timedelta(seconds=1))
    assert await refusal(house, employee, NONE) == "phone-silent"
    await house.policy(POLICY)
    assert await refusal(house, employee, NONE) is None
    assert await refusal(house, employee, VerdictSettings(silent_s=60)) == "phone-silent"


async def test_no_phone_is_no_way_round_a_policy_and_many_take_two_statements(
    database: Database, clock: ManualClock
) -> None:
    house = PolicyHouse(database, clock)
    admin = await house.person(Role.ADMINISTRATOR)
    head = await house.department("总部")
    team, other = await house.department("一组", head), await house.department("二组")
    inside, outside, named = [await house.person(Role.AGENT, unit) for unit in (team, other, other)]
    lax = await house.published(admin, "宽", {"maskline": {"contactNeedsCompliance": False}})
    strict = await house.published(admin, "严", {"maskline": {"contactNeedsCompliance": True}})
    people = [one.employee_id for one in (inside, outside, named)]
    said: list[str] = []
    event.listen(database.engine.sync_engine, "before_cursor_execute", lambda *given: said.append(given[2]))

    async def refused(wanted: VerdictSettings = NONE) -> tuple[set[str], int]:
        async with database.read() as session:
            await session.connection()
            said.clear()
            phones = PhoneStanding(clock, wanted, house.policies.effective)
            found = await phones.refusals(session, people)
            assert set(found.values()) <= {"phone-not-enrolled"}
            return set(found), len(said)

    assert await refused() == (set(), 1), "without policies one statement"
    assign = house.policies.assignments.assign
    assert await refused(STRICT) == (set(people), 1)
    await assign(admin, Layer.ORGANISATION, Target(TargetKind.EVERYBODY), lax, 1)
    await refused()  # versions are read once
    assert await refused(STRICT) == (set(), 2), "the policy says that it need not be"
    await assign(admin, Layer.DEPARTMENT, Target(TargetKind.DEPARTMENT, head.id), strict, 1)
    on_named = await assign(admin, Layer.INCIDENT, Target(TargetKind.EMPLOYEE, named.employee_id), strict, 1)
    await refused()  # versions are read once
    assert await refused() == ({inside.employee_id, named.employee_id}, 2)
    await house.policies.assignments.unassign(admin, on_named.id)
    assert await refused() == ({inside.employee_id}, 2)


def test_every_refusal_has_a_text_in_both_languages(clock: ManualClock) -> None:
    (rule,) = [
        rule for rule in rulebook.load().in_force(clock.now().date()) if rule.kind is RuleKind.EMPLOYEE
    ]
    for refused in PhoneRefusal:
        assert rule.reasons[refused.value].zh
        assert rule.reasons[refused.value].en


@pytest.mark.parametrize("asked", [False, True])
async def test_the_roof_asks_what_the_settings_say(
    database: Database, clock: ManualClock, settings: Settings, asked: bool
) -> None:
    """The desk's verdict over a real binding, with the roof's own plug."""
    phones = PhoneStanding(clock, VerdictSettings(require_enrolled=asked), EffectivePolicyService(table()))
    desk = Desk(database, clock, phones=phones)
    admin = await desk.employee(Role.ADMINISTRATOR)
    await desk.line(admin, "01088886666")
    binding = await desk.bind(admin, (await desk.customer(admin)).id)
    request = ContactRequest(
        admin.employee_id, binding.id, Channel.CALL, Direction.OUTBOUND, Purpose.COLLECTION
    )
    async with database.begin() as session:
        verdict = await desk.contacts.judge(session, request)
    if asked:
        assert (verdict.decision, verdict.rule_id, verdict.rule_version) == (
            Decision.DENY,
            "employee-active",
            "2",
        )
        assert (verdict.reason_code, verdict.reason_zh) == ("phone-not-enrolled", verdict.reason_zh)
        assert "登记" in (verdict.reason_zh or "")
    else:
        assert verdict.decision is Decision.ALLOW
