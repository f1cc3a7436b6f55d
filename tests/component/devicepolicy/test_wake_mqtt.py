"""Waking over a real Mosquitto: nobody but us says anything, each phone hears its own, the first word is not lost."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiomqtt
import pytest

from core.clock import ManualClock
from core.db import Database
from core.tasks import cancel, spawn
from devicepolicy.commands import kinds
from devicepolicy.commands.model import NewCommand
from devicepolicy.wake.client import connect
from devicepolicy.wake.dynsec import MosquittoDoor
from devicepolicy.wake.errors import BrokerRefused
from devicepolicy.wake.look import Place
from devicepolicy.wake.mqtt import MqttWaker
from devicepolicy.wake.ports import BrokerAccount
from devicepolicy.wake.topics import Topics
from tests.support.commanding import Agent, CommandHouse
from tests.support.mosquitto import Mosquitto, MosquittoMissing
from tests.support.system import until

TOPICS = Topics("maskline")
REFUSED = 128


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    try:
        broker = Mosquitto(tmp_path)
    except MosquittoMissing as missing:
        pytest.skip(str(missing))
    broker.start()
    yield broker
    broker.stop()


@pytest.fixture
async def database(sqlite_url: str) -> AsyncIterator[Database]:
    """The log of wakes is the same on both databases, and tested there; here one is enough."""
    database = Database(sqlite_url)
    await database.check()
    yield database
    await database.close()


@pytest.fixture
def house(database: Database, clock: ManualClock) -> CommandHouse:
    return CommandHouse(database, clock)


@pytest.fixture
def door(broker: Mosquitto, house: CommandHouse) -> MosquittoDoor:
    return MosquittoDoor(broker.settings, house.vault)


@pytest.fixture
async def waker(broker: Mosquitto, house: CommandHouse, door: MosquittoDoor) -> AsyncIterator[MqttWaker]:
    waker = MqttWaker(house.database, broker.settings, door, poll_s=0.02)
    running = spawn(waker.run(), name="mqtt waker")
    yield waker
    await cancel(running)


@asynccontextmanager
async def subscribed(
    broker: Mosquitto, account: BrokerAccount, *topics: str
) -> AsyncIterator[aiomqtt.Client]:
    client = connect(broker.settings, account.username, account.password.reveal_text(), account.username)
    async with client:
        for topic in topics or account.topics:
            await client.subscribe(topic, qos=1)
        yield client


async def heard(client: aiomqtt.Client) -> tuple[str, dict[str, object]]:
    async with asyncio.timeout(20):
        async for message in client.messages:
            return str(message.topic), json.loads(bytes(message.payload))
    raise AssertionError


async def lock(house: CommandHouse, phone: Agent) -> None:
    await house.commands.service.issue(house.admin, NewCommand(phone.device_id, kinds.LOCK))


async def test_headwind_5_27_the_first_word_to_a_new_phone_is_not_lost(
    broker: Mosquitto, house: CommandHouse, door: MosquittoDoor, waker: MqttWaker
) -> None:
    """Headwind 5.27: the first message to a new device was lost. This one was said before it ever came."""
    phone, marker = await house.phone(), await house.phone()
    await lock(house, phone)
    await lock(house, marker)
    async with subscribed(broker, await door.admit(marker.device_id)) as client:
        await heard(client)  # so the word to the phone, said before, is at the broker by now
    async with subscribed(broker, await door.admit(phone.device_id)) as client:
        expected = TOPICS.phone(phone.device_id, Place.COMMANDS), {"look": "commands", "version": 1}
        assert await heard(client) == expected
        await lock(house, phone)
        assert (await heard(client))[1] == {"look": "commands", "version": 2}
    async with subscribed(broker, await door.admit(phone.device_id)) as client:
        assert (await heard(client))[1] == {"look": "commands", "version": 2}, "what it missed, the newest"


async def test_one_word_reaches_all(
    broker: Mosquitto, house: CommandHouse, door: MosquittoDoor, waker: MqttWaker
) -> None:
    phones = [await door.admit((await house.phone()).device_id) for _ in range(3)]
    async with house.database.begin() as session:
        await house.wakes.look_for_policy(session, None, 4)
    for account in phones:
        async with subscribed(broker, account) as client:
            assert await heard(client) == (TOPICS.all(Place.POLICY), {"look": "policy", "version": 4})


async def test_headwind_5_27_no_phone_can_speak_or_hear_what_is_not_its_own(
    broker: Mosquitto, house: CommandHouse, door: MosquittoDoor, waker: MqttWaker
) -> None:
    """Headwind 5.27: any MQTT user could push to any device."""
    mine, other = await house.phone(), await house.phone()
    account, victim = await door.admit(mine.device_id), await door.admit(other.device_id)
    async with subscribed(broker, victim) as listening, subscribed(broker, account) as client:
        forbidden = [
            TOPICS.phone(other.device_id, Place.COMMANDS),
            f"maskline/phones/+/{Place.COMMANDS.value}",
            "maskline/#",
            "#",
            "$SYS/#",
            "$CONTROL/dynamic-security/v1/response",
        ]
        for topic in forbidden:
            (granted,) = await client.subscribe(topic, qos=1)
            assert getattr(granted, "value", granted) == REFUSED, topic
        forged = json.dumps({"look": "commands", "version": 666})
        for topic in (victim.topics[0], account.topics[0], TOPICS.all(Place.POLICY)):
            await client.publish(topic, forged, qos=1, retain=True)
        evil = {"commands": [{"command": "createClient", "username": "evil", "password": "evil"}]}
        await client.publish("$CONTROL/dynamic-security/v1", json.dumps(evil), qos=1)
        await lock(house, other)
        assert (await heard(listening))[1] == {"look": "commands", "version": 1}
        await lock(house, mine)
        assert (await heard(client))[1] == {"look": "commands", "version": 1}
    await refused(broker, "evil", "evil", "evil")


async def refused(broker: Mosquitto, username: str | None, password: str | None, client_id: str) -> None:
    client = connect(broker.settings, username or "", password or "", client_id)
    with pytest.raises(aiomqtt.MqttError):
        async with client:
            raise AssertionError("it was let in")


async def test_only_who_has_an_account_of_its_own_gets_in(
    broker: Mosquitto, house: CommandHouse, door: MosquittoDoor
) -> None:
    first, second = (await house.phone()).device_id, (await house.phone()).device_id
    account, other = await door.admit(first), await door.admit(second)
    assert account.password != other.password
    assert (await door.admit(first)).password == account.password
    await refused(broker, None, None, "nobody")
    await refused(broker, first, other.password.reveal_text(), first)
    await refused(broker, first, account.password.reveal_text(), second)
    await refused(broker, first, "", first)
    assert account.password.reveal_text() not in repr(account)


async def test_a_dismissed_phone_is_cut_and_nothing_is_kept_for_it(
    broker: Mosquitto, house: CommandHouse, door: MosquittoDoor, waker: MqttWaker
) -> None:
    phone = await house.phone()
    account = await door.admit(phone.device_id)
    await lock(house, phone)
    async with subscribed(broker, account) as client:
        await heard(client)
        async with house.database.begin() as session:
            await house.wakes.say_bye(session, phone.device_id)
        with pytest.raises(aiomqtt.MqttError):
            await heard(client)
    await refused(broker, phone.device_id, account.password.reveal_text(), phone.device_id)
    # The same name let in again finds nothing of before: what it hears first is new.
    await lock(house, other := await house.phone())
    async with subscribed(broker, await door.admit(other.device_id)) as client:
        await heard(client)
    async with subscribed(broker, await door.admit(phone.device_id)) as client:
        await lock(house, phone)
        assert (await heard(client))[1] == {"look": "commands", "version": 2}


async def test_a_broker_that_was_away_is_told_everything_when_it_is_back(
    broker: Mosquitto, house: CommandHouse, door: MosquittoDoor, waker: MqttWaker
) -> None:
    phone = await house.phone()
    account = await door.admit(phone.device_id)
    await lock(house, phone)
    async with subscribed(broker, account) as client:
        await heard(client)
    await asyncio.to_thread(broker.stop)
    await lock(house, phone)
    with pytest.raises(BrokerRefused):
        await door.admit(phone.device_id)
    await asyncio.to_thread(broker.start)
    async with subscribed(broker, account) as client:
        while (await heard(client))[1] != {"look": "commands", "version": 2}:
            pass


async def test_a_publisher_with_nothing_to_say_knows_that_the_broker_is_away_and_comes_back_by_itself(
    broker: Mosquitto, waker: MqttWaker
) -> None:
    await until(lambda: waker.connected, what="the publisher is connected")
    await asyncio.to_thread(broker.stop)
    await until(lambda: not waker.connected, what="the publisher knows that the broker is away")
    await asyncio.to_thread(broker.start)
    await until(lambda: waker.connected, what="the publisher is connected")


async def test_a_publisher_that_was_killed_goes_on_where_it_was(
    broker: Mosquitto, house: CommandHouse, door: MosquittoDoor
) -> None:
    phone = await house.phone()
    await lock(house, phone)
    for version in (1, 2):
        waker = MqttWaker(house.database, broker.settings, door, poll_s=0.02)
        running = spawn(waker.run(), name="mqtt waker")
        async with subscribed(broker, await door.admit(phone.device_id)) as client:
            while (await heard(client))[1] != {"look": "commands", "version": version}:
                pass
        await cancel(running)
        await lock(house, phone)
