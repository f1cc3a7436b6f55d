"""Sensitive behaviour becomes one finding and one alert at once, whoever it is about."""

import asyncio

import pytest
from sqlalchemy import func, select

from core.access.model import Role
from core.clock import ManualClock
from core.db import Database
from core.ledger.models import EntryRow
from gateway.messages.conduct import Conduct, ConductBooks
from gateway.messages.events import CONDUCT_SEEN, ConductKind
from qa.alerts import AlertService
from qa.conduct.catalogue import own_catalogue
from qa.conduct.silence import KIND
from qa.inspection.errors import AlertUnknown
from qa.inspection.models import AlertRow, ConductFindingRow
from tests.support.threads import ThreadDesk


@pytest.fixture
async def desk(database: Database, clock: ManualClock) -> ThreadDesk:
    desk = ThreadDesk(database, clock)
    await desk.set_up()
    await desk.link()
    return desk


async def counted(desk: ThreadDesk) -> tuple[int, int]:
    async with desk.database.read() as session:
        return tuple(
            [
                await session.scalar(select(func.count()).select_from(table)) or 0
                for table in (ConductFindingRow, AlertRow)
            ]
        )


def test_every_behaviour_that_the_gateway_shows_is_in_the_catalogue() -> None:
    catalogue = own_catalogue()
    assert {*(kind.value for kind in ConductKind), KIND} == set(catalogue.kinds)
    assert all(entry.source and entry.title.zh and entry.advice.en for entry in catalogue.kinds.values())
    assert catalogue.entry("never-heard-of") is catalogue.unknown


async def test_a_recall_is_found_at_once_with_its_thread_and_message(desk: ThreadDesk) -> None:
    recalled = desk.records.say("您好")
    desk.records.add("revoke", {"pre_msgid": recalled})
    await desk.archived()
    await desk.deliver()
    reviewer = desk.sees(Role.REVIEWER)
    (alert,), _ = await desk.reader.alerts(reviewer)
    assert (alert.conduct, alert.category, alert.severity) == ("message_recalled", "conduct", "moderate")
    assert (alert.category_zh, alert.category_en) == ("员工撤回消息", "Staff recalled a message")
    assert (alert.inspection_id, alert.finding_id, alert.employee_id) == (None, None, desk.agent.employee_id)
    assert (alert.customer_id, alert.customer_phone) == (desk.customer.id, "138****8000")
    assert alert.thread_id
    assert alert.message_id
    found = await desk.reader.thread_findings(reviewer, alert.thread_id)
    (conduct,) = found.conduct
    assert (conduct.kind, conduct.message_id, conduct.severity) == (
        "message_recalled",
        alert.message_id,
        "moderate",
    )
    other = await desk.reader.thread_findings(desk.sees(Role.AGENT), alert.thread_id)
    assert other.conduct == ()
    await desk.alerts.take(reviewer, alert.id)
    await desk.alerts.close(reviewer, alert.id, "已核实13800138000")
    assert (await desk.reader.alert(reviewer, alert.id)).note == "已核实***********"
    async with desk.database.read() as session:
        kinds = list(await session.scalars(select(EntryRow.kind)))
    assert kinds.count("conduct.found") == kinds.count("alert.raised") == 1
    elsewhere = await desk.principal_elsewhere()
    with pytest.raises(AlertUnknown):
        await desk.reader.alert(desk.sees(Role.SUPERVISOR, like=elsewhere), alert.id)


async def test_deeds_of_the_archive_are_all_told_by_their_severity(desk: ThreadDesk) -> None:
    desk.records.add("external_redpacket", {"type": 1, "wish": "大吉", "totalcnt": 1, "totalamount": 200})
    desk.records.add("card", {"corpname": "某公司", "userid": "wm9"})
    desk.records.add(
        "location", {"longitude": 1.5, "latitude": 2.5, "address": "某路", "title": "某处", "zoom": 15}
    )
    desk.records.add("location", {"longitude": 1.5, "latitude": 2.5, "title": "家"}, by_staff=False)
    desk.records.change("del_external_contact")
    desk.records.change("del_follow_user")
    desk.records.change("chat_deleted")
    desk.records.say("进群", roomid="room-1")
    await desk.archived()
    await desk.deliver()
    alerts, _ = await desk.reader.alerts(desk.sees(Role.REVIEWER))
    assert sorted((alert.conduct, alert.severity) for alert in alerts) == [
        ("chat_deleted", "severe"),
        ("deleted_by_customer", "minor"),
        ("deleted_by_staff", "severe"),
        ("location", "moderate"),
        ("name_card", "moderate"),
        ("private_group", "severe"),
        ("red_packet", "severe"),
    ]
    assert {alert.thread_id for alert in alerts} - {None} == {
        next(a.thread_id for a in alerts if a.message_id)
    }


async def test_told_twice_by_two_workers_is_one_finding(desk: ThreadDesk) -> None:
    desk.records.change("del_external_contact")
    await desk.archived()
    (message,) = await desk.topics(CONDUCT_SEEN)
    conduct_id = message.payload["conduct_id"]
    await asyncio.gather(*(desk.conduct.judge(conduct_id, outbox_id=message.id) for _ in range(3)))
    await desk.handle(CONDUCT_SEEN, conduct_id=conduct_id)
    assert await counted(desk) == (1, 1)


async def test_a_worker_that_dies_leaves_the_message_open_and_no_finding(
    desk: ThreadDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def die(*args) -> None:
        raise SystemExit

    desk.records.change("chat_deleted")
    await desk.archived()
    (message,) = await desk.topics(CONDUCT_SEEN)
    with monkeypatch.context() as patch:
        patch.setattr(AlertService, "raise_conduct", die)
        with pytest.raises(SystemExit):
            await desk.conduct.judge(message.payload["conduct_id"], outbox_id=message.id)
    assert await counted(desk) == (0, 0)
    assert (await desk.topics(CONDUCT_SEEN))[0].done_at is None
    await desk.deliver()
    assert await counted(desk) == (1, 1)


async def test_a_deed_of_nobody_knows_whom_reaches_those_who_see_all(desk: ThreadDesk) -> None:
    books = ConductBooks(clock=desk.clock, ledger=desk.desk.ledger, outbox=desk.outbox, bus=desk.desk.events)
    async with desk.database.begin() as session:
        await books.write(session, Conduct(ConductKind.TRANSFER, "phone/1", desk.clock.now()))
    await desk.deliver()
    reviewer = desk.sees(Role.REVIEWER)
    (alert,), _ = await desk.reader.alerts(reviewer)
    assert (alert.employee_id, alert.customer_id, alert.customer_name) == (None, None, "")
    assert (await desk.reader.alerts(desk.sees(Role.SUPERVISOR)))[0] == ()
    await desk.alerts.close(reviewer, alert.id, "系统账号")
    assert (await desk.reader.alert(reviewer, alert.id)).note == "系统账号"


async def test_of_an_erased_customer_the_deed_stays_and_the_name_is_gone(desk: ThreadDesk) -> None:
    desk.records.change("del_external_contact")
    await desk.archived()
    async with desk.database.begin() as session:
        await desk.desk.keys.destroy(session, desk.customer.id)
    await desk.deliver()
    (alert,), _ = await desk.reader.alerts(desk.sees(Role.REVIEWER))
    assert (alert.conduct, alert.customer_name, alert.customer_phone) == ("deleted_by_staff", "", "")
