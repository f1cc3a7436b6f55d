"""What the switch does when its neighbours fail: `calls` dies or hangs, ports are taken, signals come."""

import asyncio
import signal
import socket
import sys
from pathlib import Path

import pytest

from gateway.switch import protocol as p
from gateway.switch.link import LinkDown, LinkUp
from tests.support.ports import free_port
from tests.telephony.raw_phone import RawPhone, status_of
from tests.telephony.switch_rig import (
    NO_SIPP,
    SIPP,
    Rig,
    environment,
    rig,
    sdp,
    until,
)

needs_sipp = pytest.mark.skipif(SIPP is None, reason=NO_SIPP)


@needs_sipp
async def test_all_legs_are_hung_up_when_calls_dies(tmp_path):
    async with rig(tmp_path) as r:
        staff = await r.phone("uac_hung_up")
        customer = await r.phone("uas_answer")
        ringing = await r.phone("uas_cancelled")
        waiting = await r.phone("uac_refused", status="480", to="waits")
        legs = {}
        for _ in range(2):
            incoming = await r.expect(p.Incoming)
            legs[incoming.to_user.get_secret_value()] = incoming.leg
        r.originate("c", customer.port)
        await r.expect(p.Ringing)
        await r.expect(p.Answered)
        r.send(p.Answer(leg=legs["token1"], sdp=sdp()))
        r.originate("d", ringing.port)
        await r.expect(p.Ringing)
        await until(lambda: "\nACK sip:" in staff.messages.read_text(), what="staff connected")
        await r.link.close()
        for phone in (staff, customer, ringing, waiting):  # BYE, BYE, CANCEL, 480
            await phone.done()


async def test_no_call_while_calls_is_away_and_again_when_it_is_back(tmp_path):
    r = Rig(tmp_path, linger_s=0.3, max_legs=10, silence_s=10)
    try:
        await r.start_switch()  # before `calls` is up
        async with RawPhone(r.port) as phone:
            await until(lambda: "switch.started" in r.log_text(), what="switch starts alone")
            for method, how in [("INVITE", {"body": sdp()}), ("REGISTER", {}), ("OPTIONS", {})]:
                answer = await phone.ask(method, **how)
                assert status_of(answer) == 503
                assert "retry-after: 5" in answer.lower()
            await r.start_link()
            assert status_of(await phone.ask("OPTIONS")) == 200
            await r.link.close()
            await until(lambda: "upstream.down" in r.log_text(), what="loss noticed")
            assert status_of(await phone.ask("OPTIONS")) == 503
            await r.start_link()
            assert status_of(await phone.ask("OPTIONS")) == 200
    finally:
        await r.stop()


async def test_a_hanging_calls_counts_as_dead(tmp_path):
    """A process that neither reads nor writes records nothing: the switch hangs up after `silence_s`."""
    r = Rig(tmp_path, linger_s=0.3, max_legs=10, silence_s=0.5)
    r.socket_path.parent.mkdir()
    with socket.socket(socket.AF_UNIX) as dumb:
        dumb.bind(str(r.socket_path))
        dumb.listen(5)
        try:
            await r.start_switch()
            await until(lambda: "upstream.up" in r.log_text(), what="connected")
            await until(lambda: "upstream.down" in r.log_text(), what="given up")
        finally:
            await r.stop()


async def test_the_link_tells_when_the_switch_is_killed(tmp_path):
    async with rig(tmp_path) as r, RawPhone(r.port) as phone:
        await phone.invite()
        leg = (await r.expect(p.Incoming)).leg
        r.process.kill()
        await r.process.wait()
        assert await r.expect(LinkDown) == LinkDown("switch", frozenset({leg}))
        assert not r.link.connected
        await r.start_switch()
        await r.expect(LinkUp)


async def test_an_unanswered_register_gets_503_when_calls_dies(tmp_path):
    async with rig(tmp_path) as r, RawPhone(r.port) as phone:
        cseq = phone.request("REGISTER")
        await r.expect(p.Register)
        await r.link.close()
        assert status_of(await phone.final(cseq)) == 503


