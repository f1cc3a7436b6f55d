"""What a phone may ask within a call and outside of one, said in raw bytes to the real switch process."""

import pytest

from gateway.switch import protocol as p
from tests.telephony.raw_phone import RawPhone, status_of
from tests.telephony.switch_rig import rig, sdp


async def answered(r, phone: RawPhone) -> str:
    """Put a call through; gives the leg."""
    cseq = await phone.invite()
    leg = (await r.expect(p.Incoming)).leg
    r.send(p.Answer(leg=leg, sdp=sdp(20002)))
    assert status_of(await phone.final(cseq)) == 200
    return leg


async def test_requests_within_a_call(tmp_path):
    async with rig(tmp_path) as r, RawPhone(r.port) as phone:
        leg = await answered(r, phone)
        for method, how, status in [
            ("OPTIONS", {}, 200),
            ("UPDATE", {}, 200),
            ("UPDATE", {"body": sdp()}, 405),
            ("REFER", {"headers": "Refer-To: <sip:13800138000@127.0.0.1>"}, 405),
            ("MESSAGE", {"body": "hello", "kind": "text/plain"}, 405),
            ("SUBSCRIBE", {"headers": "Event: dialog"}, 405),
            ("NOTIFY", {"headers": "Event: refer"}, 481),
            ("PRACK", {"headers": "RAck: 1 1 INVITE"}, 481),
            ("FROBNICATE", {}, 501),
            ("INFO", {}, 200),
            ("INFO", {"body": "hello", "kind": "text/plain"}, 415),
            ("INFO", {"body": "Signal=Z", "kind": "application/dtmf-relay"}, 400),
        ]:
            answer = await phone.ask(method, **how)
            assert status_of(answer) == status, method
            if status in {405, 501}:
                assert "Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, INFO" in answer
            assert "Server: Maskline" in answer
        for body, kind, digit in [
            ("Signal=5\r\nDuration=160\r\n", "application/dtmf-relay", "5"),
            ("Signal= 11\r\n", "application/dtmf-relay", "#"),
            ("*", "application/dtmf", "*"),
        ]:
            assert status_of(await phone.ask("INFO", body=body, kind=kind)) == 200
            assert await r.expect(p.InfoDtmf) == p.InfoDtmf(leg=leg, digit=digit)
        assert status_of(await phone.ask("INFO", cseq=1)) == 500  # out of order (RFC 3261 section 12.2.2)
        assert status_of(await phone.ask("BYE")) == 200
        assert (await r.expect(p.Ended)).by == "remote"
        await r.idle()


async def test_a_reinvite_without_offer_gets_ours_and_its_ack_is_heard(tmp_path):
    async with rig(tmp_path) as r, RawPhone(r.port) as phone:
        leg = await answered(r, phone)
        cseq = phone.request("INVITE")
        while status_of(message := await phone.next()) < 200:
            pass
        assert "m=audio 20002" in message
        phone.request("ACK", cseq=cseq, body=sdp(30000, "sendonly"))
        again = await r.expect(p.Reoffer)
        assert "m=audio 30000" in again.sdp
        r.send(p.AcceptReoffer(leg=leg, sdp=sdp()))  # nobody waits for it: nothing is sent
        assert status_of(await phone.ask("BYE")) == 200
        await r.expect(p.Ended)
        await r.idle()


async def test_the_same_offer_again_is_answered_without_calls(tmp_path):
    """Phones refresh a session so; RFC 3264 section 8 lets us answer as before."""
    async with rig(tmp_path) as r, RawPhone(r.port) as phone:
        await answered(r, phone)
        answer = await phone.ask("INVITE", body=sdp())
        assert status_of(answer) == 200
        assert "m=audio 20002" in answer
        await phone.ask("BYE")
        assert isinstance(await anext(r.events), p.Ended)


async def test_after_a_refused_offer_the_old_answer_still_stands(tmp_path):
    async with rig(tmp_path) as r, RawPhone(r.port) as phone:
        leg = await answered(r, phone)
        cseq = phone.request("INVITE", body=sdp(40000))
        await r.expect(p.Reoffer)
        r.send(p.RefuseReoffer(leg=leg))
        assert status_of(await phone.final(cseq)) == 488
        cseq = phone.request("INVITE")
        while status_of(message := await phone.next()) < 200:
            pass
        assert "m=audio 20002" in message
        phone.request("ACK", cseq=cseq, body=sdp())
        await phone.ask("BYE")
        await r.expect(p.Ended)


async def test_a_reinvite_taken_back_leaves_the_call_alone(tmp_path):
    async with rig(tmp_path) as r, RawPhone(r.port) as phone:
        await answered(r, phone)
        cseq = phone.request("INVITE", body=sdp(40000))
        await r.expect(p.Reoffer)
        phone.request("CANCEL", cseq=cseq, branch=f"z9hG4bK{phone.call_id}{cseq}")
        assert status_of(await phone.final(cseq, "INVITE")) == 487
        rolled_back = await r.expect(p.Reoffer)
        assert "m=audio 20000" in rolled_back.sdp
        assert status_of(await phone.ask("OPTIONS")) == 200
        await phone.ask("BYE")
        assert (await r.expect(p.Ended)).by == "remote"
        await r.idle()


