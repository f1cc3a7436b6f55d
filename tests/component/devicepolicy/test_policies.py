"""Policies on both databases: published once, laid on people, rolled out in shares, rolled back."""

import asyncio

import pytest
from sqlalchemy import select

from core.access.model import Principal, Role
from core.clock import ManualClock
from core.db import Database
from core.errors import Forbidden
from core.ids import new_id
from devicepolicy.canonical import canonical_bytes, sha256_of
from devicepolicy.capabilities.expected import GapReason
from devicepolicy.capabilities.facts import DeviceFacts
from devicepolicy.devices.errors import DeviceNotFound
from devicepolicy.policies.assignments import Target
from devicepolicy.policies.errors import (
    AlreadyAssigned,
    DocumentInvalid,
    DraftMoved,
    LayerMismatch,
    NarrowingRefused,
    NothingToPublish,
    PolicyNameTaken,
    RolloutOpen,
    RolloutStateRefused,
    TargetUnknown,
    VersionUnknown,
)
from devicepolicy.policies.model import Layer, PolicySubject, RolloutState, TargetKind
from devicepolicy.policies.models import VersionRow
from devicepolicy.policies.previews import Imagined, WhatIf
from devicepolicy.policies.ready import ready_policies
from devicepolicy.policies.rollout import AbortRule, bucket, included
from devicepolicy.policies.rollouts import RolloutPlan
from tests.support.policing import CAMERA_OFF, CAMERA_ON, PolicyHouse

EVERYBODY = Target(TargetKind.EVERYBODY)
OFF, ON = CAMERA_OFF["cameraAccess"], CAMERA_ON["cameraAccess"]


@pytest.fixture
def house(database: Database, clock: ManualClock) -> PolicyHouse:
    return PolicyHouse(database, clock)


@pytest.fixture
async def admin(house: PolicyHouse) -> Principal:
    return await house.person(Role.ADMINISTRATOR)


async def test_a_version_is_what_was_checked_and_never_changes(house: PolicyHouse, admin: Principal) -> None:
    service = house.policies.service
    policy_id = await house.published(admin, "催收", CAMERA_OFF, CAMERA_ON)
    first, second = sorted(await service.versions(admin, policy_id), key=lambda one: one.number)
    assert (first.number, second.number) == (1, 2)
    assert first.sha256 == sha256_of(CAMERA_OFF)
    async with house.database.read() as session:
        row = await session.scalar(select(VersionRow).where(VersionRow.id == first.id))
    assert row is not None
    assert row.document == canonical_bytes(CAMERA_OFF)
    published = [body for kind, body in await house.told() if kind == "policy.published"]
    assert [body["sha256"] for body in published] == [first.sha256, second.sha256]
    with pytest.raises(NothingToPublish):
        await service.publish(admin, policy_id, 2)
    with pytest.raises(DraftMoved):
        await service.save(admin, policy_id, CAMERA_OFF, 1)
    with pytest.raises(PolicyNameTaken):
        await service.create(admin, "催收", "", {})
    with pytest.raises(DocumentInvalid):
        await service.save(admin, policy_id, {"cameraDisabled": True}, 2)
    (difference,) = await service.compare(admin, policy_id, 1, 2)
    assert (difference.setting, difference.direction.value) == ("cameraAccess", "laxer")
    assert house.changes == [], "publishing alone reaches nobody"


async def test_who_may_not_write_does_not(house: PolicyHouse, admin: Principal) -> None:
    policy_id = await house.published(admin, "催收", CAMERA_OFF)
    auditor, agent = await house.person(Role.AUDITOR), await house.person(Role.AGENT)
    assert [one.id for one in await house.policies.service.find(auditor)] == [policy_id]
    for act in (
        house.policies.service.save(auditor, policy_id, CAMERA_ON, 1),
        house.policies.service.publish(auditor, policy_id, 1),
        house.policies.assignments.assign(auditor, Layer.ORGANISATION, EVERYBODY, policy_id, 1),
        house.policies.service.find(agent),
    ):
        with pytest.raises(Forbidden):
            await act


