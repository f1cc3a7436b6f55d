"""Workers that die at any write, and messages that come twice: what stands at the end is always the same."""

import random
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from core.access.model import Role
from core.clock import ManualClock
from core.db import Database
from core.ledger.models import EntryRow
from core.outbox import OutboxRow
from gateway.messages.models import ThreadDayRow
from maskline.coverage import contacts_without_one_inspection
from qa.inspection.models import AlertRow, ConductFindingRow, InspectionRow, SentenceRow
from tests.support.desk import shanghai
from tests.support.threads import ThreadDesk
from tests.support.voices import voice_file

DIES = 0.07
"""How often a write kills the worker."""


class Death:
    """Kills the worker, as `kill -9` does, before or after a write of its own choosing."""

    def __init__(self, desk: ThreadDesk, chance: random.Random) -> None:
        self.on = False
        self.deaths = 0
        for owner, name in (
            (desk.desk.ledger, "append"),
            (desk.outbox, "ack"),
            (desk.alerts, "raise_for"),
            (desk.voices, "keep"),
        ):
            setattr(owner, name, self._deadly(getattr(owner, name), chance))

    def _deadly(self, real, chance: random.Random):
        async def write(*args, **more):
            if self.on and chance.random() < DIES:
                self.deaths += 1
                raise SystemExit
            result = await real(*args, **more)
            if self.on and chance.random() < DIES:
                self.deaths += 1
                raise SystemExit
            return result

        return write


@pytest.fixture
async def desk(database: Database, clock: ManualClock) -> ThreadDesk:
    desk = ThreadDesk(database, clock)
    await desk.set_up()
    await desk.link()
    return desk


async def work(desk: ThreadDesk, death: Death, chance: random.Random) -> None:
    """Be several workers in a row until nothing is due; each life ends at the first death."""
    for _ in range(300):
        async with desk.database.begin() as session:
            due = [
                message for message in await desk.outbox.take_due(session) if message.topic in desk.handlers
            ]
        if not due:
            async with desk.database.read() as session:
                query = select(OutboxRow.id).where(
                    OutboxRow.done_at.is_(None), OutboxRow.topic.in_(list(desk.handlers))
                )
                if not (await session.scalars(query)).all():
                    return
        chance.shuffle(due)
        death.on = True
        try:
            for message in due:
                await desk.deliverer.deliver(message.outbox_id)
                if chance.random() < 0.2:
                    await desk.handlers[message.topic](message)  # a broker that delivers twice
        except SystemExit:
            pass
        finally:
            death.on = False
        desk.clock.advance(timedelta(seconds=31))  # its leases run out
    raise AssertionError("never done")


@pytest.mark.parametrize("seed", range(3))
async def test_nothing_is_lost_and_nothing_stands_twice(desk: ThreadDesk, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - a test's own chance
    death = Death(desk, chance)
    desk.ear.words = ("我就告诉你家人",)
    desk.records.files["voice-1"] = voice_file("amr", "libopencore_amrnb")
    desk.records.say("再不还钱，我就告诉你家人")
    desk.records.say("你们别再打了，王八蛋", by_staff=False)
    desk.records.say("我弄死你，打断你的腿")
    desk.records.add("voice", {"voice_size": 3, "play_length": 2, "sdkfileid": "voice-1"})
    desk.records.add("card", {"corpname": "某公司", "userid": "wm9"})
    desk.records.change("del_external_contact")
    await desk.archived()
    if chance.random() < 0.7:
        await work(desk, death, chance)
    desk.clock.set(shanghai(1, day=22))
    await desk.messages.days.sweep()
    await work(desk, death, chance)
    assert death.deaths
    async with desk.database.read() as session:
        day = (await session.scalars(select(ThreadDayRow))).one()
        kinds = list(await session.scalars(select(EntryRow.kind)))
        counted = [
            await session.scalar(select(func.count()).select_from(table))
            for table in (InspectionRow, ConductFindingRow, SentenceRow)
        ]
        alerts = sorted((await session.scalars(select(AlertRow.category))).all())
        assert await contacts_without_one_inspection(session, finished=True) == []
    detail = await desk.reader.of_thread_day(desk.sees(Role.REVIEWER), day.id)
    assert counted == [1, 2, 5]
    assert alerts == ["conduct", "conduct", "disclosure", "disclosure", "threat"], "one for each message"
    assert (kinds.count("inspection.done"), kinds.count("message.voice-read")) == (1, 1)
    assert (kinds.count("alert.raised"), kinds.count("conduct.found")) == (5, 2)
    assert (detail.summary.score, detail.summary.fatal) == (0, True)
    places = [
        (item.message_id, item.attachment_id, item.term_id, item.char_begin) for item in detail.findings
    ]
    assert len(places) == len(set(places)) == detail.summary.finding_count
    assert {item.category for item in detail.findings} >= {"disclosure", "threat", "insult"}
