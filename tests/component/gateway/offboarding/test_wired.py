"""As the roof wires it: the real phones' wing, told of an order's end, and a phone that changes hands."""

from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import SecretStr
from sqlalchemy import select

from core.access.employees import NewEmployee
from core.access.model import Principal, Role
from core.clock import Clock, ManualClock
from core.config import Settings
from core.ids import new_id
from core.vault import Keyring
from devicepolicy.commands.kinds import CommandKind
from devicepolicy.commands.machine import CommandState
from devicepolicy.commands.model import Told
from devicepolicy.commands.models import CommandRow
from devicepolicy.devices.models import DeviceRow
from gateway.contact.model import Channel, ContactRequest, Direction, Outcome, Purpose
from gateway.customers.approvals.model import ErasureGround, RequestState
from gateway.customers.model import CustomerInput
from gateway.customers.models import CustomerRow
from gateway.numbers.model import BindRequest, LineDraft
from gateway.offboarding.build import Offboardings
from gateway.offboarding.errors import HeldForEvidence
from gateway.offboarding.model import Phase, StepKind, StepState
from gateway.offboarding.rebinding import RebindRequest
from maskline.ground import Ground, open_ground
from maskline.permissions import registry
from maskline.wiring.gateway import Gateway, build_gateway, build_people
from maskline.wiring.messages import build_message_services
from maskline.wiring.offboarding import build_offboardings
from maskline.wiring.phones import Phones, build_phones
from qa.inspection.model import AlertState
from qa.inspection.models import AlertRow, ConductFindingRow
from qa.lexicon.model import Severity
from tests.support.commanding import device_row


class NoCalls:
    """A calls process without calls."""

    async def end_inactive(self) -> int:
        return 0


def acting(employee_id: str, role: Role, clock: Clock) -> Principal:
    grants = registry().grants_for({role})
    return Principal(employee_id, None, "", frozenset({role}), grants, "e" * 32, clock.now())


async def obey(phones: Phones, device_id: str) -> list[str]:
    """Fetch, acknowledge and carry out what a phone is ordered; gives the ids."""
    queue = phones.commands.queue
    pulled = await queue.pull(device_id, 0)
    leave = await queue.acknowledge(device_id, pulled.last_seq)
    await queue.report(device_id, [Told(command_id, CommandState.SUCCEEDED) for command_id in leave])
    return list(leave)


async def wired(ground: Ground) -> tuple[Offboardings, Phones, Gateway]:
    gateway, phones = build_gateway(ground), build_phones(ground)
    messages = build_message_services(ground, gateway)
    return build_offboardings(ground, gateway, messages, NoCalls(), phones), phones, gateway


async def hire(ground: Ground, name: str, role: Role, department_id: str | None = None) -> Principal:
    """Employ somebody, and give what they may do."""
    director = acting("f" * 32, Role.ADMINISTRATOR, ground.clock)
    new = NewEmployee(name, name, frozenset({role}), department_id)
    made = await build_people(ground, registry()).employees.create(director, new)
    return acting(made.employee.id, role, ground.clock)


async def test_the_phone_is_frozen_and_goes_to_the_newcomer(
    sqlite_url: str, tmp_path: Path, clock: ManualClock
) -> None:
    settings = Settings(
        data_dir=tmp_path, database_url=SecretStr(sqlite_url), keyring=Keyring.generate().dump()
    )
    async with open_ground(settings, clock) as ground:
        parts, phones, _ = await wired(ground)
        employees = build_people(ground, registry()).employees
        admin = acting("f" * 32, Role.ADMINISTRATOR, clock)
        people = [
            (await employees.create(admin, NewEmployee(name, name, frozenset({Role.AGENT})))).employee
            for name in ("leaver", "newcomer")
        ]
        leaver, newcomer = people
        device = device_row(ground.vault, Ed25519PrivateKey.generate(), clock.now(), employee_id=leaver.id)
        async with ground.database.begin() as session:
            session.add(device)
        shown = await parts.service.preview(admin, leaver.id, None)
        act = await parts.service.unbind(admin, shown.id, shown.digest)
        await parts.service.settled()
        (freeze,) = [step for step in act.steps if step.kind is StepKind.FREEZE]
        assert (freeze.state, freeze.reference) == (StepState.WAITING, device.id)
        assert len(await obey(phones, device.id)) == 1
        await parts.service.sweep()  # the end of the order made the step due at once
        assert (await parts.service.reader.get(admin, act.id)).phase is Phase.DONE
        code = await parts.rebinding.create(admin, RebindRequest(newcomer.id, device_id=device.id))
        await parts.rebinding.redeem(acting(newcomer.id, Role.AGENT, clock), code.text)
        assert len(await obey(phones, device.id)) == 1
        async with ground.database.read() as session:
            kinds = list(await session.scalars(select(CommandRow.kind).order_by(CommandRow.id)))
            assert (await session.get_one(DeviceRow, device.id)).employee_id == newcomer.id
        assert kinds == [CommandKind.LOCK, CommandKind.UNLOCK]


