"""What must hold when the storm is over, asked of every book."""

import json
from collections import Counter

from sqlalchemy import select

from core.ledger.models import EntryRow
from core.outbox import OutboxRow
from gateway.calls.models import CallRow
from gateway.contact.model import Channel, Outcome
from gateway.contact.models import ContactRow
from gateway.messages.models import MessageRow
from maskline.coverage import contacts_without_one_inspection
from tests.chaos.load import Told
from tests.support.system_desk import SystemDesk, awaited

QUIET_WITHIN_S = 300.0
STAYS = {"thread.day_closed"}
"""Topics that may wait: a day of a thread is closed after its midnight."""


async def quiet(desk: SystemDesk) -> None:
    """Wait until every promise of the outbox is kept and every call is closed."""

    left: Counter[str] = Counter()

    async def look() -> bool:
        left.clear()
        async with desk.ground.database.read() as session:
            waiting = await session.scalars(
                select(OutboxRow.topic).where(OutboxRow.done_at.is_(None), OutboxRow.dead_at.is_(None))
            )
            left.update(topic for topic in waiting if topic not in STAYS)
            open_calls = await session.scalars(select(CallRow.id).where(CallRow.ended_at.is_(None)))
            left.update("open call" for _ in open_calls)
        return not left

    await desk.idle()
    try:
        await awaited(look, what="the outbox is empty and no call is open", timeout_s=QUIET_WITHIN_S)
    except AssertionError:
        raise AssertionError(f"left after {QUIET_WITHIN_S:g} s: {left}") from None


async def assert_right(desk: SystemDesk, told: Told) -> Counter[str]:
    """One verdict, one record, one inspection for each contact; a ledger that verifies. Gives the counts."""
    async with desk.ground.database.read() as session:
        contacts = {row.id: row for row in await session.scalars(select(ContactRow))}
        calls = Counter(await session.scalars(select(CallRow.contact_id)))
        messages = {row.id: row for row in await session.scalars(select(MessageRow))}
        verdicts = Counter(
            json.loads(record)["body"]["contact"]
            for record in await session.scalars(
                select(EntryRow.record).where(EntryRow.kind == "contact.verdict")
            )
        )
        dead = list(await session.scalars(select(OutboxRow.topic).where(OutboxRow.dead_at.is_not(None))))
        uncovered = await contacts_without_one_inspection(session)
    records = calls + Counter(row.contact_id for row in messages.values() if row.contact_id)
    assert not dead, f"messages that were given up: {Counter(dead)}"
    assert set(verdicts) == set(contacts), "a verdict without a contact or the other way round"
    assert not [one for one, count in verdicts.items() if count != 1], "a contact with several verdicts"
    assert set(records) == set(contacts), "a record without a contact or the other way round"
    assert not [one for one, count in records.items() if count != 1], "a contact with several records"
    assert not uncovered, uncovered
    pending = [row for row in contacts.values() if row.outcome is Outcome.PENDING]
    assert not [row.id for row in pending if row.channel is Channel.CALL], "a call's contact is still open"
    assert told.accepted <= set(messages), "a message that the API took is gone"
    numbers = Counter(number for _, number in told.submitted)
    assert not [1 for count in numbers.values() if count != 1], "the provider got a message twice"
    report = await desk.ground.ledger_service.verify()
    assert report.ok, report.findings
    return Counter(
        {
            "contacts": len(contacts),
            "calls": len(calls),
            "messages": len(messages),
            "ledger entries": report.size,
            "contacts of messages held or waiting for a receipt": len(pending),
        }
    )
