"""What open pages are told of phones: a mark that changes with what matters, and not with every report."""

from datetime import timedelta

from core.clock import ManualClock
from core.pulse import Fact
from devicepolicy.commands.pulse import open_commands
from devicepolicy.devices.pulse import phones
from tests.support.fleet import House, SimPhone


async def facts(house: House) -> list[Fact]:
    async with house.database.read() as session:
        return await phones(session)


async def test_marks_change_with_trust_version_and_compliance_and_belong_to_the_department(
    house: House, clock: ManualClock
) -> None:
    clock.advance(timedelta(seconds=60 - clock.now().second))  # the whole test within one minute
    department, other = await house.department(), await house.department()
    elsewhere = await house.phone(department_id=other.id)
    phone = SimPhone(house)
    await phone.enrol((await house.token(approves=False, department_id=department.id)).token)
    seen = [await facts(house)]
    await house.fleet.enrolment.approve(house.admin, phone.device_id)
    seen.append(await facts(house))
    await phone.apply()
    await phone.report()
    seen.append(await facts(house))
    await house.policy({"bluetoothDisabled": True}, phone.device_id)
    await phone.fetch()
    seen.append(await facts(house))
    own = [[fact for fact in one if fact.department_id == department.id] for one in seen]
    assert [sum(fact.count for fact in one) for one in own] == [1, 1, 1, 1]
    assert len({tuple(fact.mark for fact in one) for one in own}) == 4
    assert len({tuple(fact.mark for fact in one if fact.department_id == other.id) for one in seen}) == 1
    await phone.obey()
    before = await facts(house)
    clock.advance(timedelta(seconds=5))
    await phone.report()
    assert await facts(house) == before, "a report that says nothing new"
    clock.advance(timedelta(minutes=1))
    await phone.report()
    assert await facts(house) != before, "fresh measurements, once a minute"
    await house.fleet.enrolment.release(house.admin, elsewhere.device_id)
    (gone,) = [fact for fact in await facts(house) if fact.department_id == other.id]
    assert gone.count == 0


async def test_without_commands_there_is_no_fact(house: House) -> None:
    async with house.database.read() as session:
        assert await open_commands(session) == []
