"""Calls through the real switch process with SIPp on the other side, in both directions."""

import asyncio
import hashlib

import pytest

from gateway.switch import protocol as p
from tests.telephony.switch_rig import NO_SIPP, SIPP, rig, sdp

pytestmark = pytest.mark.skipif(SIPP is None, reason=NO_SIPP)


async def test_outgoing_answered_and_we_hang_up(tmp_path):
    """SIPp's Contact says ;transport=UDP in upper case: without the patch the BYE never leaves."""
    async with rig(tmp_path) as r:
        phone = await r.phone("uas_answer")
        r.originate("a", phone.port)
        await r.expect(p.Ringing)
        answered = await r.expect(p.Answered)
        assert "m=audio" in answered.sdp
        r.send(p.Hangup(leg="a"))
        await phone.done()
        await r.idle()
        got = phone.received()
        assert f"From: <sip:{'4001234567'}@127.0.0.1" in got
        assert "User-Agent: Maskline" in got
        assert "transport=UDP" in phone.messages.read_text()


async def test_outgoing_answered_and_they_hang_up(tmp_path):
    async with rig(tmp_path) as r:
        phone = await r.phone("uas_hangs_up")
        r.originate("a", phone.port)
        await r.expect(p.Ringing)
        await r.expect(p.Answered)
        assert (await r.expect(p.Ended)).by == "remote"
        await phone.done()
        await r.idle()


@pytest.mark.parametrize(
    ("status", "extra", "ours"),
    [
        ("486", "Reason: Q.850;cause=17;text=busy", 486),
        ("404", "X-None: 0", 404),
        ("302", "Contact: <sip:13912345678@127.0.0.1:9>", 480),
        ("300", "Contact: <sip:13912345678@127.0.0.1:9>", 480),
        ("407", 'Proxy-Authenticate: Digest realm="x",nonce="y",algorithm=MD5', 503),
        ("499", "X-None: 0", 480),
        ("599", "X-None: 0", 500),
        ("603", "X-None: 0", 603),
    ],
)
async def test_outgoing_refused(tmp_path, status, extra, ours):
    async with rig(tmp_path) as r:
        phone = await r.phone("uas_refuses", status=status, extra=extra, canary="13800138000")
        r.originate("a", phone.port)
        assert (await r.expect(p.Failed)).status == ours
        await phone.done()
        await r.idle()


async def test_outgoing_not_answered_in_time(tmp_path):
    async with rig(tmp_path) as r:
        phone = await r.phone("uas_cancelled")
        r.originate("a", phone.port, ring_timeout_s=1)
        await r.expect(p.Ringing)
        assert (await r.expect(p.Failed)).status == 408
        await phone.done()
        await r.idle()


async def test_outgoing_cancelled_by_us(tmp_path):
    async with rig(tmp_path) as r:
        phone = await r.phone("uas_cancelled")
        r.originate("a", phone.port)
        await r.expect(p.Ringing)
        r.send(p.Hangup(leg="a"))
        await phone.done()
        await r.idle()


async def test_outgoing_reaches_its_longest_duration(tmp_path):
    async with rig(tmp_path) as r:
        phone = await r.phone("uas_answer")
        r.originate("a", phone.port, max_duration_s=1)
        await r.expect(p.Ringing)
        await r.expect(p.Answered)
        assert (await r.expect(p.Ended)).by == "timeout"
        await phone.done()


async def test_incoming_answered_and_they_hang_up(tmp_path):
    async with rig(tmp_path) as r:
        phone = await r.phone("uac_call", to="token77", **{"from": "1001"})
        incoming = await r.expect(p.Incoming)
        assert incoming.to_user.get_secret_value() == "token77"
        assert incoming.from_user.get_secret_value() == "1001"
        assert (incoming.source_host, incoming.source_port) == ("127.0.0.1", phone.port)
        assert incoming.authorization is None
        assert "m=audio" in incoming.sdp
        r.send(p.Ring(leg=incoming.leg))
        r.send(p.Answer(leg=incoming.leg, sdp=sdp()))
        assert await r.expect(p.Ended) == p.Ended(leg=incoming.leg, by="remote")
        await phone.done()
        await r.idle()
        assert "Server: Maskline" in phone.received()


