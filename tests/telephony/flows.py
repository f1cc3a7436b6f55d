"""How a call goes in the tests: who dials, who answers, and when it is over."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.support.system_desk import Bound, SystemDesk
from tests.telephony.sip_phone import Call, SipPhone

PATIENCE_S = 60.0


@asynccontextmanager
async def staff_phone(desk: SystemDesk, bound: Bound, *, registered: bool = False) -> AsyncIterator[SipPhone]:
    """The phone of the employee of a binding."""
    account = bound.staff.sip
    async with SipPhone(desk.system.sip, account.username, account.password) as phone:
        if registered:
            assert (await phone.register()).status == 200
        yield phone


async def arrived(phone: SipPhone) -> Call:
    """Wait for the next call that comes to a phone."""
    return await asyncio.wait_for(phone.incoming.get(), PATIENCE_S)


async def status(call: Call) -> int:
    return await asyncio.wait_for(asyncio.shield(call.status), PATIENCE_S)


async def over(*calls: Call) -> None:
    """Wait until the other end has hung up."""
    for call in calls:
        await asyncio.wait_for(call.ended.wait(), PATIENCE_S)


async def connect(phone: SipPhone, bound: Bound, trunk: SipPhone) -> tuple[Call, Call]:
    """Dial the token; the customer rings and answers."""
    staff = phone.place(bound.token)
    customer = await arrived(trunk)
    customer.ring()
    await asyncio.wait_for(staff.ringing.wait(), PATIENCE_S)
    customer.answer()
    assert await status(staff) == 200
    return staff, customer


async def connect_inbound(phone: SipPhone, bound: Bound, trunk: SipPhone) -> tuple[Call, Call]:
    """The customer dials the line; the employee's registered phone rings and answers."""
    trunk.user = bound.number
    customer = trunk.place(bound.line)
    staff = await arrived(phone)
    staff.ring()
    await asyncio.wait_for(customer.ringing.wait(), PATIENCE_S)
    staff.answer()
    assert await status(customer) == 200
    return staff, customer
