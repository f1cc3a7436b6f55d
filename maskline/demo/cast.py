"""Sets the stage: departments, people, phones, customers, a line and bindings, by the services."""

from dataclasses import dataclass, field
from datetime import timedelta

from core.access.build import Access
from core.access.employees import NewEmployee
from core.access.model import Principal, Role, Scope
from core.clock import Clock
from gateway.calls.accounts import FreshAccount, SipAccountService
from gateway.contact.model import Purpose
from gateway.customers.consent import ConsentGiven
from gateway.customers.model import ConsentSource, CustomerInput
from gateway.numbers.model import BindRequest, LineDraft
from maskline.demo.zones import daytime_zone, late_zone
from maskline.ground import Ground
from maskline.permissions import registry
from maskline.wiring.gateway import Gateway, build_gateway, build_people

DIRECTOR = "demo"
# The callers' numbers of the play. China has no range reserved for fiction; these are never dialled outside.
_PHONES = tuple(f"1380013800{number}" for number in range(1, 9))
_NAMES = ("张三", "李四", "王五", "赵六", "孙七", "周八", "吴九", "郑十")


@dataclass(frozen=True, slots=True)
class Login:
    """An account of the demo; the first password must be changed at the first log-in."""

    employee_id: str
    username: str
    display_name: str
    role: Role
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Part:
    """One call to be played: who calls whom, on which binding."""

    agent: Login
    phone: FreshAccount
    customer_id: str
    binding_id: str
    token: str
    purpose: Purpose
    zone: str
    number: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class FieldTeam:
    """The department with work phones: one obeys and leaves, one's phone refuses, one comes new."""

    department_id: str
    administrator: Login
    supervisor: Login
    leaver: Part
    refusing: Part
    newcomer: Part
    successor: Login


@dataclass(frozen=True, slots=True)
class MessagePart:
    """The messages to be played: who writes to whom, and who decides about a held one."""

    agent: Login
    supervisor: Login
    customer_id: str
    binding_id: str


@dataclass(frozen=True, slots=True)
class Cast:
    """Everything that the play needs. `refused` is the part that a rule must stop."""

    parts: tuple[Part, ...]
    refused: Part
    messages: MessagePart
    team: FieldTeam
    logins: tuple[Login, ...]

    def login(self, role: Role) -> Login:
        return next(login for login in self.logins if login.role is role)


async def set_stage(ground: Ground) -> Cast:
    """Create the demo's people and data. Each act is in the ledger under the name of the demo."""
    permissions = registry()
    director = Principal(
        employee_id=DIRECTOR,
        department_id=None,
        department_path="",
        roles=frozenset(),
        grants={spec.name: Scope.ALL for spec in permissions},
        session_id=DIRECTOR,
        verified_at=ground.clock.now(),
    )
    return await _Stage(ground, build_people(ground, permissions), build_gateway(ground), director).build()


class _Stage:
    def __init__(self, ground: Ground, people: Access, gateway: Gateway, director: Principal) -> None:
        self._ground = ground
        self._clock: Clock = ground.clock
        self._people = people
        self._gateway = gateway
        self._director = director
        self._accounts = SipAccountService(
            ground.database, ground.clock, vault=ground.vault, ledger=ground.ledger,
            realm=ground.settings.sip.realm,
        )  # fmt: skip

    async def build(self) -> Cast:
        sales = await self._people.departments.create(self._director, "电销部", None)
        collection = await self._people.departments.create(self._director, "贷后部", None)
        lin = await self._hire("demo.lin", "林晓雨", Role.AGENT, sales.id)
        gao = await self._hire("demo.gao", "高鹏", Role.AGENT, collection.id)
        wang = await self._hire("demo.wang", "王磊", Role.AGENT, sales.id)
        others = [
            await self._hire("demo.supervisor", "周敏", Role.SUPERVISOR, sales.id),
            await self._hire("demo.reviewer", "陈静", Role.REVIEWER, sales.id),
            await self._hire("demo.auditor", "吴芳", Role.AUDITOR, None),
        ]
        await self._gateway.lines.add(
            self._director,
            LineDraft(number="02166668888", city="上海", owner_name="云山贷款公司", registration="DEMO"),
        )
        day, late = daytime_zone(self._clock.now()), late_zone(self._clock.now())
        cast = [
            (lin, Purpose.SALES, day),
            (gao, Purpose.COLLECTION, day),
            (wang, Purpose.SALES, day),
            (gao, Purpose.COLLECTION, late),
        ]
        phones = {agent.employee_id: await self._phone(agent) for agent in (lin, gao, wang)}
        parts = [
            await self._part(agent, phones[agent.employee_id], purpose, zone, number)
            for number, (agent, purpose, zone) in enumerate(cast)
        ]
        written = await self._part(lin, phones[lin.employee_id], Purpose.SALES, day, len(cast))
        team = await self._field_team(sales.id, others[0], lin, day, len(cast) + 1)
        return Cast(
            parts=tuple(parts[:3]),
            refused=parts[3],
            messages=MessagePart(lin, others[0], written.customer_id, written.binding_id),
            team=team,
            logins=(
                lin, gao, wang, team.leaver.agent, team.refusing.agent, team.newcomer.agent,
                *others, team.administrator,
            ),
        )  # fmt: skip

    async def _field_team(
        self, parent_id: str, supervisor: Login, successor: Login, zone: str, number: int
    ) -> FieldTeam:
        """A team of its own: its policy must not reach people without work phones."""
        team = await self._people.departments.create(self._director, "外勤部", parent_id)
        parts: list[Part] = []
        for username, name in (("demo.qian", "钱进"), ("demo.luo", "罗军"), ("demo.fang", "方宁")):
            login = await self._hire(username, name, Role.AGENT, team.id)
            phone = await self._phone(login)
            parts.append(await self._part(login, phone, Purpose.SALES, zone, number + len(parts)))
        administrator = await self._hire("demo.admin", "赵刚", Role.ADMINISTRATOR, None)
        leaver, refusing, newcomer = parts
        return FieldTeam(team.id, administrator, supervisor, leaver, refusing, newcomer, successor)

    async def _hire(self, username: str, name: str, role: Role, department_id: str | None) -> Login:
        credentials = await self._people.employees.create(
            self._director, NewEmployee(username, name, frozenset({role}), department_id)
        )
        return Login(credentials.employee.id, username, name, role, credentials.password)

    async def _phone(self, agent: Login) -> FreshAccount:
        return await self._accounts.create(self._director, agent.employee_id)

    async def _part(
        self, agent: Login, phone: FreshAccount, purpose: Purpose, zone: str, number: int
    ) -> Part:
        customer = await self._gateway.customers.create(
            self._director,
            CustomerInput(
                phone=_PHONES[number], name=_NAMES[number], tags=("演示",), time_zone=zone, city="上海"
            ),
            owner_id=agent.employee_id,
        )
        if purpose is Purpose.SALES:
            await self._gateway.consent.give(
                self._director,
                customer.id,
                ConsentGiven(purpose, ConsentSource.WEB, self._clock.now() - timedelta(days=1)),
            )
        binding = await self._gateway.bindings.bind(
            self._director,
            BindRequest(
                employee_id=agent.employee_id,
                customer_id=customer.id,
                purpose=purpose,
                expires_at=self._clock.now() + timedelta(days=7),
            ),
        )
        return Part(
            agent, phone, customer.id, binding.id, binding.token, purpose, zone, _PHONES[number]
        )  # fmt: skip