async def test_our_offer_while_theirs_is_open_is_refused_491(tmp_path):
    async with rig(tmp_path) as r, RawPhone(r.port) as phone:
        leg = await answered(r, phone)
        phone.request("INVITE", body=sdp(40000))
        await r.expect(p.Reoffer)
        r.send(p.Reoffer(leg=leg, sdp=sdp()))
        assert (await r.expect(p.ReofferFailed)).status == 491


@pytest.mark.parametrize(
    ("method", "how", "status"),
    [
        ("OPTIONS", {}, 200),
        ("MESSAGE", {"body": "hi", "kind": "text/plain"}, 405),
        ("SUBSCRIBE", {}, 405),
        ("REFER", {}, 405),
        ("PUBLISH", {}, 405),
        ("NOTIFY", {}, 481),
        ("BYE", {}, 481),
        ("INFO", {}, 481),
        ("FROBNICATE", {}, 501),
        ("INVITE", {}, 488),
        ("INVITE", {"body": "hello", "kind": "text/plain"}, 415),
        ("INVITE", {"body": sdp(), "headers": "Require: 100rel"}, 420),
        ("INVITE", {"body": sdp(), "contact": ""}, 400),
        ("INVITE", {"body": sdp(), "contact": "*"}, 400),
        ("INVITE", {"body": sdp(), "contact": "<sips:a@127.0.0.1>"}, 400),
        ("INVITE", {"body": sdp() + "a=x:" + "y" * 7800 + "\r\n"}, None),
        ("INVITE", {"body": sdp(), "uri": "sips:a@127.0.0.1"}, 416),
        ("INVITE", {"body": sdp(), "headers": "From: <sip:x@y>;tag=2"}, 400),
        ("REGISTER", {"contact": "*"}, 400),
    ],
)
async def test_requests_outside_of_a_call(tmp_path, method, how, status):
    async with rig(tmp_path) as r, RawPhone(r.port) as phone:
        if status is None:  # longer than sippy reads from a datagram: never a call, and the switch lives
            phone.request(method, **how)
            async with RawPhone(r.port) as other:
                assert status_of(await other.ask("OPTIONS")) == 200
        else:
            assert status_of(await phone.ask(method, **how)) == status
        assert r.link.status()[0].legs == 0


async def test_a_call_whose_contact_wants_tcp_can_still_be_hung_up(tmp_path):
    async with rig(tmp_path) as r, RawPhone(r.port) as phone:
        cseq = await phone.invite(contact=f"<sip:raw@127.0.0.1:{phone.port};transport=TCP>")
        leg = (await r.expect(p.Incoming)).leg
        r.send(p.Answer(leg=leg, sdp=sdp()))
        await phone.final(cseq)
        r.send(p.Hangup(leg=leg))
        phone.reply(await phone.next_request("BYE"), "200 OK")
        await r.idle()


async def test_a_contact_with_an_impossible_port_harms_nobody(tmp_path):
    """sippy's sender thread dies of it; ours refuses to send and goes on."""
    async with rig(tmp_path) as r, RawPhone(r.port) as bad, RawPhone(r.port) as good:
        cseq = await bad.invite(contact="<sip:raw@127.0.0.1:99999>")
        leg = (await r.expect(p.Incoming)).leg
        r.send(p.Answer(leg=leg, sdp=sdp()))
        await bad.final(cseq)
        r.send(p.Hangup(leg=leg))
        assert status_of(await good.ask("OPTIONS")) == 200


async def test_register_forms(tmp_path):
    async with rig(tmp_path) as r, RawPhone(r.port) as phone:
        phone.request("REGISTER", contact="*", headers="Expires: 0")
        asked = await r.expect(p.Register)
        assert (asked.contact, asked.expires) == ("*", 0)
        r.send(p.Registered(request=asked.request, expires=0))
        assert status_of(await phone.final(phone.cseq)) == 200
        phone.request("REGISTER", contact="", headers="Expires: what")
        asked = await r.expect(p.Register)
        assert (asked.contact, asked.expires) == (None, None)
        r.send(p.RefuseRegister(request=asked.request, status=403))
        assert status_of(await phone.final(phone.cseq)) == 403
        header = (
            'Authorization: Digest username="a,b", realm="maskline", nonce="n", uri="sip:x,y",'
            ' response="0123", algorithm=SHA-256, qop=auth, nc=00000001, cnonce="c"'
        )
        phone.request("REGISTER", headers=header + "\r\nExpires: 300")
        asked = await r.expect(p.Register)
        assert asked.expires == 300
        assert asked.authorization.username == "a,b"
        assert asked.authorization.algorithm == "SHA-256"
        r.send(
            p.Challenge(
                request=asked.request, realm="maskline", nonce="m", stale=True, algorithms=("SHA-256", "MD5")
            )
        )
        answer = await phone.final(phone.cseq)
        values = [line for line in answer.split("\r\n") if line.startswith("WWW-Authenticate")]
        assert status_of(answer) == 401
        assert [("SHA-256" in v, "MD5" in v) for v in values] == [(True, False), (False, True)]
        assert all("stale=true" in value for value in values)


@pytest.mark.slow
async def test_a_lost_ack_ends_the_call(tmp_path):
    """RFC 3261 section 13.3.1.4: without an ACK for 64*T1 (32 s) the call ends."""
    async with rig(tmp_path) as r, RawPhone(r.port) as phone:
        await phone.invite()
        r.send(p.Answer(leg=(await r.expect(p.Incoming)).leg, sdp=sdp()))
        assert (await r.expect(p.Ended, 90)).by == "timeout"