async def test_incoming_answered_and_we_hang_up(tmp_path):
    async with rig(tmp_path) as r:
        phone = await r.phone("uac_hung_up")
        leg = (await r.expect(p.Incoming)).leg
        r.send(p.Answer(leg=leg, sdp=sdp()))
        await until_acked(r, phone)
        r.send(p.Hangup(leg=leg))
        await phone.done()
        await r.idle()


async def until_acked(r, phone):
    from tests.telephony.switch_rig import until

    await until(lambda: phone.messages.exists() and "\nACK sip:" in phone.messages.read_text(), what="ACK")


async def test_incoming_reaches_its_longest_duration(tmp_path):
    async with rig(tmp_path) as r:
        phone = await r.phone("uac_hung_up")
        leg = (await r.expect(p.Incoming)).leg
        r.send(p.Answer(leg=leg, sdp=sdp(), max_duration_s=1))
        assert (await r.expect(p.Ended)).by == "timeout"
        await phone.done()


@pytest.mark.parametrize(
    ("ours", "sent"), [(486, "486"), (403, "403"), (480, "480"), (433, "480"), (599, "500")]
)
async def test_incoming_refused(tmp_path, ours, sent):
    async with rig(tmp_path) as r:
        phone = await r.phone("uac_refused", status=sent)
        leg = (await r.expect(p.Incoming)).leg
        r.send(p.Ring(leg=leg))
        r.send(p.Refuse(leg=leg, status=ours, retry_after_s=30))
        await phone.done()
        await r.idle()
        assert "retry-after: 30" in phone.received().lower()


async def test_incoming_hung_up_before_the_answer_is_480(tmp_path):
    async with rig(tmp_path) as r:
        phone = await r.phone("uac_refused", status="480")
        r.send(p.Hangup(leg=(await r.expect(p.Incoming)).leg))
        await phone.done()
        await r.idle()


async def test_incoming_cancelled_by_them(tmp_path):
    async with rig(tmp_path) as r:
        phone = await r.phone("uac_cancel")
        leg = (await r.expect(p.Incoming)).leg
        r.send(p.Ring(leg=leg))
        assert await r.expect(p.Cancelled) == p.Cancelled(leg=leg)
        await phone.done()
        await r.idle()


async def test_they_hold_and_resume_incoming(tmp_path):
    async with rig(tmp_path) as r:
        phone = await r.phone("uac_hold")
        leg = (await r.expect(p.Incoming)).leg
        r.send(p.Answer(leg=leg, sdp=sdp()))
        held = await r.expect(p.Reoffer)
        assert "a=sendonly" in held.sdp
        r.send(p.AcceptReoffer(leg=leg, sdp=sdp(direction="recvonly")))
        resumed = await r.expect(p.Reoffer)
        assert "a=sendrecv" in resumed.sdp
        r.send(p.AcceptReoffer(leg=leg, sdp=sdp()))
        assert (await r.expect(p.Ended)).by == "remote"
        await phone.done()
        await r.idle()
        assert "a=recvonly" in phone.received()


async def test_they_hold_and_we_refuse(tmp_path):
    async with rig(tmp_path) as r:
        phone = await r.phone("uac_hold_refused")
        leg = (await r.expect(p.Incoming)).leg
        r.send(p.Answer(leg=leg, sdp=sdp()))
        await r.expect(p.Reoffer)
        r.send(p.RefuseReoffer(leg=leg))
        assert (await r.expect(p.Ended)).by == "remote"
        await phone.done()
        await r.idle()


async def test_they_hold_and_resume_outgoing(tmp_path):
    async with rig(tmp_path) as r:
        phone = await r.phone("uas_hold")
        r.originate("a", phone.port)
        await r.expect(p.Ringing)
        await r.expect(p.Answered)
        assert "a=sendonly" in (await r.expect(p.Reoffer)).sdp
        r.send(p.AcceptReoffer(leg="a", sdp=sdp(direction="recvonly")))
        assert "a=sendrecv" in (await r.expect(p.Reoffer)).sdp
        r.send(p.AcceptReoffer(leg="a", sdp=sdp()))
        assert (await r.expect(p.Ended)).by == "remote"
        await phone.done()
        await r.idle()


