"""One suite for every `SwitchLink`: the socket server with a real peer, and the twin in memory."""

import asyncio
import contextlib
import stat
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from gateway.switch import protocol as p
from gateway.switch.errors import SwitchSocketInUse, SwitchSocketPathInvalid, SwitchUnavailable
from gateway.switch.link import LinkDown, LinkUp
from gateway.switch.memory import InMemorySwitch
from gateway.switch.server import LinkServer


class Memory:
    """The far end of the twin."""

    def __init__(self) -> None:
        self.link = InMemorySwitch()

    async def up(self, node: str) -> None:
        self.link.connect(node)

    async def down(self, node: str) -> None:
        self.link.disconnect(node)

    async def say(self, node: str, event: p.SwitchEvent) -> None:
        self.link.emit(event, node=node)

    async def hear(self, node: str) -> p.SwitchCommand:
        return await self.link.next(object)

    async def stop(self) -> None:
        pass


class Socket:
    """The far end of the server: a client that speaks the protocol."""

    def __init__(self, folder: Path, **options: float) -> None:
        self.path = folder / "run" / "switch.sock"
        self.link = LinkServer(self.path, **({"ping_interval_s": 60.0} | options))
        self.peers: dict[str, tuple[asyncio.StreamReader, asyncio.StreamWriter]] = {}

    async def up(self, node: str) -> None:
        self.peers[node] = await asyncio.open_unix_connection(self.path)
        await self.say(node, p.Hello(node=node, sip_host="127.0.0.1", sip_port=5070))

    async def down(self, node: str) -> None:
        _, writer = self.peers.pop(node)
        writer.close()
        await writer.wait_closed()

    async def say(self, node: str, event: p.SwitchEvent) -> None:
        await self.raw(node, p.encode(event))

    async def raw(self, node: str, data: bytes) -> None:
        self.peers[node][1].write(data)
        await self.peers[node][1].drain()

    async def hear(self, node: str) -> p.SwitchCommand:
        while True:
            command = p.decode_command(await self.peers[node][0].readline())
            if not isinstance(command, p.Ping):
                return command

    async def stop(self) -> None:
        for node in list(self.peers):
            await self.down(node)


@pytest.fixture(params=["memory", "socket"])
async def far(request, tmp_path) -> AsyncIterator[Memory | Socket]:
    end = Memory() if request.param == "memory" else Socket(tmp_path)
    if isinstance(end, Socket):
        await end.link.start()
    yield end
    await end.stop()
    await end.link.close()


@pytest.fixture
async def server(tmp_path) -> AsyncIterator[Socket]:
    end = Socket(tmp_path, silence_s=0.2)
    await end.link.start()
    yield end
    await end.stop()
    await end.link.close()


def incoming(leg: str) -> p.Incoming:
    return p.Incoming(
        leg=leg, from_user=SecretStr("1"), to_user=SecretStr("2"), source_host="h", source_port=1, sdp="v=0"
    )


def originate(leg: str) -> p.Originate:
    return p.Originate(
        leg=leg,
        uri=SecretStr("sip:1@h"),
        from_user=SecretStr("2"),
        sdp="",
        ring_timeout_s=1,
        max_duration_s=1,
    )


async def take(events, kind):
    async with asyncio.timeout(60):
        event = await anext(events)
    assert isinstance(event, kind), event
    return event


async def test_without_a_switch_nothing_can_be_sent(far):
    assert not far.link.connected
    for command in (originate("a"), p.Hangup(leg="a")):
        with pytest.raises(SwitchUnavailable):
            far.link.send(command)


async def test_events_come_in_order_and_commands_go(far):
    events = far.link.events()
    await far.up("one")
    assert (await take(events, LinkUp)).hello.sip_port == 5070
    assert far.link.connected
    await far.say("one", incoming("a"))
    await far.say("one", incoming("b"))
    await far.say("one", p.Cancelled(leg="a"))
    assert (await take(events, p.Incoming)).leg == "a"
    assert (await take(events, p.Incoming)).leg == "b"
    assert (await take(events, p.Cancelled)).leg == "a"
    far.link.send(p.Ring(leg="b"))
    assert await far.hear("one") == p.Ring(leg="b")


async def test_a_leg_that_is_over_takes_no_command(far):
    events = far.link.events()
    await far.up("one")
    await take(events, LinkUp)
    await far.say("one", incoming("a"))
    await far.say("one", p.Cancelled(leg="a"))
    await take(events, p.Incoming)
    await take(events, p.Cancelled)
    with pytest.raises(SwitchUnavailable):
        far.link.send(p.Answer(leg="a", sdp=""))
    far.link.send(originate("o"))
    far.link.send(p.Hangup(leg="o"))
    with pytest.raises(SwitchUnavailable):
        far.link.send(p.Hangup(leg="o"))


