"""The WeCom archive: every kind read, recalls, conduct at once, nothing lost, three sources."""

import asyncio
import base64
import hashlib
import json
import shutil
import subprocess
from datetime import UTC, datetime

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select

from core.clock import ManualClock
from core.db import Database
from gateway.messages.channels.wecom.archive import ArchiveParts, ArchiveReader
from gateway.messages.channels.wecom.bodies import KINDS, Switch, Unknown
from gateway.messages.channels.wecom.channel import WeComChannel
from gateway.messages.channels.wecom.members import ArchiveMembers
from gateway.messages.channels.wecom.records import read_record
from gateway.messages.channels.wecom.sources import CtypesLibrary, FileArchive, HttpArchive, LibraryArchive
from gateway.messages.conduct import ConductBooks
from gateway.messages.errors import ChannelRefused, ChannelUnavailable
from gateway.messages.events import CONDUCT_SEEN
from gateway.messages.model import BodyKind, ChannelKind, MessageRole
from gateway.messages.models import ArchiveRecordRow, ConductRow, MessageRow
from gateway.messages.rulefile import screening_policy
from tests.support.messaging import Post

AT = 1_795_226_400_000
PNG = b"\x89PNG\r\n\x1a\n" + b"\x00" * 64
BODIES = {
    "text": {"content": "你好"},
    "image": {"md5sum": "x", "filesize": 72, "sdkfileid": "file-1"},
    "revoke": {"pre_msgid": "m-text"},
    "agree": {"userid": "wm1", "agree_time": 1},
    "disagree": {"userid": "wm1", "disagree_time": 1},
    "voice": {"voice_size": 3, "play_length": 2, "sdkfileid": "file-none"},
    "video": {"filesize": 3, "play_length": 2, "sdkfileid": "file-none"},
    "card": {"corpname": "某公司", "userid": "wm9"},
    "location": {"longitude": 1.5, "latitude": 2.5, "address": "某路", "title": "某处", "zoom": 15},
    "emotion": {"type": 1, "width": 1, "height": 1, "imagesize": 9, "sdkfileid": "file-none"},
    "file": {"filename": "合同.pdf", "fileext": "pdf", "filesize": 3, "sdkfileid": "file-none"},
    "link": {"title": "标题", "description": "说明", "link_url": "https://x.example", "image_url": ""},
    "weapp": {"title": "小程序", "description": "d", "username": "u", "displayname": "n"},
    "chatrecord": {"title": "聊天记录", "item": [{"type": "ChatRecordText", "msgtime": 1, "content": '{"content":"甲"}'}]},
    "todo": {"title": "待办", "content": "还款"},
    "vote": {"votetitle": "投票", "voteitem": ["一", "二"], "votetype": 1, "voteid": "v"},
    "collect": {"room_name": "群", "creator": "c", "title": "表", "details": [{"id": 1, "ques": "姓名？", "type": "Text"}]},
    "redpacket": {"type": 1, "wish": "恭喜", "totalcnt": 1, "totalamount": 100},
    "meeting": {"topic": "会", "starttime": 1, "endtime": 2, "address": "a", "remarks": "r"},
    "meeting_notification": {"meetingid": "1", "notification_type": 104, "content": "取消"},
    "docmsg": {"title": "文档", "link_url": "https://d.example", "doc_creator": "c"},
    "markdown": {"content": "**粗**"},
    "news": {"item": [{"title": "图文", "description": "d", "url": "https://n.example", "picurl": ""}]},
    "calendar": {"title": "日程", "creatorname": "c", "place": "p", "remarks": "r"},
    "mixed": {"item": [{"type": "text", "content": "混合"}]},
    "meeting_voice_call": {"endtime": 1, "sdkfileid": "file-none", "demofiledata": [], "sharescreendata": []},
    "voip_doc_share": {"filename": "共享.docx", "filesize": 1, "sdkfileid": "file-none"},
    "external_redpacket": {"type": 1, "wish": "大吉", "totalcnt": 1, "totalamount": 200},
    "sphfeed": {"feed_type": 4, "sph_name": "号", "feed_desc": "视频号"},
    "voiptext": {"callduration": 10, "invitetype": 1},
    "qydiskfile": {"filename": "微盘.xlsx"},
}  # fmt: skip
PLACES = {
    "docmsg": "doc", "markdown": "info", "news": "info", "external_redpacket": "redpacket", "voiptext": "info",
    "qydiskfile": "info", "meeting_notification": "info",
}  # fmt: skip


