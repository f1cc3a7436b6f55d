"""A canary number in every field that the customer's phone can send never reaches the staff's phone or a log."""

import asyncio

import pytest

from gateway.switch import protocol as p
from tests.telephony.switch_rig import NO_SIPP, SIPP, rig, sdp

pytestmark = pytest.mark.skipif(SIPP is None, reason=NO_SIPP)
CANARY = "13712345679"


async def test_an_answered_call_with_the_number_everywhere(tmp_path):
    async with rig(tmp_path) as r:
        customer = await r.phone("uas_canary", canary=CANARY)
        staff = await r.phone("uac_hung_up")
        staff_leg = (await r.expect(p.Incoming)).leg
        r.originate("customer", customer.port, user=CANARY)
        async with asyncio.timeout(60):
            async for event in r.events:
                if isinstance(event, p.Ringing):
                    r.send(p.Ring(leg=staff_leg))
                elif isinstance(event, p.Answered):
                    assert CANARY in event.sdp, "the scenario must really send it"
                    assert CANARY not in repr(event)
                    r.send(p.Answer(leg=staff_leg, sdp=sdp()))
                elif isinstance(event, p.Reoffer):
                    r.send(p.Reoffer(leg=staff_leg, sdp=sdp()))  # the same again: nothing to send
                    r.send(p.AcceptReoffer(leg=event.leg, sdp=sdp()))
                elif isinstance(event, p.Ended):
                    r.send(p.Hangup(leg=staff_leg))
                    break
        await customer.done()
        await staff.done()
        await r.idle()
        assert CANARY in customer.messages.read_text()
        assert CANARY not in staff.messages.read_text()
        assert CANARY not in r.log_text()


@pytest.mark.parametrize(
    ("status", "extra"),
    [
        ("486", f'Reason: Q.850;cause=17;text="{CANARY}"'),
        ("302", f"Contact: <sip:{CANARY}@127.0.0.1:9>"),
        ("500", f'Warning: 399 phone "{CANARY}"'),
        ("603", f"X-Who: {CANARY}"),
    ],
)
async def test_a_refused_call_with_the_number_everywhere(tmp_path, status, extra):
    async with rig(tmp_path) as r:
        customer = await r.phone("uas_refuses", status=status, extra=extra, canary=CANARY)
        ours = {"486": "486", "302": "480", "500": "500", "603": "603"}[status]
        staff = await r.phone("uac_refused", status=ours)
        staff_leg = (await r.expect(p.Incoming)).leg
        r.originate("customer", customer.port, user=CANARY)
        failed = await r.expect(p.Failed)
        r.send(p.Refuse(leg=staff_leg, status=failed.status))
        await customer.done()
        await staff.done()
        assert CANARY in customer.messages.read_text()
        assert CANARY not in staff.messages.read_text()
        assert CANARY not in r.log_text()
