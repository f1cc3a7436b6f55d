"""One running system for all calls of the tests in this folder that want one."""

from collections.abc import AsyncIterator, Iterator

import pytest

from tests.support.system import System, outside, running
from tests.support.system_desk import SystemDesk, desk_of
from tests.telephony.sip_phone import SipPhone


async def _lines(system: System) -> None:
    async with desk_of(system) as desk:
        await desk.lines()


@pytest.fixture(scope="package")
def system() -> Iterator[System]:
    sip = {"ring_timeout_s": 8, "max_call_s": 16}
    with running("calls", "switch", sip=sip) as made:
        outside(_lines(made))
        yield made


@pytest.fixture
async def desk(system: System) -> AsyncIterator[SystemDesk]:
    """Give set-up and books; every call is over at the end and no process has died."""
    system.assert_alive()
    async with desk_of(system) as made:
        yield made
        await made.idle()
    system.assert_alive()


@pytest.fixture
async def trunk(system: System) -> AsyncIterator[SipPhone]:
    """The carrier, behind which all customers are."""
    async with SipPhone(system.sip, "trunk", port=system.trunk_port) as made:
        yield made