def record(kind, number, *, by="staff", body=None, room="", **more):
    ends = ("zhangsan", "wm-customer") if by == "staff" else ("wm-customer", "zhangsan")
    return {
        "msgid": f"m-{kind}" if number is None else f"m-{number}",
        "action": "recall" if kind == "revoke" else "send",
        "from": ends[0],
        "tolist": [ends[1]],
        "roomid": room,
        "msgtime": AT,
        "msgtype": kind,
        PLACES.get(kind, kind): BODIES.get(kind, {}) if body is None else body,
        **more,
    }


def test_every_kind_of_the_page_is_known():
    assert set(BODIES) | {"switch"} == set(KINDS)
    for kind in BODIES:
        found = read_record(1, "x", json.dumps(record(kind, None)).encode())
        assert found.kind == kind
        assert not isinstance(found.body, Unknown)
        assert found.at == datetime.fromtimestamp(AT / 1000, UTC)
        has_text = kind in {"revoke", "image", "voice", "video", "emotion", "meeting_voice_call"}
        assert bool(found.text) is not has_text or kind == "revoke"
    switch = read_record(1, "x", b'{"msgid":"s","action":"switch","time":1795226400000,"user":"u"}')
    assert isinstance(switch.body, Switch)
    assert "合同" not in repr(read_record(1, "x", json.dumps(record("file", None)).encode()))


@given(st.binary(max_size=60) | st.recursive(st.none() | st.integers() | st.text(max_size=5), lambda c: st.dictionaries(st.sampled_from(["msgtype", "text", "content", "from", "tolist", "msgtime", "action", "info"]), c | st.just("text"), max_size=5)).map(lambda v: json.dumps(v).encode()))  # fmt: skip
def test_no_record_is_refused(payload):
    found = read_record(7, "id", payload)
    assert (found.seq, found.original) == (7, payload)


@pytest.fixture
async def post(database: Database, clock: ManualClock) -> Post:
    post = Post(database, clock)
    await post.set_up()
    return post


def reader_of(post, source):
    desk = post.desk
    conducts = ConductBooks(clock=post.clock, ledger=desk.ledger, outbox=post.outbox, bus=desk.events)
    members = ArchiveMembers(database=post.database, clock=post.clock, vault=desk.vault, ledger=desk.ledger)
    parts = ArchiveParts(
        database=post.database, clock=post.clock, vault=desk.vault, subject_keys=desk.keys, inbox=post.messages.inbox,
        books=post.messages.books, conducts=conducts, members=members, attachments=post.messages.attachments,
        screener=post.screener, policy=screening_policy(), calendar=post.messages.calendar,
    )  # fmt: skip
    return ArchiveReader("corp", source, parts), members


async def linked(post, source):
    reader, members = reader_of(post, source)
    await members.link(post.admin, "corp", "zhangsan", employee_id=post.agent.employee_id)
    await members.link(post.admin, "corp", "wm-customer", customer_id=post.customer.id)
    return reader


def write(path, records):
    lines = [
        one if isinstance(one, str) else json.dumps({"seq": number, **one})
        for number, one in enumerate(records, 1)
    ]
    path.write_text("\n".join(lines))
    return FileArchive(path)


async def count(post, kind):
    async with post.database.read() as session:
        return await session.scalar(select(func.count()).select_from(kind))


async def conducts(post):
    async with post.database.read() as session:
        return sorted(row.kind.value for row in await session.scalars(select(ConductRow)))


async def test_all_kinds_from_a_file_once(post, tmp_path):
    (tmp_path / "media").mkdir()
    (tmp_path / "media" / hashlib.sha256(b"file-1").hexdigest()).write_bytes(PNG)
    records = [record(kind, None) for kind in BODIES if kind != "revoke"]
    records += [record("revoke", None), record("brandnew", 900, body={"x": 1}), "not json at all"]
    reader = await linked(post, write(tmp_path / "archive.jsonl", records))
    assert await reader.read(limit=1000) == len(records)
    assert await reader.read(limit=1000) == 0
    assert await count(post, ArchiveRecordRow) == len(records)
    async with post.database.read() as session:
        rows = {row.provider_reference: row for row in await session.scalars(select(MessageRow))}
    assert {row.role for row in rows.values()} == {MessageRole.STAFF}
    assert rows["m-text"].recalled_at is not None
    assert rows["m-image"].kind is BodyKind.PICTURE
    assert "m-900" in rows
    assert all(row.contact_id is None for row in rows.values())
    view = await post.messages.queries.message(post.agent, rows["m-text"].id)
    assert view.text == "你好"
    assert await conducts(post) == [
        "archive_refused",
        "location",
        "message_recalled",
        "name_card",
        "red_packet",
        "red_packet",
    ]
    assert len(await post.topics(CONDUCT_SEEN)) == 6


