"""Somebody leaves: customers, a phone, a successor, a second administrator, and one unbinding from before."""

from core.access.employees import NewEmployee
from core.access.model import Principal, Role
from core.ids import new_id
from core.sealed import BlindIndex
from devicepolicy.capabilities.facts import Mode
from devicepolicy.devices.model import ComplianceState, DeviceState, Trust
from devicepolicy.devices.models import DeviceRow
from gateway.customers.model import CustomerInput
from maskline.wiring.offboarding import build_offboardings
from tests.browser.seed import Person
from tests.browser.stage import Stage


async def add_person(stage: Stage, username: str, name: str, role: Role) -> Principal:
    """Create somebody in the department of 林晓 (an administrator: in none)."""
    admin, lin = stage.seeded.people["admin"].principal, stage.seeded.people["lin"].principal
    top = role is Role.ADMINISTRATOR
    place = (None, "") if top else (lin.department_id, lin.department_path)
    made = await stage.people.employees.create(
        admin, NewEmployee(username, name, frozenset({role}), place[0])
    )
    principal = stage.seeder._principal(made.employee.id, frozenset({role}), *place, name)
    stage.seeded.people[username] = Person(username, principal, made.password)
    return principal


async def add_customer(stage: Stage, owner: Principal, phone: str, name: str) -> str:
    """Give somebody a customer."""
    return (await stage.gateway.customers.create(owner, CustomerInput(phone=phone, name=name))).id


async def add_phone(stage: Stage, owner: Principal, name: str, api_level: int = 33) -> str:
    """Put a trusted phone into the register."""
    device_id = new_id()
    async with stage.ground.database.begin() as session:
        session.add(
            DeviceRow(
                id=device_id,
                name=name,
                trust=Trust.TRUSTED,
                public_key=bytes.fromhex(device_id) * 2,
                hardware=BlindIndex(bytes.fromhex(device_id) * 2),
                employee_id=owner.employee_id,
                department_id=owner.department_id,
                token_id=new_id(),
                state=DeviceState.ACTIVE,
                manufacturer="HUAWEI",
                model="P60",
                os_version="13",
                api_level=api_level,
                mode=Mode.FULLY_MANAGED,
                backends=["ANDROID"],
                agent_version="1.0",
                status={},
                compliance=ComplianceState.UNKNOWN,
                settings={},
                enrolled_at=stage.clock.now(),
            )
        )
    return device_id


async def seed(stage: Stage) -> dict[str, str]:
    """Give the ids that the tests need."""
    await add_person(stage, "qian", "钱管理", Role.ADMINISTRATOR)
    he = await add_person(stage, "he", "何新", Role.AGENT)
    gone = await add_person(stage, "gu", "顾离", Role.AGENT)
    lin = stage.seeded.people["lin"].principal
    await add_customer(stage, lin, "13911110001", "郑一")
    await add_customer(stage, lin, "13911110002", "王二")
    await add_phone(stage, lin, "林晓的 P60")
    spare = await add_phone(stage, gone, "顾离的 P60")
    admin = stage.seeded.people["admin"].principal
    parts = build_offboardings(stage.ground, stage.gateway, stage.messages, stage.calls_process, stage.phones)
    shown = await parts.service.preview(admin, gone.employee_id, he.employee_id, wipe=True)
    act = await parts.service.unbind(admin, shown.id, shown.digest)
    await parts.service.settled()
    await stage.seeder.settle_password("admin")
    return {
        "act": act.id,
        "gone": gone.employee_id,
        "lin": lin.employee_id,
        "he": he.employee_id,
        "phone": spare,
        "wang": stage.seeded.people["wang"].principal.employee_id,
    }