async def test_layers_reach_whom_they_name_and_the_strictest_holds(
    house: PolicyHouse, admin: Principal
) -> None:
    head = await house.department("总部")
    team, other = await house.department("一组", head), await house.department("二组", head)
    owner = await house.person(Role.AGENT, team)
    mine, theirs = await house.phone(team, owner), await house.phone(other)
    assign = house.policies.assignments.assign
    on = await house.published(admin, "宽", CAMERA_ON | {"smsDisabled": False})
    off = await house.published(admin, "严", CAMERA_OFF)
    sms = await house.published(admin, "短信", {"smsDisabled": True})
    frozen = await house.published(admin, "冻结", {"maskline": {"frozen": True}})
    await assign(admin, Layer.ORGANISATION, EVERYBODY, on, 1)
    await assign(admin, Layer.DEPARTMENT, Target(TargetKind.DEPARTMENT, head.id), sms, 1)
    await assign(admin, Layer.DEVICE, Target(TargetKind.DEVICE, mine.device_id), off, 1)
    await assign(admin, Layer.INCIDENT, Target(TargetKind.EMPLOYEE, owner.employee_id), frozen, 1)
    assert house.changes == [None, None, frozenset({mine.device_id}), None]
    found = await house.effective(mine)
    assert found.document == {**CAMERA_OFF, "smsDisabled": True, "maskline": {"frozen": True}}
    assert found.sha256 == sha256_of(found.document)
    assert {name: source.layer for name, source in found.provenance.items()} == {
        "cameraAccess": Layer.DEVICE,
        "maskline.frozen": Layer.INCIDENT,
        "smsDisabled": Layer.DEPARTMENT,
    }
    assert found.provenance["cameraAccess"].policy_name == "严"
    assert (await house.effective(theirs)).document == {**CAMERA_ON, "smsDisabled": True}
    assert (await house.effective(PolicySubject(new_id(), None, ""))).settings == {
        "cameraAccess": ON,
        "smsDisabled": False,
    }


async def test_what_cannot_be_assigned_is_refused(house: PolicyHouse, admin: Principal) -> None:
    assign = house.policies.assignments.assign
    policy_id = await house.published(admin, "催收", CAMERA_OFF)
    team = await house.department("一组")
    with pytest.raises(LayerMismatch):
        await assign(admin, Layer.ORGANISATION, Target(TargetKind.DEPARTMENT, team.id), policy_id, 1)
    with pytest.raises(TargetUnknown):
        await assign(admin, Layer.DEVICE, Target(TargetKind.DEVICE, new_id()), policy_id, 1)
    with pytest.raises(VersionUnknown):
        await assign(admin, Layer.ORGANISATION, EVERYBODY, policy_id, 2)
    results = await asyncio.gather(
        *(assign(admin, Layer.ORGANISATION, EVERYBODY, policy_id, 1) for _ in range(3)),
        return_exceptions=True,
    )
    assert sorted(type(one).__name__ for one in results) == [
        "AlreadyAssigned",
        "AlreadyAssigned",
        "AssignmentView",
    ]
    with pytest.raises(AlreadyAssigned):
        await assign(admin, Layer.ORGANISATION, EVERYBODY, policy_id, 1)


async def test_rolling_back_publishes_nothing_and_points_to_the_older_version(
    house: PolicyHouse, admin: Principal
) -> None:
    policy_id = await house.published(admin, "催收", CAMERA_OFF, CAMERA_ON)
    phone = await house.phone()
    view = await house.policies.assignments.assign(admin, Layer.ORGANISATION, EVERYBODY, policy_id, 2)
    assert (await house.effective(phone)).settings["cameraAccess"] == ON
    back = await house.policies.assignments.point(admin, view.id, 1)
    assert back.version == 1
    assert (await house.effective(phone)).sha256 == sha256_of(CAMERA_OFF)
    assert len(await house.policies.service.versions(admin, policy_id)) == 2
    kind, body = (await house.told())[-1]
    assert (kind, body["before"], body["number"]) == ("policy.rolled_back", 2, 1)
    await house.policies.assignments.unassign(admin, view.id)
    assert (await house.effective(phone)).document == {}
    assert house.changes == [None, None, None]


async def test_an_incident_is_imposed_once_and_lifted(house: PolicyHouse, admin: Principal) -> None:
    frozen = await house.published(admin, "冻结", {"maskline": {"frozen": True}})
    owner = await house.person(Role.AGENT)
    phone = await house.phone(None, owner)
    target = Target(TargetKind.EMPLOYEE, owner.employee_id)
    ids = set()
    for _ in range(2):
        async with house.database.begin() as session:
            ids.add(await house.policies.assignments.impose(session, admin.employee_id, target, frozen, 1))
    (assignment_id,) = ids
    assert (await house.effective(phone)).settings == {"maskline.frozen": True}
    async with house.database.begin() as session:
        await house.policies.assignments.lift(session, admin.employee_id, assignment_id)
        await house.policies.assignments.lift(session, admin.employee_id, assignment_id)
    assert (await house.effective(phone)).settings == {}
    kinds = [kind for kind, _ in await house.told()]
    assert kinds[-2:] == ["policy.assigned", "policy.unassigned"]


# --- staged roll-outs