async def test_a_switch_that_goes_takes_its_legs_with_it(far):
    events = far.link.events()
    await far.up("one")
    await take(events, LinkUp)
    far.link.send(originate("o"))
    await far.say("one", incoming("i"))
    await take(events, p.Incoming)
    await far.down("one")
    assert await take(events, LinkDown) == LinkDown("one", frozenset({"o", "i"}))
    assert not far.link.connected
    with pytest.raises(SwitchUnavailable):
        far.link.send(p.Hangup(leg="o"))
    await far.up("one")
    await take(events, LinkUp)
    assert far.link.status()[0].legs == 0


async def test_calls_go_to_the_least_busy_switch_and_answers_find_their_own(far):
    events = far.link.events()
    for node in ("one", "two"):
        await far.up(node)
        await take(events, LinkUp)
    await far.say("one", incoming("i"))
    await take(events, p.Incoming)
    far.link.send(originate("o"))
    assert {status.node: status.legs for status in far.link.status()} == {"one": 1, "two": 1}
    assert (await far.hear("two")).leg == "o"
    far.link.send(p.Ring(leg="i"))
    assert (await far.hear("one")).leg == "i"


async def test_register_requests_are_answered_once(far):
    events = far.link.events()
    await far.up("one")
    await take(events, LinkUp)
    await far.say(
        "one", p.Register(request="r", user="1001", contact=None, expires=1, source_host="h", source_port=1)
    )
    await take(events, p.Register)
    far.link.send(p.Challenge(request="r", realm="m", nonce="n"))
    assert isinstance(await far.hear("one"), p.Challenge)
    with pytest.raises(SwitchUnavailable):
        far.link.send(p.Registered(request="r", expires=1))


async def test_closing_ends_the_events(far):
    await far.link.close()
    assert [event async for event in far.link.events()] == []


async def test_the_socket_is_private(server):
    assert stat.S_IMODE(server.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(server.path.parent.stat().st_mode) == 0o700


async def test_bad_lines_do_not_end_the_connection(server):
    events = server.link.events()
    await server.up("one")
    await take(events, LinkUp)
    await server.raw("one", b"nonsense\n\x00\xff\n{}\n" + b"x" * (p.MAX_LINE_BYTES + 10) + b"\n")
    await server.say("one", incoming("a"))
    assert (await take(events, p.Incoming)).leg == "a"


async def test_pongs_are_kept_for_the_status(server):
    events = server.link.events()
    await server.up("one")
    await take(events, LinkUp)
    await server.say("one", p.Pong(sequence=1, legs=3))
    await server.say("one", incoming("a"))
    await take(events, p.Incoming)
    assert server.link.status()[0].last_pong.legs == 3


async def test_a_silent_switch_is_cut(server):
    events = server.link.events()
    await server.up("one")
    await take(events, LinkUp)
    assert (await take(events, LinkDown)).node == "one"


@pytest.mark.parametrize(
    "first",
    [
        b"nonsense\n",
        p.encode(p.Pong(sequence=1)),
        p.encode(p.Hello(version=99, node="x", sip_host="h", sip_port=1)),
    ],
)
async def test_who_does_not_greet_is_cut(server, first):
    reader, writer = await asyncio.open_unix_connection(server.path)
    writer.write(first)
    async with asyncio.timeout(60):
        with contextlib.suppress(ConnectionResetError):
            while await reader.read(100):
                pass
    writer.close()
    assert not server.link.connected


async def test_a_second_switch_of_the_same_name_is_refused(far):
    events = far.link.events()
    await far.up("one")
    await take(events, LinkUp)
    if isinstance(far, Memory):
        with pytest.raises(ValueError, match="one"):
            await far.up("one")
        return
    first = far.peers["one"]
    await far.up("one")
    second = far.peers["one"]
    async with asyncio.timeout(60):
        with contextlib.suppress(ConnectionResetError):
            assert await second[0].read(1000) == b""
    second[1].close()
    far.peers["one"] = first
    await far.say("one", incoming("a"))
    await take(events, p.Incoming)


async def test_a_stale_socket_is_replaced_and_a_living_one_is_not(tmp_path):
    path = tmp_path / "s"
    first = LinkServer(path)
    await first.start()
    with pytest.raises(SwitchSocketInUse):
        await LinkServer(path).start()
    first._server.close()  # dies without tidying up
    second = LinkServer(path)
    await second.start()
    await second.close()
    assert not path.exists()


async def test_a_path_that_is_too_long_is_said(tmp_path):
    with pytest.raises(SwitchSocketPathInvalid):
        await LinkServer(tmp_path / ("x" * 110)).start()
