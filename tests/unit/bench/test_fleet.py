"""The simulated phones of the load bench: what they hear, when they ask, and how they count what they did."""

import asyncio
import os
from collections import Counter
from typing import Any

import pytest
from aiohttp.test_utils import TestServer
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from bench import fleet_clients, fleet_wire
from bench.figure import Missing
from bench.fleet_acts import Gone, Push, Survived
from bench.fleet_clients import raise_limits
from bench.fleet_peer import TEXT, build
from bench.fleet_phone import Phone, World
from bench.fleet_wire import HOST, Answer, Http, Lost, Mqtt
from bench.phones import Bare, Load, Seen, figures

KEY = Ed25519PrivateKey.from_private_bytes(bytes(32))
WAIT_S = 30


class Pipe(asyncio.Transport):
    """Keeps what is written to it."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[bytes] = []

    def write(self, data: Any) -> None:
        self.written.append(bytes(data))

    def is_closing(self) -> bool:
        return False

    def abort(self) -> None:
        pass


class Server:
    """Stands for the server: gives its answers in turn, and remembers what was asked."""

    def __init__(self, *answers: str) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    async def ask(self, method: str, target: str, headers: object = (), body: bytes = b"") -> Answer:
        self.asked.append(f"{method} {target.removeprefix('/api/v1/agent')} {body.decode()}".strip())
        if not self.answers:
            raise Lost
        return Answer(200, {}, self.answers.pop(0).encode())


async def _at_peer(server: TestServer, hear: fleet_wire.Hear | None = None) -> Http:
    _, socket = await asyncio.get_running_loop().create_connection(lambda: Http(hear), HOST, server.port)
    return socket


async def test_a_phone_hears_what_a_real_websocket_server_says_and_asks_over_http():
    heard: asyncio.Queue[bytes] = asyncio.Queue()
    async with TestServer(build(), host=HOST) as server:
        socket, other = await _at_peer(server, heard.put_nowait), await _at_peer(server)
        await socket.upgrade("/ws")
        assert (await other.ask("POST", "/all")).status == 200
        assert (await other.ask("GET", "/desired")).body.startswith(b'{"signed"')
        assert (await other.ask("POST", "/report", body=b"{}")).status == 200
        async with asyncio.timeout(WAIT_S):
            assert await heard.get() == TEXT.encode()
        socket.close()
        other.close()


async def test_a_server_that_goes_away_is_lost_and_not_waited_for():
    async with TestServer(build(), host=HOST) as server:
        socket = await _at_peer(server)
        with pytest.raises(Lost):
            await socket.upgrade("/nowhere")
        socket.close()
        async with asyncio.timeout(WAIT_S):
            await socket.over
        with pytest.raises(Lost):
            await socket.ask("GET", "/desired")


@pytest.mark.parametrize("size", [1, 3, 1000])
async def test_mqtt_packets_are_read_however_they_are_cut_and_acknowledged(size: int):
    heard: list[bytes] = []
    line, pipe = Mqtt(heard.append), Pipe()
    line.connection_made(pipe)
    long = os.urandom(300)  # its length takes two bytes
    stream = b""
    for number, text in enumerate((b"first", long)):
        stream += fleet_wire._packet(0x32, b"\x00\x03a/b" + bytes([0, number + 1]) + text)
    for begin in range(0, len(stream), size):
        line.data_received(stream[begin : begin + size])
    assert heard == [b"first", long]
    assert pipe.written == [b"\x40\x02\x00\x01", b"\x40\x02\x00\x02"]


async def test_websocket_frames_are_read_however_they_are_cut_and_pings_answered():
    heard: list[bytes] = []
    line, pipe = Http(heard.append), Pipe()
    line.connection_made(pipe)
    line._upgraded = True
    stream = b"\x81\x02hi" + b"\x89\x01p" + b"\x81\x7e\x00\x80" + b"x" * 128
    for byte in stream:
        line.data_received(bytes([byte]))
    assert heard == [b"hi", b"x" * 128]
    (pong,) = pipe.written
    assert pong[:2] == b"\x8a\x81", "masked, as long as the ping"
    assert pong[6] ^ pong[2] == ord("p")


def _phone(notes: Counter[str] | None = None) -> Phone:
    counted = Counter() if notes is None else notes
    return Phone(World(1, {}, note=lambda what, *_: counted.update([what])), 0, "0" * 32, KEY)


async def test_a_phone_asks_only_for_what_it_has_not_seen(monkeypatch: pytest.MonkeyPatch):
    asked: list[dict[str, int]] = []

    async def ask_at(phone: Phone, places: dict[str, int]) -> None:
        asked.append(places)
        phone.version = 5

    monkeypatch.setattr(Phone, "_ask_at", ask_at)
    phone = _phone()
    phone.version = 4
    phone.hear(b'{"look":"policy","version":4}')
    assert phone.round is None
    phone.hear(b'{"look":"policy","version":5}')
    assert phone.round is not None
    await phone.round
    phone.hear(b'{"look":"policy","version":0}')
    phone.hear(b'{"look":"policy","version":9}')
    assert phone.round is not None
    await phone.round
    assert asked == [{"policy": 5}, {"policy": 0}], "0 asks for whatever there is"


async def test_an_order_takes_effect_once_however_often_it_may_begin(monkeypatch: pytest.MonkeyPatch):
    class Known:
        sequence, doc = 3, {"command_id": "c1", "type": "LOCK"}

    monkeypatch.setattr(Phone, "_believe", lambda *_: Known)
    given = '{"commands":["x"],"results_wanted":[],"last_seq":3,"more":false}'
    phone = _phone()
    lost = Server(given, '{"begin":["c1"]}')
    with pytest.raises(Lost):  # the server dies before it has heard the result
        await phone._commands(lost)  # type: ignore[arg-type]
    assert (phone.effects, phone.untold) == ({"c1": 1}, {"c1": "SUCCEEDED"})
    again = Server(given, '{"begin":["c1"]}', '{"results":[]}')
    await phone._commands(again)  # type: ignore[arg-type]
    assert (phone.effects, phone.untold, phone.acked) == ({"c1": 1}, {}, 3)
    assert [asked.split()[1] for asked in again.asked] == [
        "/commands?after=3",
        "/commands/acks",
        "/commands/results",
    ]


def test_a_machine_that_allows_too_few_files_is_told(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(fleet_clients.resource, "getrlimit", lambda _: (256, 1024))
    with pytest.raises(Missing, match="ulimit -n"):
        raise_limits(10_000)


def test_the_figures_stand_beside_their_peer():
    load = Load(phones=100, unbound=10, ordered=5, leavers=2, orders=9, kills=3)
    push = Push([0.1] * 100, [0.2] * 99 + [0.9], 0.05, {"web": 8.0})
    seen = {
        way: Seen({"web": 20.0}, 1.0, push, [Gone(0.1, 0.2, 0.3, 0.4)] * 2) for way in ("websocket", "mqtt")
    }
    made = figures(
        load, Bare(10.0, [0.01] * 100, [0.1] * 100, [0.001] * 2), seen, Survived(9, 1, 2, 3, 3, 60.0)
    )
    found = {figure.name: figure for figure in made}
    assert len(found) == len(made)
    assert all(figure.peer and figure.peer_value for figure in made)
    longest = found["policy for all proved, MQTT, 100 phones, longest"]
    assert (longest.value, longest.less_is_better) == (pytest.approx(900), True)
    (orders,) = [figure for figure in made if figure.unit == "orders"]
    assert (orders.value, orders.peer_value) == (6, 9)
    assert "1 lost, 2 doubled, 3 told wrongly" in orders.note
