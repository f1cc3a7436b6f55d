"""One supervised deployment for all tests of this folder that want one, with staff, phones and customers."""

from collections.abc import AsyncIterator, Iterator

import pytest

from maskline.demo.phone import Phone
from tests.support.running import Supervised, supervised
from tests.support.system import outside
from tests.support.system_desk import SystemDesk, desk_of


async def open_for_business(system: Supervised) -> None:
    """Register the institution's lines."""
    async with desk_of(system) as desk:
        await desk.lines()


@pytest.fixture(scope="package")
def system() -> Iterator[Supervised]:
    with supervised() as made:
        outside(open_for_business(made))
        yield made


@pytest.fixture
async def desk(system: Supervised) -> AsyncIterator[SystemDesk]:
    """Give set-up and books of the running system."""
    async with desk_of(system) as made:
        yield made


@pytest.fixture
async def customer(system: Supervised) -> AsyncIterator[Phone]:
    """The customers' phone behind the carrier; it answers."""
    phone = Phone("trunk", port=system.trunk_port)
    await phone.start()
    phone.answer_calls(after_s=0.2)
    yield phone
    await phone.close()