async def test_what_is_within_another_message_is_read_and_masked(post, tmp_path):
    """The inner body is JSON in a string: shown as it is, a number would hide behind its escapes."""
    inner = [
        {"type": "ChatRecordText", "msgtime": 1, "content": json.dumps({"content": "打幺三九一二三四五六七八"})},
        {"type": "ChatRecordLink", "msgtime": 1, "content": json.dumps({"title": "看", "link_url": "https://x.example/"})},
        {"type": "ChatRecordImage", "msgtime": 1, "content": json.dumps({"sdkfileid": "x", "md5sum": "13912345678"})},
        {"type": "ChatRecordText", "msgtime": 1, "content": "只是文字"},
        {"type": "ChatRecordText", "msgtime": 1, "content": json.dumps({"content": {"a": 1}})},
        {"type": "ChatRecordNew", "msgtime": 1, "content": json.dumps({"x": "13912345678"})},
    ]  # fmt: skip
    records = [
        record("chatrecord", 1, body={"title": "记录", "item": inner}, by="customer"),
        record(
            "mixed", 2, body={"item": [{"type": "text", "content": json.dumps({"content": "13912345678"})}]}
        ),
    ]
    reader = await linked(post, write(tmp_path / "archive.jsonl", records))
    assert await reader.read() == 2
    async with post.database.read() as session:
        rows = {row.provider_reference: row.id for row in await session.scalars(select(MessageRow))}
    first = (await post.messages.queries.message(post.agent, rows["m-1"])).text
    assert first == "记录 打139****5678 看 [链接已屏蔽] 只是文字", first
    assert (await post.messages.queries.message(post.agent, rows["m-2"])).text == "139****5678"


async def test_no_id_or_kind_of_the_vendor_that_may_be_a_number_lies_open(post, tmp_path):
    number = "13912345678"
    records = [
        record("text", number, body={"content": "你好"}),
        record("revoke", 2, body={"pre_msgid": f"m-{number}"}),
        record("text", 3, msgtype=number),
        record("card", f"{number}x"),
    ]
    reader = await linked(post, write(tmp_path / "archive.jsonl", records))
    assert await reader.read() == 4
    async with post.database.read() as session:
        messages = list(await session.scalars(select(MessageRow).order_by(MessageRow.id)))
        kept = list(await session.scalars(select(ArchiveRecordRow).order_by(ArchiveRecordRow.seq)))
        told = list(await session.scalars(select(ConductRow)))
    assert [row.kind for row in kept] == ["text", "revoke", "unknown", "card"]
    open_words = [
        *(row.provider_reference for row in messages),
        *(word for row in kept for word in (row.record_id, row.recalls or "", row.kind)),
        *(row.subject for row in told),
    ]
    assert number not in " ".join(open_words)
    assert messages[0].recalled_at is not None, "a recall still finds what it recalls"
    assert await reader.read() == 0


async def test_what_the_customer_writes_is_an_inbound_contact(post, tmp_path):
    records = [
        record("text", 1, by="customer", body={"content": "我的号码13800138000"}),
        record("revoke", 2, by="customer", body={"pre_msgid": "m-1"}),
        record("text", 3, by="customer", body={"content": "退订"}),
    ]
    reader = await linked(post, write(tmp_path / "a.jsonl", records))
    await reader.read()
    async with post.database.read() as session:
        first = await session.scalar(select(MessageRow).where(MessageRow.provider_reference == "m-1"))
    assert first.contact_id
    assert first.recalled_at is not None
    assert (await post.messages.queries.message(post.agent, first.id)).text == "我的号码138****8000"
    assert await conducts(post) == []
    assert (await post.row(await post.send())).reason_code == "do-not-contact"


async def test_a_recall_that_comes_first_and_words_after_the_fact(post, tmp_path):
    records = [
        record("revoke", 1, body={"pre_msgid": "m-2"}),
        record("text", 2, body={"content": "弄死你，加微信 zhang_san88"}),
    ]
    reader = await linked(post, write(tmp_path / "a.jsonl", records))
    await reader.read()
    async with post.database.read() as session:
        row = await session.scalar(select(MessageRow).where(MessageRow.provider_reference == "m-2"))
    assert row.recalled_at is not None
    assert row.action == "block"
    assert {finding["category"] for finding in row.findings} == {"threat", "contact_data.wechat"}


