"""A canary in everything that a thread can hold; then all that readers, logs, ledger and disk have is searched."""

import io
import logging
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from sqlalchemy import select

from core.access.model import Role
from core.clock import ManualClock
from core.db import Database
from core.ledger.models import EntryRow
from core.logging import configure
from core.outbox import OutboxRow
from gateway.messages.events import ConductKind
from gateway.messages.models import ThreadDayRow
from qa.inspection.api import AlertItem, InspectionBody, ThreadFindingsBody
from qa.permissions import ALERT_READ
from tests.support.threads import ThreadDesk
from tests.support.voices import voice_file

CANARY = "13977778888"
NUMBERS = (
    CANARY, "139-7777-8888", "1 3 9 7 7 7 7 8 8 8 8", "１３９７７７７８８８８", "幺三九七七七七八八八八", "①③⑨77778888",
)  # fmt: skip
ACCOUNTS = ("微信wx_canary_88", "vx：canary88", "https://canary.example/a")
SPELLINGS = (*NUMBERS, "canary")
ID = re.compile(r"\b[0-9a-f]{32}\b")
"""Drawn by lot: one in some thousand holds any four digits."""
WECHAT = "加我微信wx_canary_88，告诉你家人{0}，{0}王八蛋"


@pytest.fixture
async def desk(sqlite_url: str, clock: ManualClock):
    database = Database(sqlite_url)
    desk = ThreadDesk(database, clock)
    await desk.set_up()
    await desk.link()
    yield desk
    await database.close()


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """Everything that the house's own logging writes, at the lowest level."""
    root = logging.getLogger()
    former, level = root.handlers[:], root.level
    configure("test", level="DEBUG")
    stream = io.StringIO()
    (handler,) = root.handlers
    handler.setStream(stream)  # type: ignore[attr-defined]
    yield stream
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()
    root.handlers[:] = former
    root.setLevel(level)


async def written(desk: ThreadDesk) -> None:
    for spelling in (*NUMBERS, *ACCOUNTS):
        desk.records.say(f"打{spelling}，不然告诉你家人{spelling}")
        desk.records.say(f"我是{spelling}，王八蛋{spelling}", by_staff=False)
    desk.records.say(WECHAT.format(CANARY))
    desk.records.say("139")
    desk.records.say("7777")
    desk.records.say("8888，告诉你家人")
    desk.ear.words = ("打幺三九七七七七八八八八", f"告诉你家人{CANARY}")
    desk.records.files["voice-1"] = voice_file("amr", "libopencore_amrnb")
    desk.records.add("voice", {"voice_size": 3, "play_length": 2, "sdkfileid": "voice-1"})
    desk.records.add("card", {"corpname": CANARY, "userid": CANARY})
    desk.records.add("location", {"longitude": 1.5, "latitude": 2.5, "address": CANARY, "title": CANARY})
    desk.records.add("external_redpacket", {"type": 1, "wish": CANARY, "totalcnt": 1, "totalamount": 200})
    desk.records.add("revoke", {"pre_msgid": desk.records.say(CANARY)})
    desk.records.say(CANARY, roomid=CANARY)
    desk.records.change("del_external_contact")
    await desk.archived()


async def shown(desk: ThreadDesk, day: ThreadDayRow) -> str:
    """Give what every role is answered over the API."""
    answers = []
    for role in Role:
        reader = desk.sees(role, like=desk.agent)
        alerts, _ = await desk.reader.alerts(reader, limit=100) if reader.allows(ALERT_READ) else ((), None)
        answers += [AlertItem.model_validate(alert).model_dump_json() for alert in alerts]
        found = await desk.reader.thread_findings(reader, day.thread_id)
        answers.append(ThreadFindingsBody.model_validate(found).model_dump_json())
        detail = await desk.reader.of_thread_day(reader, day.id)
        answers.append(InspectionBody.model_validate(detail).model_dump_json())
    return "".join(answers)


async def test_no_canary_comes_out(desk: ThreadDesk, tmp_path: Path, log: io.StringIO) -> None:
    await written(desk)
    await desk.deliver()
    async with desk.database.read() as session:
        day = (await session.scalars(select(ThreadDayRow))).one()
    early = await shown(desk, day)
    await desk.close_day()
    late = await shown(desk, day)
    for kind in (ConductKind.NAME_CARD, ConductKind.MESSAGE_RECALLED, ConductKind.PRIVATE_GROUP):
        assert kind.value in late
    assert "告诉你家人" in early
    assert "告诉你家人" in late
    assert "*" * 11 in late
    assert [spelling for spelling in SPELLINGS if spelling in early + late] == []
    assert "8888" not in ID.sub("", late.replace("138****8000", ""))
    async with desk.database.read() as session:
        ledger = b"".join(await session.scalars(select(EntryRow.record)))
        outbox = "".join(str(row.payload) + row.key for row in await session.scalars(select(OutboxRow)))
    raw = b"".join(path.read_bytes() for path in tmp_path.rglob("maskline.db*"))  # noqa: ASYNC240 - the story is over
    logged = log.getvalue()
    assert "inspection.done" in logged
    for spelling in SPELLINGS:
        assert spelling not in logged + outbox
        assert spelling.encode() not in ledger
        assert spelling.encode() not in raw
