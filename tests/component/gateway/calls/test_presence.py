"""A suspended employee's live call ends within a look; the record says that a rule ended it."""

from core.access.model import Principal
from core.access.models import Employee, EmployeeState
from gateway.calls.presence import Presence
from gateway.numbers.model import BindingView
from tests.component.gateway.calls.house import House, Phone


async def test_live_call_of_a_suspended_employee_ends(
    house: House, agent: Principal, binding: BindingView, phone: Phone
) -> None:
    async with house.open() as scene:
        await scene.connect(phone, binding.token)
        await scene.bridged()
        presence = Presence(house.database, scene.calls.live)
        assert await presence.look() == 0
        async with house.database.begin() as session:
            row = await session.get_one(Employee, agent.employee_id)
            row.state = EmployeeState.SUSPENDED
        assert await presence.look() == 1
        record = await scene.closed()
        assert await presence.look() == 0
    assert (record.ended_by, record.cause) == ("rule", "killed")