async def test_we_offer_anew(tmp_path):
    async with rig(tmp_path) as r:
        phone = await r.phone("uas_reoffered")
        r.originate("a", phone.port)
        await r.expect(p.Ringing)
        await r.expect(p.Answered)
        r.send(p.Reoffer(leg="a", sdp=sdp(direction="sendonly")))
        assert "a=recvonly" in (await r.expect(p.ReofferAnswered)).sdp
        r.send(p.Hangup(leg="a"))
        await phone.done()
        await r.idle()


def digest(credentials: p.DigestCredentials, password: str) -> str:
    """RFC 7616 section 3.4.1 as `calls` computes it, with qop=auth."""

    def h(text: str) -> str:
        return hashlib.md5(text.encode()).hexdigest()  # noqa: S324 the phone's algorithm

    first = h(f"{credentials.username}:{credentials.realm}:{password}")
    second = h(f"{credentials.method}:{credentials.uri}")
    c = credentials
    return h(f"{first}:{c.nonce}:{c.nc}:{c.cnonce}:{c.qop}:{second}")


async def test_invite_is_challenged_and_comes_again(tmp_path):
    async with rig(tmp_path) as r:
        phone = await r.phone("uac_digest", user="1001", password="secret")
        first = await r.expect(p.Incoming)
        r.send(p.Challenge(leg=first.leg, realm="maskline", nonce="abc123"))
        second = await r.expect(p.Incoming)
        assert second.leg != first.leg
        credentials = second.authorization
        assert credentials is not None
        assert (credentials.method, credentials.username, credentials.nonce) == ("INVITE", "1001", "abc123")
        assert credentials.response == digest(credentials, "secret")
        r.send(p.Answer(leg=second.leg, sdp=sdp()))
        assert (await r.expect(p.Ended)).leg == second.leg
        await phone.done()
        await r.idle()


async def test_register_with_challenge(tmp_path):
    async with rig(tmp_path) as r:
        phone = await r.phone("register", user="1001", password="secret", expires="120")
        first = await r.expect(p.Register)
        assert first.authorization is None
        r.send(p.Challenge(request=first.request, realm="maskline", nonce="n1"))
        second = await r.expect(p.Register)
        assert second.user == "1001"
        assert second.contact == f"sip:1001@127.0.0.1:{phone.port}"
        assert second.expires == 120
        assert second.authorization.method == "REGISTER"
        assert second.authorization.response == digest(second.authorization, "secret")
        r.send(p.Registered(request=second.request, expires=60))
        await phone.done()


@pytest.mark.slow
async def test_a_hundred_calls_in_a_row(tmp_path):
    async with rig(tmp_path) as r:
        phone = await r.phone("uac_call", calls=100, rate=25)
        ended = 0
        while ended < 100:
            async with asyncio.timeout(60):
                event = await anext(r.events)
            if isinstance(event, p.Incoming):
                r.send(p.Ring(leg=event.leg))
                r.send(p.Answer(leg=event.leg, sdp=sdp()))
            else:
                assert isinstance(event, p.Ended)
                ended += 1
        await phone.done()
        pong = await r.idle()
        assert pong.incoming_total == 100


async def test_twenty_calls_at_once_over_two_legs(tmp_path):
    """Each incoming call rings a second phone through an outgoing leg, as a bridged call does."""
    async with rig(tmp_path) as r:
        customer = await r.phone("uas_answer", calls=20)
        staff = await r.phone("uac_call", calls=20, rate=100)
        partner: dict[str, str] = {}
        ended = 0
        while ended < 20:
            async with asyncio.timeout(60):
                event = await anext(r.events)
            if isinstance(event, p.Incoming):
                partner[f"o-{event.leg}"] = event.leg
                r.send(p.Ring(leg=event.leg))
                r.originate(f"o-{event.leg}", customer.port)
            elif isinstance(event, p.Answered):
                r.send(p.Answer(leg=partner[event.leg], sdp=sdp()))
            elif isinstance(event, p.Ended):
                r.send(p.Hangup(leg=f"o-{event.leg}"))
                ended += 1
        await staff.done()
        await customer.done()
        pong = await r.idle()
        assert (pong.incoming_total, pong.outgoing_total) == (20, 20)