async def test_deleted_contacts_private_groups_and_strangers(post, tmp_path):
    change = {
        "event": "change_external_contact",
        "UserID": "zhangsan",
        "ExternalUserID": "wm-customer",
        "CreateTime": AT // 1000,
    }
    records = [
        {**change, "msgid": "e1", "change_type": "del_external_contact"},
        {**change, "msgid": "e2", "change_type": "del_follow_user"},
        {**change, "msgid": "e3", "change_type": "chat_deleted"},
        record("text", 4, room="wr-room", body={"content": "进群"}),
        record("text", 5, room="wr-room", body={"content": "再说"}),
        {**record("text", 6), "from": "nobody", "tolist": ["wm-stranger"]},
    ]  # fmt: skip
    reader = await linked(post, write(tmp_path / "a.jsonl", records))
    await reader.read()
    assert await conducts(post) == [
        "chat_deleted",
        "deleted_by_customer",
        "deleted_by_staff",
        "private_group",
    ]
    assert await count(post, ArchiveRecordRow) == 6
    assert await count(post, MessageRow) == 2


async def test_over_http_with_an_outage(post):
    calls = []
    records = [record("text", number, body={"content": f"第{number}"}) for number in range(1, 6)]

    async def chatdata(request):
        calls.append(request.query_string)
        assert request.headers["Authorization"] == "Bearer t0ken"
        if len(calls) == 2:
            raise web.HTTPBadGateway
        after = int(request.query["seq"])
        data = [
            {"seq": n, "msgid": one["msgid"], "msg": one} for n, one in enumerate(records, 1) if n > after
        ]
        return web.json_response({"errcode": 0, "chatdata": data[: int(request.query["limit"])]})

    app = web.Application()
    app.router.add_get("/chatdata", chatdata)
    async with TestServer(app) as server, aiohttp.ClientSession() as http:
        reader = await linked(post, HttpArchive(http, str(server.make_url("")), "t0ken"))
        assert await reader.read(limit=2) == 2
        with pytest.raises(ChannelUnavailable):
            await reader.read(limit=2)
        assert await reader.read(limit=10) == 3
    assert await count(post, MessageRow) == 5


@pytest.mark.skipif(shutil.which("cc") is None, reason="needs a C compiler: apt-get install gcc")
async def test_through_the_vendors_c_interface(post, tmp_path):
    library = tmp_path / "libWeWorkFinanceSdk_C.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-o", str(library), "tests/support/wecom_sdk.c"], check=True)  # noqa: ASYNC221
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    sealed = base64.b64encode(key.public_key().encrypt(b"random-key", padding.PKCS1v15())).decode()
    chat = [
        {"seq": n, "msgid": f"m-{n}", "publickey_ver": version, "encrypt_random_key": sealed,
         "encrypt_chat_msg": json.dumps(record("text", n, body={"content": f"第{n}"}))}
        for n, version in ((1, 3), (2, 4))
    ]  # fmt: skip
    (tmp_path / "chat-0.json").write_text(json.dumps({"errcode": 0, "errmsg": "ok", "chatdata": chat[:1]}))
    (tmp_path / "chat-1.json").write_text(json.dumps({"errcode": 0, "errmsg": "ok", "chatdata": chat[1:]}))
    with pytest.raises(ChannelUnavailable):
        CtypesLibrary(library, str(tmp_path), "bad")
    source = LibraryArchive(CtypesLibrary(library, str(tmp_path), "good"), {3: key})
    reader = await linked(post, source)
    assert await reader.read() == 1
    with pytest.raises(ChannelUnavailable):  # no key of version 4 here: it waits, it is not skipped
        await reader.read()
    assert await source.media("abc") == b"abcabc"
    assert await count(post, MessageRow) == 1


async def test_the_channel_only_reads(post, tmp_path):
    source = write(tmp_path / "a.jsonl", [record("text", 1)])
    asked: asyncio.Queue[int] = asyncio.Queue()

    class Told:
        """Says how far it was asked for."""

        async def fetch(self, after, limit):
            asked.put_nowait(after)
            return await source.fetch(after, limit)

    channel = WeComChannel(await linked(post, Told()), every_s=0.01)
    await channel.start()
    async with asyncio.timeout(60):
        while await asked.get() != 1:
            pass
    assert channel.connected
    with pytest.raises(ChannelRefused):
        await channel.submit(None, None)
    await channel.close()
    assert [delivery async for delivery in channel.deliveries()] == []
    assert channel.kind is ChannelKind.WECOM
