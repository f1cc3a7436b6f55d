"""The wing as the roof puts it together: what one part tells, the others hear."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import SecretStr
from sqlalchemy import update

from core.access.model import Principal, Role
from core.clock import ManualClock
from core.config import Settings
from core.vault import Keyring
from devicepolicy.commands import kinds
from devicepolicy.commands.machine import CommandState
from devicepolicy.commands.model import NewCommand
from devicepolicy.devices.model import ComplianceState, DeviceState, Trust
from devicepolicy.devices.models import DeviceRow
from devicepolicy.policies.events import PolicyChanged
from devicepolicy.sync import desired as desired_module
from devicepolicy.wake.look import Look, Place
from devicepolicy.wake.pace import PATIENCE, Pace
from maskline.ground import Ground, open_ground
from maskline.permissions import registry
from maskline.wiring.phones import Phones, build_phones
from tests.support.commanding import Agent, device_row


@dataclass
class Roof:
    """What an `Agent` of the tests needs of a house, over the real wiring."""

    ground: Ground
    phones: Phones

    @property
    def commands(self) -> Any:
        return self.phones.commands

    @property
    def signer(self) -> Any:
        return self.phones.fleet.signer

    @property
    def clock(self) -> Any:
        return self.ground.clock

    def person(self, employee_id: str) -> Principal:
        roles = frozenset({Role.ADMINISTRATOR})
        grants = registry().grants_for(roles)
        return Principal(employee_id, None, "", roles, grants, "e" * 32, self.ground.clock.now())

    async def phone(self) -> Agent:
        key = Ed25519PrivateKey.generate()
        row = device_row(self.ground.vault, key, self.ground.clock.now())
        async with self.ground.database.begin() as session:
            session.add(row)
        return Agent(self, row.id, key)  # type: ignore[arg-type]

    async def order(self, phone: Agent, what: kinds.Order) -> str:
        new = NewCommand(phone.device_id, what)
        return (await self.phones.commands.service.issue(self.person("a" * 32), new)).id


@pytest.fixture
async def roof(database_url: str, tmp_path: Path, clock: ManualClock) -> AsyncIterator[Roof]:
    settings = Settings(data_dir=tmp_path / "data", database_url=SecretStr(database_url))
    settings.keyring_path.parent.mkdir(parents=True, mode=0o700)
    Keyring.generate().save(settings.keyring_path)
    async with open_ground(settings, clock) as ground:
        await ground.database.check()
        yield Roof(ground, build_phones(ground))


async def test_a_phone_that_was_wiped_is_no_longer_ours_and_leaves_nothing_behind(roof: Roof) -> None:
    phone = await roof.phone()
    connection = roof.phones.waking.hub.join(phone.device_id)
    wipe = await roof.order(phone, kinds.Wipe())
    await roof.phones.commands.service.approve(roof.person("b" * 32), wipe)
    await phone.fetch()
    await phone.carry_out(await phone.acknowledge())
    later = await roof.order(phone, kinds.LOCK)
    connection.take()
    await phone.report()
    async with roof.ground.database.read() as session:
        row = await session.get_one(DeviceRow, phone.device_id)
    assert (row.trust, row.end_reason) == (Trust.RELEASED, "wiped")
    assert connection.take() == (Look(Place.BYE),)
    detail = await roof.phones.commands.queries.one(roof.person("a" * 32), later)
    assert detail.command.state is CommandState.CANCELED


async def test_a_phone_that_did_not_give_up_ownership_stays(roof: Roof) -> None:
    phone = await roof.phone()
    command_id = await roof.order(phone, kinds.RELINQUISH_OWNERSHIP)
    await phone.fetch()
    await phone.acknowledge()
    await phone.report(command_id, error=kinds.ErrorCode.UNSUPPORTED)
    async with roof.ground.database.read() as session:
        assert (await session.get_one(DeviceRow, phone.device_id)).trust is Trust.TRUSTED
    again = await roof.order(phone, kinds.RELINQUISH_OWNERSHIP)
    await phone.fetch()
    await phone.acknowledge()
    await phone.report(again)
    async with roof.ground.database.read() as session:
        row = await session.get_one(DeviceRow, phone.device_id)
    assert (row.trust, row.end_reason) == (Trust.RELEASED, "relinquished")


async def test_phones_are_woken_for_their_policy(roof: Roof) -> None:
    phone = await roof.phone()
    connection = roof.phones.waking.hub.join(phone.device_id)
    async with roof.ground.database.begin() as session:
        await roof.ground.bus.publish(session, PolicyChanged(frozenset({phone.device_id})))
    assert connection.take() == (Look(Place.POLICY, 1),), "by the version that was made for it"
    async with roof.ground.database.begin() as session:
        await roof.ground.bus.publish(session, PolicyChanged(None))
    assert connection.take() == (), "nothing else is wanted of it"
    assert await roof.phones.waking.standing.looks(phone.device_id) == (Look(Place.POLICY, 1),)


async def test_a_phone_in_lost_mode_is_wanted_lost_until_it_left_the_mode(roof: Roof) -> None:
    phone = await roof.phone()

    async def wanted() -> DeviceState:
        async with roof.ground.database.read() as session:
            return (await session.get_one(DeviceRow, phone.device_id)).state

    lost = await roof.order(phone, kinds.StartLostMode())
    assert await wanted() is DeviceState.ACTIVE, "the order is not the phone's word"
    await phone.do_all()
    assert await wanted() is DeviceState.LOST
    await roof.order(phone, kinds.STOP_LOST_MODE)
    await phone.do_all()
    assert await wanted() is DeviceState.ACTIVE
    await phone.report(lost)
    assert await wanted() is DeviceState.ACTIVE, "a word told twice undoes nothing"


async def test_a_policy_for_all_sends_only_so_many_phones_on_their_way_at_a_time(
    roof: Roof, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(desired_module, "AT_ONCE", 1)
    pace = Pace(roof.ground.database, roof.clock, 2)
    phones = [await roof.phone() for _ in range(5)]
    connections = [roof.phones.waking.hub.join(phone.device_id) for phone in phones]

    def woken() -> int:
        return sum(connection.take() == (Look(Place.POLICY, 1),) for connection in connections)

    assert await pace.room() == 0, "nothing is marked"
    async with roof.ground.database.begin() as session:
        await session.execute(update(DeviceRow).values(compliance=ComplianceState.COMPLIANT))
        await roof.ground.bus.publish(session, PolicyChanged(None))
    assert (await pace.room(), woken()) == (2, 0), "marked; nobody is woken for what is not known yet"
    await roof.phones.fleet.desired.catch_up(limit=2)
    assert (await pace.room(), woken()) == (0, 2), "those two are under way"
    async with roof.ground.database.begin() as session:
        row = await session.get_one(DeviceRow, min(phone.device_id for phone in phones))
        row.compliance = ComplianceState.COMPLIANT
    assert await pace.room() == 1, "one has proved it"
    roof.clock.advance(PATIENCE)
    assert await pace.room() == 2, "a phone that sleeps is not waited for"
    await roof.phones.catch_up()
    assert woken() == 3, "the chore of the relay, with the room that the settings give"
    assert await roof.phones.waking.pace.room() == 0
