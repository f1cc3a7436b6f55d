"""From a policy in its editor to a phone that proved it: the real wiring, both databases."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer
from pydantic import SecretStr

from core.access.model import Principal, Role
from core.clock import ManualClock
from core.config import Settings
from core.vault import Keyring
from core.web.app import build_app
from core.web.ports import NobodyKnown
from devicepolicy.devices.compliance import Reason
from devicepolicy.devices.model import SEEN_EVERY, ComplianceState
from devicepolicy.devices.models import DeviceRow
from devicepolicy.devices.verdict import PhoneStanding
from devicepolicy.enrolment.errors import TokenInvalid
from devicepolicy.enrolment.model import NewToken
from devicepolicy.fleet import Fleet
from devicepolicy.policies.assignments import Target
from devicepolicy.policies.model import Layer, RolloutState, TargetKind
from devicepolicy.policies.rollout import AbortRule
from devicepolicy.policies.rollouts import RolloutPlan
from maskline.ground import Ground, open_ground
from maskline.permissions import registry
from maskline.wiring.phones import Phones, build_phones
from maskline.wiring.quality import build_quality
from maskline.wiring.silence import SilenceWatch
from qa.alert_queue import AlertFilter, AlertQueue
from qa.inspection.model import AlertState
from qa.pulse import open_alerts
from tests.support.fleet import SimPhone
from tests.support.staff import add_department, add_employee, principal_of

OFF = {"cameraAccess": "CAMERA_ACCESS_DISABLED"}
EVERYBODY = Target(TargetKind.EVERYBODY)


@dataclass
class Roof:
    """What a `SimPhone` needs of a house, over the real wiring."""

    ground: Ground
    phones: Phones
    http: TestClient[Any, Any]
    admin: Principal

    @property
    def fleet(self) -> Fleet:
        return self.phones.fleet

    @property
    def clock(self) -> Any:
        return self.ground.clock

    async def policy(self, name: str, document: dict[str, Any]) -> str:
        made = await self.phones.policies.service.create(self.admin, name, "", document)
        await self.phones.policies.service.publish(self.admin, made.id, 1)
        return made.id

    async def phone(self, **more: Any) -> SimPhone:
        issued = await self.fleet.tokens.issue(self.admin, NewToken("手机", approves=True, **more))
        phone = SimPhone(self)  # type: ignore[arg-type]
        await phone.enrol(issued.token)
        return phone

    async def row(self, phone: SimPhone) -> DeviceRow:
        async with self.ground.database.read() as session:
            return await session.get_one(DeviceRow, phone.device_id)


@pytest.fixture
async def roof(database_url: str, tmp_path: Path, clock: ManualClock) -> AsyncIterator[Roof]:
    settings = Settings(data_dir=tmp_path / "data", database_url=SecretStr(database_url))
    Keyring.create(settings.keyring_path)
    grants = registry().grants_for([Role.ADMINISTRATOR])
    admin = Principal("a" * 32, None, "", frozenset({Role.ADMINISTRATOR}), grants, "e" * 32, clock.now())
    async with open_ground(settings, clock) as ground:
        await ground.database.check()
        phones = build_phones(ground)
        app = build_app(
            settings,
            endpoints=phones.fleet.endpoints(),
            permissions=registry(),
            authenticator=NobodyKnown(),
            clock=clock,
        )
        async with TestClient(TestServer(app)) as client:
            yield Roof(ground, phones, client, admin)


async def test_a_policy_reaches_a_phone_and_comes_back_as_proof(roof: Roof) -> None:
    with pytest.raises(TokenInvalid):
        await roof.phone(policy_id="f" * 32)
    own = await roof.policy("前台", {"bluetoothDisabled": True})
    phone = await roof.phone(policy_id=own)
    assert (await phone.obey())["compliance"] == "COMPLIANT"
    assert phone.applied == {"bluetoothDisabled": True}
    everybody = await roof.policy("全员", OFF)
    await roof.phones.policies.assignments.assign(roof.admin, Layer.ORGANISATION, EVERYBODY, everybody, 1)
    assert (await roof.row(phone)).compliance is ComplianceState.PENDING
    assert (await phone.obey())["compliance"] == "COMPLIANT"
    assert phone.applied == {"bluetoothDisabled": True, "cameraAccess": "CAMERA_ACCESS_DISABLED"}


async def test_a_roll_out_that_its_phones_report_to_fail_halts_by_itself(roof: Roof) -> None:
    phones = [await roof.phone() for _ in range(3)]
    policy = await roof.policy("全员", OFF)
    plan = RolloutPlan(100, AbortRule(50, 2))
    rollout = await roof.phones.policies.rollouts.assign_slowly(
        roof.admin, Layer.ORGANISATION, EVERYBODY, policy, 1, plan
    )
    answers = []
    for phone in phones:
        phone.refuses["cameraAccess"] = (Reason.USER_ACTION, "no")
        answers.append(await phone.obey())
    found = await roof.phones.policies.rollouts.get(roof.admin, rollout.id)
    assert found.state is RolloutState.HALTED
    rows = [await roof.row(phone) for phone in phones]
    assert [row.compliance for row in rows[:2]] == [ComplianceState.NOT_COMPLIANT] * 2
    assert rows[2].compliance is ComplianceState.COMPLIANT, "who had not reported it gets nothing of it"
    assert answers[1]["desired_version"] == rows[1].desired_version
    assert not any(row.desired_stale for row in rows)


async def test_a_policy_that_wants_compliance_for_contacts_reaches_the_verdict(roof: Roof) -> None:
    employee = await add_employee(roof.ground.database, roof.clock)
    phone = await roof.phone(employee_id=employee)
    phone.refuses["cameraAccess"] = (Reason.USER_ACTION, "no")
    policy = await roof.policy("全员", {**OFF, "maskline": {"contactNeedsCompliance": True}})
    made = await roof.phones.policies.assignments.assign(roof.admin, Layer.ORGANISATION, EVERYBODY, policy, 1)
    await phone.obey()
    standing = PhoneStanding(roof.clock, roof.ground.settings.phones.verdict, roof.phones.policies.effective)
    async with roof.ground.database.read() as session:
        assert await standing.refusals(session, [employee]) == {employee: "phone-not-compliant"}
    await roof.phones.policies.assignments.unassign(roof.admin, made.id)
    async with roof.ground.database.read() as session:
        assert await standing.refusals(session, [employee]) == {}


async def test_a_silent_phone_is_one_alert_that_goes_when_it_is_back(roof: Roof) -> None:
    team = await add_department(roof.ground.database, roof.clock, "一组")
    employee = await add_employee(roof.ground.database, roof.clock, team)
    chief = principal_of(registry(), roof.clock, Role.SUPERVISOR, "c" * 32, team)
    stranger = principal_of(registry(), roof.clock, Role.SUPERVISOR, "d" * 32)
    phone, other = await roof.phone(employee_id=employee), await roof.phone(employee_id=employee)
    quality = build_quality(roof.ground)
    queue, watch = AlertQueue(roof.ground.database, quality.reader), SilenceWatch(roof.ground)

    async def alerts(who: Principal, state: AlertState = AlertState.OPEN) -> list[Any]:
        await roof.fleet.sweep()
        await watch()
        lines, _ = await queue.find(who, AlertFilter(states=[state]))
        return [line.alert for line in lines]

    await phone.obey()
    await other.obey()
    assert await alerts(chief) == []
    silent = timedelta(seconds=roof.ground.settings.phones.reports.offline_s) + SEEN_EVERY
    roof.clock.advance(silent + timedelta(seconds=1))
    await other.report()
    for _ in range(2):
        (alert,) = await alerts(chief)
    assert (alert.device_id, alert.employee_id, alert.conduct) == (phone.device_id, employee, "phone_silent")
    assert (alert.category_zh, alert.category_en) == ("工作手机失联", "A work phone is silent")
    assert await alerts(stranger) == []
    async with roof.ground.database.read() as session:
        assert [fact.count for fact in await open_alerts(session)] == [1], "live screens hear of it"
    await phone.report()
    assert await alerts(chief) == []
    (closed,) = await alerts(chief, AlertState.CLOSED)
    assert (closed.id, closed.closed_because, closed.closed_by) == (alert.id, "over", None)
    roof.clock.advance(silent + timedelta(seconds=1))
    await other.report()
    (again,) = await alerts(chief)
    assert again.id != alert.id, "another silence"
    await quality.alerts.close(chief, again.id, "已联系，手机在维修")
    assert await alerts(chief) == [], "who closed it is not told again of the same silence"
    await phone.report()
    roof.clock.advance(silent + timedelta(seconds=1))
    assert len(await alerts(chief)) == 2
    await roof.fleet.enrolment.release(roof.admin, phone.device_id)
    assert [one.device_id for one in await alerts(chief)] == [other.device_id], (
        "one that is let go is nobody's"
    )
