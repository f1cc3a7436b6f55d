"""Messages survive kill -9: each is sent, and none twice, to an SMSC that knows our references."""

import asyncio
import sys

from sqlalchemy import func, select

from core.clock import ManualClock
from core.db import Database
from core.outbox import OutboxRow
from core.vault import Keyring
from gateway.contact.models import ContactRow
from gateway.messages.model import ChannelKind, MessageState
from gateway.messages.models import MessagePartRow, MessageRow
from gateway.messages.service import SendRequest
from tests.conformance.test_smpp_channel import Smsc
from tests.support import desk
from tests.support.messaging import Post

CUSTOMERS, EACH, KILLS = 8, 3, 6
TEXT = "欠款提醒" * 20  # two parts


async def test_nothing_lost_and_nothing_twice(sqlite_url, clock: ManualClock, tmp_path, monkeypatch):
    keyring = Keyring.generate()
    path = tmp_path / "keyring.json"
    keyring.save(path)
    monkeypatch.setattr(desk.Keyring, "generate", lambda: keyring)
    database = Database(sqlite_url)
    post = Post(database, clock)
    await post.set_up()
    for number in range(CUSTOMERS):
        customer = await post.desk.customer(post.agent, f"1390000{number:04d}")
        binding = await post.desk.bind(post.agent, customer.id)
        for _ in range(EACH):
            await post.messages.service.send(post.agent, SendRequest(binding.id, ChannelKind.SMS, TEXT))
    smsc = await Smsc.start("--dedupe")
    total, seen, child = CUSTOMERS * EACH * 2, [], None
    try:
        for life in range(1, KILLS + 2):
            child = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "tests.support.messaging_child", sqlite_url, str(path), str(smsc.port), str(life)
            )  # fmt: skip
            last = life == KILLS + 1
            if not last:
                await smsc.tell(do="drop_after" if life % 2 else "throttle")
            goal = total if last else min(total - 4, len(seen) + 5)
            while len(seen) < goal:
                seen.append((await smsc.next("submit"))["id"])
            if last:
                await until_sent(database)
            child.kill()
            await child.wait()
    finally:
        if child is not None and child.returncode is None:
            child.kill()
            await child.wait()
        await smsc.stop()
    assert len(seen) == len(set(seen)) == total
    async with database.read() as session:
        states = set(await session.scalars(select(MessageRow.state)))
        parts = await session.scalar(select(func.count()).select_from(MessagePartRow))
        contacts = await session.scalar(select(func.count(func.distinct(MessageRow.contact_id))))
        judged = await session.scalar(select(func.count()).select_from(ContactRow))
        topics = select(func.count()).where(OutboxRow.topic == "message.send", OutboxRow.done_at.is_(None))
        open_outbox = await session.scalar(topics)
    await database.close()
    assert states == {MessageState.SENT}
    assert (parts, contacts, judged, open_outbox) == (total, CUSTOMERS * EACH, CUSTOMERS * EACH, 0)


async def until_sent(database):
    async with asyncio.timeout(120):
        while True:
            async with database.read() as session:
                query = select(func.count()).where(MessageRow.state == MessageState.QUEUED)
                if not await session.scalar(query):
                    return
            await asyncio.sleep(0.1)
