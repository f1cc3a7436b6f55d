"""A phone's whole life against the real web process over loopback: comes in, obeys, is wiped and gone."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager

import aiohttp
import pytest

from core.access.model import Principal, Role
from core.ids import new_id
from devicepolicy.agent.agent import BUNDLE, Agent, Invitation, run
from devicepolicy.agent.phone import SimulatedPhone
from devicepolicy.agent.store import FileStore
from devicepolicy.agent.wake import stay_awake
from devicepolicy.commands.kinds import LOCK, Wipe
from devicepolicy.commands.model import NewCommand
from devicepolicy.devices.model import Trust
from devicepolicy.devices.models import DeviceRow
from devicepolicy.enrolment.model import NewToken
from maskline.ground import Ground
from maskline.permissions import registry
from maskline.wiring.phones import Phones, build_phones
from tests.support.system import HOST, System, running


@pytest.fixture(scope="module")
def web() -> Iterator[System]:
    with running("web") as system:
        yield system


def administrator(ground: Ground) -> Principal:
    roles = [Role.ADMINISTRATOR]
    grants = registry().grants_for(roles)
    return Principal(new_id(), None, "", frozenset(roles), grants, new_id(), ground.clock.now())


async def until(check: Callable[[], object], what: str, rounds: asyncio.Queue[str]) -> None:
    """Wait, round by round of the phone, for something to be true of it."""
    try:
        async with asyncio.timeout(60):
            while not check():
                await rounds.get()
    except TimeoutError:
        raise AssertionError(f"never: {what}") from None


@asynccontextmanager
async def living(agent: Agent) -> AsyncIterator[asyncio.Queue[str]]:
    """Let an agent run; gives how its rounds went."""
    rounds: asyncio.Queue[str] = asyncio.Queue()
    task = asyncio.ensure_future(run(agent, stay_awake, said=rounds.put_nowait, every_s=1.0))
    try:
        yield rounds
    finally:
        task.cancel()
        await asyncio.wait([task])


async def enrol(phones: Phones, admin: Principal, system: System, agent: Agent) -> None:
    issued = await phones.fleet.tokens.issue(admin, NewToken("phone"))
    told = json.loads(issued.text)
    told[BUNDLE]["maskline.server"] = f"http://{HOST}:{system.settings.web.port}"
    assert await agent.enrol(Invitation.read(json.dumps(told)), lambda _: "zh") == "PENDING"


async def test_from_the_code_to_the_wipe(web: System, tmp_path) -> None:
    async with web.ground() as ground, aiohttp.ClientSession() as http:
        phones = build_phones(ground)
        admin, other = administrator(ground), administrator(ground)
        disk = FileStore(tmp_path / "phone")
        phone = SimulatedPhone(disk)
        agent = Agent(disk, phone, http)
        await enrol(phones, admin, web, agent)
        device_id = agent.memory.device_id

        async def row() -> DeviceRow:
            async with ground.database.read() as session:
                return await session.get_one(DeviceRow, device_id)

        async with living(agent) as rounds:
            assert await rounds.get() == "waiting"
            await phones.fleet.enrolment.approve(admin, device_id)
            await until(lambda: agent.memory.compliance == "COMPLIANT", "compliance by proof", rounds)
            assert (await row()).applied_version == agent.memory.applied_version == 1
            await phones.commands.service.issue(admin, NewCommand(device_id, LOCK))
            await until(lambda: phone.body.locked, "locked", rounds)
            wipe = await phones.commands.service.issue(admin, NewCommand(device_id, Wipe()))
            await phones.commands.service.approve(other, wipe.id)
            await until(lambda: phone.body.wiped, "wiped", rounds)
        detail = await phones.commands.queries.one(admin, wipe.id)
        assert detail.command.state.value == "SUCCEEDED"
        assert (await row()).trust is Trust.RELEASED