async def begun(
    house: PolicyHouse, admin: Principal, percentage: int, rule: AbortRule | None = None
) -> tuple[str, str, list[PolicySubject]]:
    """Lay version 1 on everybody and begin to bring version 2; gives assignment, roll-out and 60 phones."""
    policy_id = await house.published(admin, "催收", CAMERA_OFF, CAMERA_ON)
    view = await house.policies.assignments.assign(admin, Layer.ORGANISATION, EVERYBODY, policy_id, 1)
    plan = RolloutPlan(percentage, rule or AbortRule(20, 5))
    rollout = await house.policies.rollouts.start(admin, view.id, 2, plan)
    return view.id, rollout.id, [PolicySubject(new_id(), None, "") for _ in range(60)]


async def got_it(house: PolicyHouse, phones: list[PolicySubject]) -> set[str]:
    found = set()
    for phone in phones:
        if (await house.effective(phone)).settings.get("cameraAccess") == ON:
            found.add(phone.device_id)
    return found


async def test_a_roll_out_reaches_its_share_and_only_widens(house: PolicyHouse, admin: Principal) -> None:
    assignment_id, rollout_id, phones = await begun(house, admin, 30)
    rollouts = house.policies.rollouts
    few = await got_it(house, phones)
    assert few == {one.device_id for one in phones if included(rollout_id, one.device_id, 30)}
    assert 0 < len(few) < len(phones)
    with pytest.raises(NarrowingRefused):
        await rollouts.widen(admin, rollout_id, 20)
    with pytest.raises(RolloutOpen):
        await house.policies.assignments.point(admin, assignment_id, 2)
    with pytest.raises(RolloutStateRefused):
        await rollouts.finish(admin, rollout_id)
    await rollouts.widen(admin, rollout_id, 60)
    more = await got_it(house, phones)
    assert few < more < {one.device_id for one in phones}
    await rollouts.widen(admin, rollout_id, 100)
    assert len(await got_it(house, phones)) == len(phones)
    view = await rollouts.finish(admin, rollout_id)
    assert view.state is RolloutState.DONE
    assert [one.version for one in await house.policies.assignments.find(admin)] == [2]
    assert len(await got_it(house, phones)) == len(phones)
    kinds = [kind for kind, _ in await house.told()]
    assert kinds[-4:] == ["rollout.started", "rollout.widened", "rollout.widened", "rollout.finished"]


async def test_too_many_failures_halt_a_roll_out_by_itself(house: PolicyHouse, admin: Principal) -> None:
    """AWS IoT's abort threshold: nobody new gets the version; those that reported it keep it."""
    _, rollout_id, phones = await begun(house, admin, 50)
    inside = [one for one in phones if included(rollout_id, one.device_id, 50)]
    outside = [one for one in phones if one not in inside]
    for phone in outside[:10]:
        await house.report(phone, failed=True)  # not theirs to count
    for phone in inside[:4]:
        await house.report(phone, failed=True)
    assert (await house.policies.rollouts.get(admin, rollout_id)).state is RolloutState.RUNNING, "too few"
    before = len(house.changes)
    await house.report(inside[4], failed=True)
    view = await house.policies.rollouts.get(admin, rollout_id)
    assert (view.state, view.reported, view.failed) == (RolloutState.HALTED, 5, 5)
    assert house.changes[before:] == [None]
    kind, body = (await house.told())[-1]
    assert (kind, body["by"], body["failed"]) == ("rollout.halted", None, 5)
    assert await got_it(house, phones) == {one.device_id for one in inside[:5]}
    await house.report(inside[6], failed=True)
    assert (await house.policies.rollouts.get(admin, rollout_id)).reported == 5
    with pytest.raises(RolloutStateRefused):
        await house.policies.rollouts.widen(admin, rollout_id, 80)
    back = await house.policies.rollouts.roll_back(admin, rollout_id)
    assert back.state is RolloutState.ROLLED_BACK
    assert await got_it(house, phones) == set()


async def test_a_phone_that_recovers_no_longer_counts_as_failing(
    house: PolicyHouse, admin: Principal
) -> None:
    _, rollout_id, phones = await begun(house, admin, 100, AbortRule(50, 4))
    for phone, failed in zip(phones, (True, False, False), strict=False):
        await house.report(phone, failed=failed)
    await house.report(phones[0], failed=False)
    await house.report(phones[3], failed=True)
    view = await house.policies.rollouts.get(admin, rollout_id)
    assert (view.state, view.reported, view.failed) == (RolloutState.RUNNING, 4, 1)


async def test_a_halted_roll_out_can_go_on_and_failures_are_forgiven(
    house: PolicyHouse, admin: Principal
) -> None:
    _, rollout_id, phones = await begun(house, admin, 100, AbortRule(10, 1))
    await house.report(phones[0], failed=True)
    assert (await house.policies.rollouts.get(admin, rollout_id)).state is RolloutState.HALTED
    assert await got_it(house, phones) == {phones[0].device_id}
    view = await house.policies.rollouts.resume(admin, rollout_id)
    assert (view.state, view.failed, view.halted_at) == (RolloutState.RUNNING, 0, None)
    assert len(await got_it(house, phones)) == len(phones)
    await house.policies.rollouts.halt(admin, rollout_id)
    assert await got_it(house, phones) == {phones[0].device_id}


