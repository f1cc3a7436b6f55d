"""One seeded web process for this folder, and a way to ask it as anybody."""

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime

import aiohttp
import pytest

from gateway.contact.models import ContactRow
from gateway.messages.model import ChannelKind
from gateway.messages.service import SendRequest
from tests.browser.stage import Stage

START = datetime(2026, 11, 21, 2, 0, tzinfo=UTC)


@pytest.fixture(scope="package")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    stage = Stage(tmp_path_factory.mktemp("hardening"), START, more=_a_message_of_wangs)
    stage.start()
    yield stage
    stage.stop()


async def _a_message_of_wangs(stage: Stage) -> str:
    """Let wang write to the customer of his call; gives the message's id."""
    async with stage.ground.database.read() as session:
        contact = await session.get_one(ContactRow, stage.seeded.contacts["abuse"])
    wish = SendRequest(contact.binding_id or "", ChannelKind.WEBCHAT, "您好，请回电。")
    return await stage.messages.service.send(stage.seeded.people["wang"].principal, wish)


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    """Ask without cookies of its own and without following redirects."""
    async with aiohttp.ClientSession(
        cookie_jar=aiohttp.DummyCookieJar(), timeout=aiohttp.ClientTimeout(total=20)
    ) as session:
        yield session