async def test_what_waits_for_the_leaver_goes_on_and_their_customers_stay_until_the_hold_is_lifted(
    sqlite_url: str, tmp_path: Path, clock: ManualClock
) -> None:
    settings = Settings(
        data_dir=tmp_path, database_url=SecretStr(sqlite_url), keyring=Keyring.generate().dump()
    )
    async with open_ground(settings, clock) as ground:
        parts, _, gateway = await wired(ground)
        asks, decides = gateway.approvals.desk, gateway.approvals.decider
        admin, other, leaver = [
            await hire(ground, name, Role.ADMINISTRATOR) for name in ("admin", "other", "leaver")
        ]
        successor = await hire(ground, "successor", Role.SUPERVISOR)
        customers = [
            (await gateway.customers.create(
                admin, CustomerInput(phone=f"1390013900{place}", name="张三"), owner_id=leaver.employee_id
            )).id
            for place in range(2)
        ]  # fmt: skip
        asked = [await asks.erasure(who, one, ErasureGround.CUSTOMER_REQUEST, "客户要求")
                 for who, one in ((leaver, customers[0]), (admin, customers[1]))]  # fmt: skip
        await gateway.lines.add(admin, LineDraft("02166668888", "上海", "示例机构", "TEST"))
        for one in customers:
            await speaks_with(ground, gateway, leaver, one)
        alert = await taken_alert(ground, leaver.employee_id)
        shown = await parts.service.preview(admin, leaver.employee_id, successor.employee_id)
        assert {one.kind: one.count for one in shown.effects}[StepKind.DUTIES] == 2
        act = await parts.service.unbind(admin, shown.id, shown.digest)
        await parts.service.settled()
        async with ground.database.read() as session:
            assert (await session.get_one(AlertRow, alert)).taken_by == successor.employee_id
        states = [(await gateway.approvals.reader.get(admin, one)).state for one in asked]
        assert states == [RequestState.WITHDRAWN, RequestState.WAITING]
        with pytest.raises(HeldForEvidence):
            await decides.approve(other, asked[1])
        with pytest.raises(HeldForEvidence):
            await asks.erasure(admin, customers[0], ErasureGround.CUSTOMER_REQUEST, "客户要求")
        await parts.service.lift_hold(admin, act.id)
        await decides.approve(other, asked[1])
        async with ground.database.read() as session:
            assert (await session.get_one(CustomerRow, customers[1])).erased_at is not None
            assert (await session.get_one(CustomerRow, customers[0])).erased_at is None


async def speaks_with(ground: Ground, gateway: Gateway, who: Principal, customer_id: str) -> None:
    """What was said between them is evidence."""
    until = ground.clock.now() + timedelta(days=1)
    request = BindRequest(who.employee_id, customer_id, Purpose.SERVICE, until)
    bound = await gateway.bindings.bind(acting("f" * 32, Role.ADMINISTRATOR, ground.clock), request)
    call = ContactRequest(who.employee_id, bound.id, Channel.CALL, Direction.OUTBOUND, Purpose.SERVICE)
    async with ground.database.begin() as session:
        verdict = await gateway.contacts.judge(session, call)
        assert verdict.contact_id is not None
        await gateway.contacts.close(session, verdict.contact_id, Outcome.UNANSWERED)


async def taken_alert(ground: Ground, by: str) -> str:
    """Write an alert that somebody has in hand."""
    now = ground.clock.now()
    conduct = ConductFindingRow(
        id=new_id(), kind="contact_deleted", severity=Severity.SEVERE, catalogue_version="1", at=now, found_at=now
    )  # fmt: skip
    row = AlertRow(
        id=new_id(), conduct_id=conduct.id, category="conduct", severity=Severity.SEVERE, suspected=False, hits=1,
        state=AlertState.TAKEN, taken_by=by, taken_at=now, created_at=now,
    )  # fmt: skip
    async with ground.database.begin() as session:
        session.add(conduct)
        await session.flush()
        session.add(row)
    return row.id
