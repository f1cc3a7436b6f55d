"""The calls process after the click: the next INVITE and REGISTER are refused, the live call is over."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from core.clock import ManualClock
from core.db import Database
from gateway.calls.client import CallsClient
from gateway.calls.control import SECRET_NAME, SOCKET_NAME
from gateway.calls.presence import Presence
from gateway.numbers.model import BindingView
from gateway.offboarding.model import StepKind, StepState
from gateway.switch import protocol as sip
from tests.component.gateway.calls.house import LINE, TRUNK_HOST, House, Phone, house_at
from tests.support.leaving import ONE_ENGINE, LeavingDesk


@pytest.fixture
async def house(
    database: Database, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[House]:
    """Without the look of every second: what is proved here comes of the click alone."""

    async def never(presence: Presence) -> None:
        del presence

    monkeypatch.setattr(Presence, "run", never)
    async with house_at(database, clock) as house:
        yield house


@pytest.fixture
async def desk(house: House, tmp_path: Path) -> AsyncIterator[LeavingDesk]:
    desk = LeavingDesk(house.database, house.clock, tmp_path, desk=house.desk)
    await desk.set_up()
    secret = house.desk.vault.secret(SECRET_NAME).reveal_text()
    async with CallsClient(house.settings.run_dir / SOCKET_NAME, secret) as client:
        desk.calls = client  # type: ignore[assignment]
        desk.parts = desk.build()
        yield desk
        await desk.close()


@pytest.fixture
async def binding(desk: LeavingDesk) -> BindingView:
    return await desk.bound(8000)


@pytest.fixture
async def phone(house: House, desk: LeavingDesk) -> Phone:
    return await house.phone_of(desk.leaver)


async def test_the_live_call_ends_and_the_next_ones_are_refused(
    house: House, desk: LeavingDesk, binding: BindingView, phone: Phone
) -> None:
    async with house.open() as scene:
        assert await scene.register(phone) > 0
        await scene.connect(phone, binding.token)
        await scene.bridged()
        act = await desk.unbind()
        record = await scene.closed()
        assert (record.ended_by, record.cause) == ("rule", "killed")
        assert {(await scene.next(sip.Hangup)).leg for _ in range(2)}
        await desk.due(act.id)
        assert (await desk.step(act.id, StepKind.CALLS)).state is StepState.DONE
        await scene.dial(phone, binding.token)
        assert (await scene.next(sip.Refuse)).status == 403
        scene.register_once(phone, None)
        challenge = await scene.next(sip.Challenge)
        scene.register_once(phone, phone.credentials(challenge, "REGISTER", "sip:maskline"))
        assert (await scene.next(sip.RefuseRegister)).status == 403


async def test_the_customer_who_calls_the_line_reaches_the_successor(
    house: House, desk: LeavingDesk, binding: BindingView, phone: Phone
) -> None:
    other = await house.phone_of(desk.successor)
    async with house.open() as scene:
        await scene.register(phone)
        await scene.register(other)
        await desk.unbind()
        scene.invite(LINE, source=TRUNK_HOST, from_user="13800138000")
        originate = await scene.next(sip.Originate)
        assert other.account.username in originate.uri.get_secret_value()


@ONE_ENGINE
async def test_a_calls_process_that_is_not_there_is_said_and_asked_again(
    house: House, desk: LeavingDesk, binding: BindingView, phone: Phone
) -> None:
    await desk.open_call(binding)
    act = await desk.unbind()
    step = await desk.step(act.id, StepKind.CALLS)
    assert (step.state, step.reason) == (StepState.RETRYING, "calls-unavailable")