@needs_sipp
async def test_sigterm_hangs_up_and_exits_0(tmp_path):
    async with rig(tmp_path) as r:
        staff = await r.phone("uac_hung_up")
        leg = (await r.expect(p.Incoming)).leg
        r.send(p.Answer(leg=leg, sdp=sdp()))
        await until(lambda: "\nACK sip:" in staff.messages.read_text(), what="connected")
        r.process.send_signal(signal.SIGTERM)
        await staff.done()
        async with asyncio.timeout(30):
            assert await r.process.wait() == 0
        assert "switch.stopped" in r.log_text()


async def test_more_legs_than_allowed_are_refused(tmp_path):
    async with rig(tmp_path, max_legs=1) as r, RawPhone(r.port) as first, RawPhone(r.port) as second:
        await first.invite()
        await r.expect(p.Incoming)
        cseq = await second.invite()
        assert status_of(await second.final(cseq)) == 503
        r.originate("o", free_port())
        assert (await r.expect(p.Failed)).status == 503


async def test_a_silent_remote_fails_with_408(tmp_path):
    async with rig(tmp_path) as r:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as mute:
            mute.bind(("127.0.0.1", 0))
            r.originate("o", mute.getsockname()[1], ring_timeout_s=1)
            assert (await r.expect(p.Failed)).status == 408


@pytest.mark.parametrize(
    "uri", ["sips:1@127.0.0.1", "sip:1@127.0.0.1:x", "tel:1", "", "sip:1@no.such.host.invalid:99999"]
)
async def test_a_uri_that_cannot_be_called_fails_alone(tmp_path, uri):
    async with rig(tmp_path) as r:
        r.send(
            p.Originate(
                leg="o",
                uri=p.SecretStr(uri),
                from_user=p.SecretStr("1"),
                sdp=sdp(),
                ring_timeout_s=1,
                max_duration_s=9,
            )
        )
        assert (await r.expect(p.Failed)).status in {500, 408}
        async with RawPhone(r.port) as phone:
            assert status_of(await phone.ask("OPTIONS")) == 200


async def run_module(folder: Path, **settings: str) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "gateway.switch",
        env={**environment(), "MASKLINE_DATA_DIR": str(folder), **settings},
        cwd=Path(__file__).parents[2],
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    async with asyncio.timeout(60):
        output, _ = await process.communicate()
    return process.returncode, output.decode()


async def test_a_taken_port_is_said_in_one_line(tmp_path):
    async with rig(tmp_path) as r:
        code, output = await run_module(tmp_path, MASKLINE_SIP__PORT=str(r.port))
        assert code == 2
        assert "in use" in output
        assert "Traceback" not in output


async def test_a_socket_path_that_is_too_long_is_said(tmp_path):
    code, output = await run_module(tmp_path / ("x" * 120), MASKLINE_SIP__PORT=str(free_port()))
    assert code == 2
    assert "107" in output


async def test_a_wildcard_address_needs_an_advertised_one(tmp_path):
    code, output = await run_module(tmp_path, MASKLINE_SIP__HOST="0.0.0.0")  # noqa: S104 must be refused
    assert code == 2
    assert "advertised_host" in output


def name_of(pid: int) -> str:
    return Path(f"/proc/{pid}/comm").read_text(encoding="ascii").strip()


async def test_the_process_has_a_name(tmp_path):
    async with rig(tmp_path) as r:
        assert name_of(r.process.pid) == "maskline-switch"


async def test_bad_lines_from_calls_change_nothing(tmp_path):
    """The other end of the socket says nonsense; the switch goes on."""
    r = Rig(tmp_path, linger_s=0.3, max_legs=10, silence_s=5)
    r.socket_path.parent.mkdir()
    lines: asyncio.Queue[bytes] = asyncio.Queue()

    async def serve(reader, writer):
        writer.write(b"\n\x00\xff\n{}\n[1]\n" + b'{"type":"ring","leg":"nobody"}\n' + b"x" * 300_000 + b"\n")
        writer.write(p.encode(p.Ping(sequence=7)))
        while line := await reader.readline():
            lines.put_nowait(line)
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_unix_server(serve, r.socket_path)
    try:
        await r.start_switch()
        async with asyncio.timeout(60):
            assert isinstance(p.decode_event(await lines.get()), p.Hello)
            pong = p.decode_event(await lines.get())
        assert isinstance(pong, p.Pong)
        assert pong.sequence == 7
    finally:
        await r.stop()
        server.close()
        await asyncio.sleep(0)