async def test_a_first_assignment_rolled_back_is_gone(house: PolicyHouse, admin: Principal) -> None:
    policy_id = await house.published(admin, "催收", CAMERA_ON)
    rollout = await house.policies.rollouts.assign_slowly(
        admin, Layer.ORGANISATION, EVERYBODY, policy_id, 1, RolloutPlan(100, AbortRule(10, 5))
    )
    phone = PolicySubject(new_id(), None, "")
    assert (rollout.from_version, rollout.to_version) == (None, 1)
    assert (await house.effective(phone)).settings
    await house.policies.rollouts.roll_back(admin, rollout.id)
    assert (await house.effective(phone)).settings == {}
    assert await house.policies.assignments.find(admin) == []


def test_shares_are_even_and_stable() -> None:
    phones = [f"{number:032x}" for number in range(4000)]
    ten = {one for one in phones if included("r", one, 10)}
    assert ten == {one for one in phones if included("r", one, 10)}
    assert ten < {one for one in phones if included("r", one, 11)}
    assert 0.08 < len(ten) / len(phones) < 0.12
    assert ten != {one for one in phones if included("s", one, 10)}
    assert all(0 <= bucket("r", one) < 10_000 for one in phones)
    assert {one for one in phones if included("r", one, 100)} == set(phones)


# --- previews


async def test_a_preview_tells_settings_sources_and_gaps(house: PolicyHouse, admin: Principal) -> None:
    team = await house.department("一组")
    phone = await house.phone(team, api_level=30)
    strict = next(ready for ready in ready_policies() if ready.key == "strict-collection")
    policy_id = await house.published(admin, strict.zh, dict(strict.document), CAMERA_OFF)
    view = await house.policies.assignments.assign(admin, Layer.ORGANISATION, EVERYBODY, policy_id, 1)
    preview = await house.policies.previews.of_device(admin, phone.device_id)
    assert preview.effective == await house.effective(phone)
    gap = preview.gaps["deviceConnectivityManagement.usbDataAccess"]
    assert (gap.reason, gap.needs) == (GapReason.API_LEVEL, 31)
    assert "screenCaptureDisabled" not in preview.gaps
    assert preview.effective.provenance["smsDisabled"].assignment_id == view.id
    what_if = await house.policies.previews.of_device(admin, phone.device_id, WhatIf(policy_id, 2))
    assert what_if.effective.document == CAMERA_OFF
    assert (await house.effective(phone)) == preview.effective, "nothing happened"


async def test_a_supervisor_previews_and_sees_their_own_people_only(
    house: PolicyHouse, admin: Principal
) -> None:
    mine, other = await house.department("一组"), await house.department("二组")
    boss = await house.person(Role.SUPERVISOR, mine)
    agent, stranger = await house.person(Role.AGENT, mine), await house.person(Role.AGENT, other)
    phone, strange = await house.phone(mine, agent), await house.phone(other, stranger)
    policy_id = await house.published(admin, "催收", CAMERA_OFF)
    assign, previews = house.policies.assignments.assign, house.policies.previews
    for kind, target in (
        (TargetKind.EVERYBODY, ""), (TargetKind.DEPARTMENT, mine.id), (TargetKind.DEPARTMENT, other.id),
        (TargetKind.EMPLOYEE, agent.employee_id), (TargetKind.EMPLOYEE, stranger.employee_id),
        (TargetKind.DEVICE, phone.device_id), (TargetKind.DEVICE, strange.device_id),
    ):  # fmt: skip
        await assign(admin, Layer.INCIDENT, Target(kind, target), policy_id, 1)
    assert len(await house.policies.assignments.find(admin)) == 7
    seen = {one.target_id for one in await house.policies.assignments.find(boss)}
    assert seen == {"", mine.id, agent.employee_id, phone.device_id}
    assert (await previews.of_device(boss, phone.device_id)).effective.settings
    with pytest.raises(DeviceNotFound):
        await previews.of_device(boss, strange.device_id)
    for imagined in (
        Imagined(DeviceFacts(33), department_id=other.id),
        Imagined(DeviceFacts(33), employee_id=stranger.employee_id),
        Imagined(DeviceFacts(33), department_id=mine.id, employee_id=stranger.employee_id),
    ):
        with pytest.raises(TargetUnknown):
            await previews.of_imagined(boss, imagined)
    found = await previews.of_imagined(boss, Imagined(DeviceFacts(33), employee_id=agent.employee_id))
    assert {layer.source.target_kind for layer in found.layers} == {
        TargetKind.EVERYBODY,
        TargetKind.DEPARTMENT,
        TargetKind.EMPLOYEE,
    }
