"""As the roof wires it: the real phones' wing, told of an order's end, and a phone that changes hands."""

from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import SecretStr
from sqlalchemy import select

from core.access.employees import NewEmployee
from core.access.model import Principal, Role
from core.clock import ManualClock
from core.config import Settings
from core.vault import Keyring
from devicepolicy.commands.kinds import CommandKind
from devicepolicy.commands.machine import CommandState
from devicepolicy.commands.model import Told
from devicepolicy.commands.models import CommandRow
from devicepolicy.devices.models import DeviceRow
from gateway.offboarding.build import Offboardings
from gateway.offboarding.model import Phase, StepKind, StepState
from gateway.offboarding.rebinding import RebindRequest
from maskline.ground import Ground, open_ground
from maskline.permissions import registry
from maskline.wiring.gateway import build_gateway, build_people
from maskline.wiring.messages import build_message_services
from maskline.wiring.offboarding import build_offboardings
from maskline.wiring.phones import Phones, build_phones
from tests.support.commanding import device_row


class NoCalls:
    """A calls process without calls."""

    async def end_inactive(self) -> int:
        return 0


def acting(employee_id: str, role: Role, clock: ManualClock) -> Principal:
    grants = registry().grants_for({role})
    return Principal(employee_id, None, "", frozenset({role}), grants, "e" * 32, clock.now())


async def obey(phones: Phones, device_id: str) -> list[str]:
    """Fetch, acknowledge and carry out what a phone is ordered; gives the ids."""
    queue = phones.commands.queue
    pulled = await queue.pull(device_id, 0)
    leave = await queue.acknowledge(device_id, pulled.last_seq)
    await queue.report(device_id, [Told(command_id, CommandState.SUCCEEDED) for command_id in leave])
    return list(leave)


async def wired(ground: Ground) -> tuple[Offboardings, Phones]:
    gateway, phones = build_gateway(ground), build_phones(ground)
    messages = build_message_services(ground, gateway)
    return build_offboardings(ground, gateway, messages, NoCalls(), phones), phones


async def test_the_phone_is_frozen_and_goes_to_the_newcomer(
    sqlite_url: str, tmp_path: Path, clock: ManualClock
) -> None:
    settings = Settings(
        data_dir=tmp_path, database_url=SecretStr(sqlite_url), keyring=Keyring.generate().dump()
    )
    async with open_ground(settings, clock) as ground:
        parts, phones = await wired(ground)
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
