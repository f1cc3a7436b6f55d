"""Registering staff phones: where they are, how long, and who does not get in."""

from datetime import timedelta

import pytest

from core.access.model import Principal, Role
from core.access.models import EmployeeState
from core.errors import Forbidden
from gateway.calls.accounts import SipAccountService
from gateway.calls.errors import SipAccountNotFound, SipAccountTaken
from gateway.calls.gear import PhoneAddress
from gateway.calls.models import SipAccountRow
from gateway.switch import protocol as sip
from tests.component.gateway.calls.house import STAFF_HOST, House, Phone, Scene


async def where(scene: Scene, agent: Principal) -> PhoneAddress | None:
    return await scene.calls.registrar.locate(agent.employee_id)


async def test_register_find_expire_and_unregister(house: House, agent: Principal, phone: Phone) -> None:
    async with house.open() as scene:
        assert await where(scene, agent) is None
        assert await scene.register(phone, expires=100_000) == house.settings.sip.registration_max_s
        assert await scene.register(phone, expires=120) == 120
        assert await where(scene, agent) == PhoneAddress(phone.account.username, STAFF_HOST, 5062)
        assert await scene.register(phone, contact=None) == 120  # only asks
        house.clock.advance(timedelta(seconds=120))
        assert await where(scene, agent) is None
        await scene.calls.registrar.forget_expired()
        await scene.register(phone)
        assert await scene.register(phone, expires=0, contact="*") == 0
        assert await where(scene, agent) is None


async def test_a_phone_behind_nat_is_reached_at_its_source(
    house: House, agent: Principal, phone: Phone
) -> None:
    async with house.open() as scene:
        await scene.register(phone, contact="<sip:me@10.1.1.1:5060;ob>;expires=60")
        assert await where(scene, agent) == PhoneAddress("me", STAFF_HOST, 5062)


async def test_a_contact_that_cannot_be_read_is_400(house: House, phone: Phone) -> None:
    async with house.open() as scene:
        scene.register_once(phone, None)
        challenge = await scene.next(sip.Challenge)
        proof = phone.credentials(challenge, "REGISTER", "sip:maskline")
        scene.register_once(phone, proof, contact="mailto:me")
        assert (await scene.next(sip.RefuseRegister)).status == 400


async def test_nobody_registers_for_somebody_else(house: House, phone: Phone) -> None:
    other = await house.phone_of(await house.principal(Role.AGENT))
    async with house.open() as scene:
        scene.register_once(phone, None)
        challenge = await scene.next(sip.Challenge)
        proof = phone.credentials(challenge, "REGISTER", "sip:maskline")
        scene.register_once(phone, proof, user=other.account.username)
        assert (await scene.next(sip.RefuseRegister)).status == 403


async def test_guessing_is_stopped_and_the_right_password_waits_too(
    house: House, agent: Principal, phone: Phone
) -> None:
    async with house.open() as scene:
        for _ in range(10):
            scene.register_once(phone, None)
            challenge = await scene.next(sip.Challenge)
            guess = phone.credentials(challenge, "REGISTER", "sip:maskline", password="guess")
            scene.register_once(phone, guess)
            await scene.next(sip.Challenge)
        scene.register_once(phone, None)
        challenge = await scene.next(sip.Challenge)
        scene.register_once(phone, phone.credentials(challenge, "REGISTER", "sip:maskline"))
        assert (await scene.next(sip.RefuseRegister)).status == 403
        house.clock.advance(timedelta(seconds=301))
        phone.count = 0
        await scene.register(phone)
        assert await where(scene, agent) is not None


async def test_a_suspended_employee_cannot_register(house: House, agent: Principal, phone: Phone) -> None:
    await house.desk.set_state(agent.employee_id, EmployeeState.SUSPENDED)
    async with house.open() as scene:
        scene.register_once(phone, None)
        challenge = await scene.next(sip.Challenge)
        scene.register_once(phone, phone.credentials(challenge, "REGISTER", "sip:maskline"))
        assert (await scene.next(sip.RefuseRegister)).status == 403


async def test_rotating_locks_the_old_password_out_and_forgets_the_phone(
    house: House, agent: Principal, phone: Phone
) -> None:
    admin = await house.principal(Role.ADMINISTRATOR)
    async with house.open() as scene:
        await scene.register(phone)
        fresh = await scene.calls.accounts.rotate(admin, agent.employee_id)
        assert fresh.password != phone.account.password
        assert fresh.username == phone.account.username
        assert await where(scene, agent) is None
        scene.register_once(phone, None)
        challenge = await scene.next(sip.Challenge)
        scene.register_once(phone, phone.credentials(challenge, "REGISTER", "sip:maskline"))
        await scene.next(sip.Challenge)
        await scene.register(Phone(fresh))
        assert await where(scene, agent) is not None


async def test_accounts_are_the_administrators_and_the_password_is_nowhere(
    house: House, agent: Principal, phone: Phone
) -> None:
    service: SipAccountService = house.accounts()
    admin = await house.principal(Role.ADMINISTRATOR)
    with pytest.raises(Forbidden):
        await service.create(agent, agent.employee_id)
    with pytest.raises(SipAccountTaken):
        await service.create(admin, agent.employee_id)
    with pytest.raises(SipAccountNotFound):
        await service.rotate(admin, admin.employee_id)
    with pytest.raises(SipAccountNotFound):
        await service.view(await house.principal(Role.AGENT), agent.employee_id)
    seen = await service.view(agent, agent.employee_id)
    assert seen.username == phone.account.username
    assert phone.account.password not in repr(phone.account)
    async with house.database.read() as session:
        row = await session.get(SipAccountRow, (await session.scalar(SipAccountRow.__table__.select())))
    assert row is not None
    assert phone.account.password.encode() not in row.ha1_md5.raw + row.ha1_sha256.raw
    assert [entry.kind for entry in await house.entries("sip-account.created")] == ["sip-account.created"]


async def test_an_algorithm_that_was_not_asked_for_does_not_count(house: House) -> None:
    """A phone cannot choose another digest than the deployment allows."""
    phone = await house.phone_of(await house.principal(Role.AGENT))
    md5_only = house.settings.sip.model_copy(update={"digest_algorithms": ("MD5",)})
    house.settings = house.settings.model_copy(update={"sip": md5_only})
    async with house.open() as scene:
        scene.register_once(phone, None)
        challenge = await scene.next(sip.Challenge)
        assert challenge.algorithms == ("MD5",)
        scene.register_once(phone, phone.credentials(challenge, "REGISTER", "sip:maskline"))  # SHA-256
        await scene.next(sip.Challenge)
