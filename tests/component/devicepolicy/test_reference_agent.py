"""The reference agent against the real services over loopback: the whole protocol, and each fault."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import aiohttp
import pytest

from core.clock import ManualClock
from core.config import Settings
from core.db import Database
from devicepolicy.agent.agent import BUNDLE, Invitation, NotAgreed, ServerNotTrusted, run
from devicepolicy.agent.backoff import Backoff
from devicepolicy.agent.client import Problem
from devicepolicy.agent.faults import POINTS, Faults, NetworkLost
from devicepolicy.agent.settings import Facts
from devicepolicy.agent.wake import stay_awake
from devicepolicy.commands import kinds
from devicepolicy.commands.model import NewCommand
from devicepolicy.devices.model import ComplianceState, DeviceState, Trust
from tests.support.agents import Handset, Site, open_site, yes
from tests.support.mosquitto import Mosquitto, MosquittoMissing

STRICT = {
    "cameraAccess": "CAMERA_ACCESS_DISABLED",
    "screenCaptureDisabled": True,
    "applications": [
        {"packageName": "com.tencent.mm", "installType": "FORCE_INSTALLED", "minimumVersionCode": 2}
    ],
    "maskline": {"numberHiding": "NUMBER_HIDING_FULL", "offlineLock": {"lockAfterHours": 24}},
}


@pytest.fixture
async def site(sqlite_url: str, clock: ManualClock, settings: Settings) -> AsyncIterator[Site]:
    """On SQLite alone: the services have tests of their own on both engines."""
    database = Database(sqlite_url)
    async with open_site(database, clock, settings) as site:
        yield site
    await database.close()


async def compliance(handset: Handset) -> ComplianceState:
    return (await handset.site.house.row(handset.device_id)).compliance


async def test_a_phone_comes_in_waits_and_is_compliant_by_its_own_proof(site: Site) -> None:
    house = site.house
    await house.policy(STRICT)
    handset = await site.handset(approves=False)
    assert await handset.round() == "waiting"
    await house.fleet.enrolment.approve(house.admin, handset.device_id)
    assert await handset.round() == "ok"
    row = await house.row(handset.device_id)
    assert (row.trust, row.compliance, row.applied_version) == (Trust.TRUSTED, ComplianceState.COMPLIANT, 1)
    assert handset.phone.value("applications[com.tencent.mm].minimumVersionCode") == 2
    assert handset.agent.memory.compliance == "COMPLIANT"
    await house.policy({"bluetoothDisabled": True})
    assert await handset.round() == "ok"
    assert handset.phone.names() == {"bluetoothDisabled"}, "what is not wanted any more is lifted"
    assert await compliance(handset) is ComplianceState.COMPLIANT


async def test_terms_come_first_and_the_servers_key_is_that_of_the_code(site: Site) -> None:
    handset = await site.handset(enrol=False)
    with pytest.raises(NotAgreed):
        await handset.agent.enrol(Invitation.read(handset.invitation), lambda _: None)
    assert handset.agent.memory.seed == "", "no key was made, nothing was sent"
    other = json.loads(handset.invitation)
    other[BUNDLE]["maskline.key"] = "A6EHv_POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg"
    with pytest.raises(ServerNotTrusted):
        await handset.agent.enrol(Invitation.read(json.dumps(other)), yes)
    assert await handset.enrol() == "TRUSTED"
    await handset.round()
    await handset.agent.withdraw()
    before = handset.agent.memory.report_seq
    assert await handset.round(report=True) == "consent"
    assert handset.agent.memory.report_seq == before, "nothing is collected without consent"
    assert await handset.agent.agree(yes)
    await handset.round(report=True)
    assert handset.agent.memory.report_seq == before + 1


async def test_a_lost_answer_to_enrolment_is_asked_again_with_the_same_key(site: Site) -> None:
    handset = await site.handset(enrol=False)
    handset.faults.drops = [None, None, "answer"]
    with pytest.raises(NetworkLost):
        await handset.enrol()
    handset.start()
    assert await handset.enrol() == "TRUSTED"
    assert await handset.round() == "ok"


async def test_what_it_cannot_do_is_expected_and_what_it_will_not_do_is_not(site: Site) -> None:
    await site.house.policy({"assistContentPolicy": "ASSIST_CONTENT_DISALLOWED", **STRICT})
    old = await site.handset(facts=Facts(api_level=30))
    await old.round()
    assert old.agent.memory.reasons == {"assistContentPolicy": "API_LEVEL"}
    assert await compliance(old) is ComplianceState.COMPLIANT
    stubborn = await site.handset(hardware="SIM-2", faults=Faults(refuse={"cameraAccess": "USER_ACTION"}))
    await stubborn.round()
    row = await site.house.row(stubborn.device_id)
    assert row.compliance is ComplianceState.NOT_COMPLIANT
    assert row.settings["settings"]["cameraAccess"]["reason"] == "USER_ACTION"
    stubborn.faults.refuse.clear()
    await stubborn.round()
    assert await compliance(stubborn) is ComplianceState.COMPLIANT


async def test_a_late_setting_is_pending_and_a_lie_is_seen(site: Site) -> None:
    handset = await site.handset(faults=Faults(late={"screenCaptureDisabled": 2}))
    await handset.round()
    assert await compliance(handset) is ComplianceState.PENDING
    for _ in range(2):
        await handset.round()
    assert await compliance(handset) is ComplianceState.COMPLIANT
    handset.faults.lie = {"cameraAccess"}
    await site.house.policy({"cameraAccess": "CAMERA_ACCESS_ENFORCED"})
    assert await handset.round() == "ok"
    row = await site.house.row(handset.device_id)
    assert row.compliance is ComplianceState.NOT_COMPLIANT
    assert row.settings["settings"]["cameraAccess"]["reason"] == "VALUE_DIFFERS"


async def test_a_wrong_clock_is_set_by_the_servers(site: Site) -> None:
    handset = await site.handset(faults=Faults(clock_s=-86_400))
    assert await handset.round() == "ok"
    handset.faults.clock_s = 86_400 * 30
    await site.order(handset)
    assert await handset.round() == "ok"
    assert handset.phone.body.locked
    assert abs(handset.agent.memory.offset_s + handset.faults.clock_s) < 1


async def test_every_order_is_carried_out_once_and_told(site: Site) -> None:
    handset = await site.handset()
    await handset.round()
    orders = [
        kinds.LOCK,
        kinds.Plain(kinds.CommandKind.UNLOCK),
        kinds.REBOOT,
        kinds.ResetPassword('pass 密码 \n"', frozenset({kinds.PasswordFlag.LOCK_NOW})),
        kinds.ClearAppData(("com.tencent.mm",)),
        kinds.StartLostMode(message=kinds.Message("call us")),
        kinds.STOP_LOST_MODE,
        kinds.RequestDeviceInfo(kinds.DeviceInfo.EID),
    ]
    views = [await site.order(handset, order) for order in orders]
    assert await handset.round() == "ok"
    after = [await site.command(view.id) for view in views]
    assert {view.state.value for view in after} == {"SUCCEEDED"}
    assert handset.phone.body.effects == {view.id: 1 for view in views}
    assert "密码" not in json.dumps(handset.disk.read("agent"), ensure_ascii=False), "the password is gone"
    assert (handset.phone.body.locked, handset.phone.body.boots, handset.phone.body.lost) == (True, 1, False)


@pytest.mark.parametrize("point", [*POINTS, "request", "answer"])
async def test_power_or_network_lost_anywhere_loses_and_doubles_nothing(site: Site, point: str) -> None:
    handset = await site.handset()
    await handset.round()
    await site.house.policy(STRICT)
    views = [await site.order(handset, order) for order in (kinds.REBOOT, kinds.LOCK)]
    if point in POINTS:
        handset.faults.power = point
    for number in range(12):
        if point not in POINTS and number < 6:
            handset.faults.drops = [None] * number + [point]
        await handset.round()
    assert handset.faults.power is None
    assert handset.power_cuts == (point in POINTS)
    assert handset.phone.body.effects == {view.id: 1 for view in views}
    assert [(await site.command(view.id)).state.value for view in views] == ["SUCCEEDED"] * 2
    assert handset.phone.body.boots == 1
    assert await compliance(handset) is ComplianceState.COMPLIANT


@pytest.mark.parametrize("point", ["begun", "done", None])
async def test_wipe_needs_two_persons_is_told_before_and_ends_the_phone(
    site: Site, point: str | None
) -> None:
    house = site.house
    handset = await site.handset()
    await handset.round()
    view = await site.order(handset, kinds.Wipe())
    await handset.round()
    assert not handset.phone.body.wiped, "one person is not enough"
    await site.commands.service.approve(site.second, view.id)
    handset.faults.power = point
    while await handset.round() != "ended":
        pass
    assert handset.phone.body.wiped
    assert (await site.command(view.id)).state.value == "SUCCEEDED"
    row = await house.row(handset.device_id)
    assert (row.trust, row.end_reason) == (Trust.RELEASED, "wiped")
    assert handset.disk.read("agent") is None


async def test_a_released_phone_lifts_everything_and_may_come_in_anew(site: Site) -> None:
    house = site.house
    handset = await site.handset()
    await handset.round()
    await house.fleet.enrolment.release(house.admin, handset.device_id)
    assert await handset.round() == "ended"
    assert handset.phone.names() == frozenset()
    again = await site.handset()
    assert again.device_id != handset.device_id
    assert await again.round() == "ok"


async def test_an_expired_command_is_not_carried_out(site: Site) -> None:
    handset = await site.handset()
    await handset.round()
    view = await site.commands.service.issue(
        site.house.admin, NewCommand(handset.device_id, kinds.REBOOT, validity_s=60)
    )
    handset.faults.power = "kept"
    await handset.round()
    site.house.clock.advance(timedelta(seconds=61))
    await site.commands.sweep()
    await handset.round()
    assert handset.phone.body.boots == 0
    assert (await site.command(view.id)).state.value == "EXPIRED"


async def test_a_silent_phone_locks_itself_and_is_free_again(site: Site) -> None:
    await site.house.policy(STRICT)
    handset = await site.handset()
    await handset.round()
    site.house.clock.advance(timedelta(hours=25))
    handset.faults.drops = ["request"]
    assert await handset.round() == "offline"
    assert handset.phone.body.silent_lock
    assert await handset.round() == "ok"
    assert not handset.phone.body.silent_lock


async def test_a_frozen_phone_says_that_it_is(site: Site) -> None:
    handset = await site.handset()
    await handset.round()
    async with site.house.database.begin() as session:
        await site.house.fleet.desired.set_state(session, handset.device_id, DeviceState.DISABLED, by=None)
    await handset.round()
    row = await site.house.row(handset.device_id)
    assert (row.applied_state, row.compliance) == (DeviceState.DISABLED, ComplianceState.COMPLIANT)


@pytest.mark.parametrize("way", ["websocket", "poll"])
async def test_a_connected_phone_obeys_at_once_and_ends_when_it_is_let_go(site: Site, way: str) -> None:
    handset = await site.handset()
    rounds: asyncio.Queue[str] = asyncio.Queue()

    async def wake(agent, rung) -> None:
        await stay_awake(agent, rung, way)

    async with asyncio.timeout(20), asyncio.TaskGroup() as group:
        group.create_task(run(handset.agent, wake, said=rounds.put_nowait, every_s=60))
        assert await rounds.get() == "ok"
        while handset.device_id not in site.waking.hub:  # noqa: ASYNC110 - the hub has no event for its tests
            await asyncio.sleep(0.01)
        await site.order(handset)
        while not handset.phone.body.locked:
            assert await rounds.get() == "ok"
        await site.house.fleet.enrolment.release(site.house.admin, handset.device_id)
        while await rounds.get() != "ended":
            pass


async def test_websocket_that_is_closed_to_us_gives_way_to_polling(site: Site, monkeypatch) -> None:
    handset = await site.handset()

    async def closed(*args: object, **more: object) -> None:
        raise aiohttp.ClientConnectionError

    monkeypatch.setattr("devicepolicy.agent.wake._by_websocket", closed)
    await site.order(handset)
    rung = asyncio.Event()
    async with asyncio.timeout(10):
        task = asyncio.ensure_future(stay_awake(handset.agent, rung, backoff=Backoff(0.01, 0.01)))
        await rung.wait()
        task.cancel()


async def test_one_phone_is_not_another(site: Site) -> None:
    one, other = await site.handset(), await site.handset(hardware="SIM-2")
    other.agent.memory.device_id = one.device_id
    with pytest.raises(Problem) as refused:
        await other.agent.client.ask("GET", "/desired")
    assert refused.value.code == "signature-forged"


async def test_a_phone_is_woken_by_mqtt(
    sqlite_url: str, clock: ManualClock, settings: Settings, tmp_path: Path
) -> None:
    try:
        broker = Mosquitto(tmp_path)
    except MosquittoMissing as missing:
        pytest.skip(str(missing))
    broker.start()
    phones = settings.phones.model_copy(update={"mqtt": broker.settings})
    database = Database(sqlite_url)
    try:
        async with open_site(database, clock, settings.model_copy(update={"phones": phones})) as site:
            assert site.waking.mqtt is not None
            publishing = asyncio.ensure_future(site.waking.mqtt.run())
            handset = await site.handset()
            assert await handset.round() == "ok"
            rung = asyncio.Event()
            waiting = asyncio.ensure_future(stay_awake(handset.agent, rung, "mqtt"))
            async with asyncio.timeout(20):
                await rung.wait()  # subscribed
                rung.clear()
                await site.order(handset)
                while not handset.phone.body.locked:
                    await rung.wait()
                    rung.clear()
                    await handset.round()
            for task in (waiting, publishing):
                task.cancel()
            await asyncio.wait([waiting, publishing])
    finally:
        await database.close()
        broker.stop()
