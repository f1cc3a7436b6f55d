"""What customers write: kept once, masked, opt-outs at once, files checked; templates with two people."""

import zipfile
from dataclasses import replace
from io import BytesIO

import pytest
from sqlalchemy import func, select

from core.access.model import Role
from core.clock import ManualClock
from core.db import Database
from gateway.contact.model import Channel, ContactRequest, Direction, Outcome, Purpose
from gateway.customers.phone import PhoneNumber
from gateway.messages.errors import (
    AttachmentNotCleared,
    AttachmentRefused,
    OwnTemplate,
    TemplateDecided,
    TemplateExists,
    TemplateInvalid,
    TemplateNotApproved,
)
from gateway.messages.events import VOICE_RECEIVED
from gateway.messages.filetypes import FileRefused, identify
from gateway.messages.memory import InMemoryChannel
from gateway.messages.model import BodyKind, MessageRole, MessageState, ReceivedMedia, Traits
from gateway.messages.models import OptOutRow, StrayRow
from gateway.messages.queries import ThreadFilter
from gateway.messages.screening.model import Action
from gateway.messages.templating import Variable, VariableKind
from tests.support.messaging import PHONE, Post

PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + (10).to_bytes(4) * 2 + b"\x08\x02\x00\x00\x00" + b"x" * 90_000
AMR = b"#!AMR\n" + b"\x3c" * 400
TEXT = "【{{institution}}】{{customer_name}}您好，您本期应还{{amount}}元，还款日{{day}}。{{opt_out}}"
VARIABLES = (Variable("amount", VariableKind.AMOUNT), Variable("day", VariableKind.DATE))


@pytest.fixture
async def post(database: Database, clock: ManualClock) -> Post:
    traits = Traits(needs_number=True, dedupes=True, receipts=True, media=True)
    post = Post(database, clock, channels=[InMemoryChannel(traits=traits)])
    await post.set_up()
    return post


async def test_kept_once_and_masked(post):
    first = await post.come("我的号码是13800138000，也可以打 0 1 0 8 7 6 5 4 3 2 2")
    again = await post.come("我的号码是13800138000")
    assert (first.new, again.new, again.message_id) == (True, False, first.message_id)
    view = await post.messages.queries.message(post.agent, first.message_id)
    assert view.text.startswith("我的号码是138****8000，也可以打 ")
    assert "8 7 6" not in view.text
    assert view.masked
    assert view.row.state is MessageState.RECEIVED
    assert (await post.contact(first.message_id)).outcome is Outcome.CONNECTED
    ((thread,), _) = await post.messages.queries.threads(post.agent, ThreadFilter())
    assert (thread.row.unread, thread.customer_phone) == (1, "138****8000")
    await post.messages.queries.mark_read(post.supervisor, thread.row.id)
    assert (await post.messages.queries.thread(post.agent, thread.row.id)).row.unread == 1
    await post.messages.queries.mark_read(post.agent, thread.row.id)
    assert (await post.messages.queries.thread(post.agent, thread.row.id)).row.unread == 0


async def test_an_opt_out_ends_contacts_at_once_and_is_confirmed_once(post):
    queued, held = await post.send(), await post.send("我们保证下款")
    kept = await post.come("TD")
    refused = await post.row(await post.send("再给您说一下"))
    assert (refused.state, refused.reason_code) == (MessageState.BLOCKED, "do-not-contact")
    async with post.database.begin() as session:
        call = ContactRequest(
            post.agent.employee_id, post.binding.id, Channel.CALL, Direction.OUTBOUND, Purpose.COLLECTION
        )
        assert (await post.desk.contacts.judge(session, call)).reason_code == "do-not-contact"
    await post.messages.review.release(post.supervisor, held)
    await post.dispatcher.drain()
    for message_id in (queued, held):
        assert (await post.row(message_id)).reason_code == "do-not-contact"
    assert [outgoing.text for outgoing in post.channel.sent] == [
        "【示例机构】已为您退订，我们不再主动联系您。"
    ]
    (opt_outs, _) = await post.messages.queries.opt_outs(post.supervisor)
    assert [(row.message_id, row.word) for row in opt_outs] == [(kept.message_id, "TD")]
    confirmation = await post.row(opt_outs[0].confirmation_id)
    assert (confirmation.role, confirmation.contact_id) == (
        MessageRole.HOUSE,
        (await post.row(kept.message_id)).contact_id,
    )
    again = await post.come("退订", "in-2")
    await post.dispatcher.drain()
    assert len(post.channel.sent) == 1
    assert (await post.contact(again.message_id)).outcome is Outcome.CONNECTED
    async with post.database.read() as session:
        assert await session.scalar(select(func.count()).select_from(OptOutRow)) == 2


async def test_the_confirmations_contact_closes_with_it(post):
    kept = await post.come("退订")
    assert (await post.contact(kept.message_id)).outcome is Outcome.PENDING
    await post.dispatcher.drain()
    (opt_outs, _) = await post.messages.queries.opt_outs(post.supervisor)
    row = await post.row(opt_outs[0].confirmation_id)
    from gateway.messages.model import ChannelKind, Receipt, ReceiptState

    receipt = Receipt(ChannelKind.SMS, ReceiptState.FAILED, provider_reference=f"m-{row.reference}")
    await post.messages.receipts.take(receipt, post.channel.traits)
    assert (await post.contact(kept.message_id)).outcome is Outcome.CONNECTED


async def test_a_stranger_and_a_customer_without_binding_are_kept(post):
    stray = await post.come("你好", "s-1", sender=PhoneNumber.parse("13600136000"))
    assert (await post.come("你好", "s-1", sender=PhoneNumber.parse("13600136000"))).new is False
    assert stray.stray_id
    other = await post.desk.customer(post.agent, "13500135000")
    await post.come("退订", "s-2", sender=PhoneNumber.parse("13500135000"))
    binding = await post.desk.bind(post.agent, other.id)
    from gateway.messages.model import ChannelKind
    from gateway.messages.service import SendRequest

    sent = await post.messages.service.send(post.agent, SendRequest(binding.id, ChannelKind.SMS, "您好"))
    assert (await post.row(sent)).reason_code == "do-not-contact"
    async with post.database.read() as session:
        assert await session.scalar(select(func.count()).select_from(StrayRow)) == 2


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("01087654321", "+861087654321"),
        ("+8613977778888", "139****8888"),
        ("13977778888", "139****8888"),
        ("", ""),
    ],
)
async def test_a_stray_line_that_is_not_ours_is_kept_masked(post, written, kept):
    """Anybody may be written to by mistake: that number is no line of ours."""
    stray = await post.come("你好", "s-1", sender=PhoneNumber.parse("13600136000"), line_number=written)
    async with post.database.read() as session:
        assert (await session.get(StrayRow, stray.stray_id)).line_number == kept


async def test_a_released_binding_still_leads_home(post):
    await post.desk.bindings.release(post.agent, post.binding.id)
    kept = await post.come("退订")
    assert kept.message_id
    (opt_outs, _) = await post.messages.queries.opt_outs(post.supervisor)
    assert opt_outs[0].confirmation_id is None


async def test_files_are_kept_encrypted_and_cleared_by_a_person(post):
    media = (ReceivedMedia(BodyKind.PICTURE, PNG, "image/png", "我的13800138000.png"),)
    kept = await post.come("看图", media=media)
    view = await post.messages.queries.message(post.agent, kept.message_id)
    (file,) = view.attachments
    assert (file.shown, file.file_name, file.row.media_type) == (False, "我的138****8000.png", "image/png")
    with pytest.raises(AttachmentNotCleared):
        await post.messages.attachments.show(post.agent, file.row.id)
    opened = await post.messages.attachments.show(post.supervisor, file.row.id)
    assert await opened.source.read(0, len(PNG)) == PNG
    await post.messages.attachments.clear(post.supervisor, file.row.id)
    assert (await post.messages.attachments.show(post.agent, file.row.id)).media_type == "image/png"


async def test_voice_is_handed_over_and_a_dangerous_file_only_noted(post):
    media = (
        ReceivedMedia(BodyKind.VOICE, AMR, "audio/amr", "a.amr"),
        ReceivedMedia(BodyKind.FILE, b"MZ\x90\x00" * 20, "application/pdf", "账单.pdf"),
    )
    kept = await post.come(media=media)
    view = await post.messages.queries.message(post.agent, kept.message_id)
    voice, danger = view.attachments
    assert (voice.row.kind, danger.row.refused, danger.row.blob_id) == (BodyKind.VOICE, "dangerous", None)
    (handed,) = await post.topics(VOICE_RECEIVED)
    assert handed.payload == {"attachment_id": voice.row.id, "message_id": kept.message_id}


class Reader:
    """Reads what a test says is in the picture."""

    def __init__(self, text):
        self.text = text

    async def read(self, content, media_type):
        return self.text


@pytest.mark.parametrize(
    ("text", "state"),
    [
        (None, MessageState.HELD),
        ("", MessageState.QUEUED),
        ("加13912345678", MessageState.HELD),
        ("弄死你", MessageState.BLOCKED),
    ],
)
async def test_a_picture_of_staff(database, clock, text, state):
    traits = Traits(needs_number=True, dedupes=True, receipts=True, media=True)
    post = Post(database, clock, channels=[InMemoryChannel(traits=traits)], image_text=Reader(text))
    await post.set_up()
    message_id = await post.send("", file=PNG, file_name="a.png")
    assert (await post.row(message_id)).state is state
    with pytest.raises(AttachmentRefused):
        await post.send("", file=b"#!/bin/sh\n")
    if state is MessageState.QUEUED:
        await post.dispatcher.drain()
        assert post.channel.sent[0].media[0].content == PNG


def archive(*names):
    data = BytesIO()
    with zipfile.ZipFile(data, "w") as file:
        for name in names:
            file.writestr(name, "x")
    return data.getvalue()


@pytest.mark.parametrize(
    ("content", "answer"),
    [
        (PNG, "png"),
        (b"\xff\xd8\xff\xe0" + b"0" * 30, "jpg"),
        (b"RIFF\x00\x00\x00\x00WAVEfmt ", "wav"),
        (b"\x00\x00\x00\x18ftypmp42", "mp4"),
        (b"%PDF-1.7\n...", "pdf"),
        (archive("[Content_Types].xml", "word/document.xml"), "docx"),
        (b"", "empty"),
        (b"hello", "unknown"),
        (b"MZ" + b"0" * 60, "dangerous"),
        (b"\x7fELF" + b"0" * 60, "dangerous"),
        (b"  <SVG onload=x>", "dangerous"),
        (b"<html>", "dangerous"),
        (b"\xd0\xcf\x11\xe0" + b"0" * 60, "dangerous"),
        (b"%PDF-1.7 /JavaScript (x)", "dangerous"),
        (archive("evil.exe"), "dangerous"),
        (archive("[Content_Types].xml", "word/vbaProject.bin"), "macro"),
        (b"PK\x03\x04broken", "unknown"),
        (PNG[:16] + (90_000).to_bytes(4) * 2 + PNG[24:], "bomb"),
    ],
)
def test_files_are_known_by_their_bytes(content, answer):
    try:
        assert identify(content).extension == answer
    except FileRefused as error:
        assert error.code == answer  # noqa: PT017 - either way is an answer


async def test_a_template_needs_two_people(post):
    templates = post.messages.templates
    draft = await templates.create(post.supervisor, "到期提醒", Purpose.COLLECTION, TEXT, VARIABLES)
    values = {"amount": "1,200.00", "day": "2026-11-25"}
    with pytest.raises(TemplateNotApproved):
        await post.send("", template_version_id=draft.id, values=values)
    author_too = replace(post.supervisor, grants=post.reviewer.grants)
    with pytest.raises(OwnTemplate):
        await templates.decide(author_too, draft.id, approve=True)
    approved = await templates.decide(post.reviewer, draft.id, approve=True)
    assert (approved.state, approved.version) == ("approved", 1)
    with pytest.raises(TemplateDecided):
        await templates.decide(post.reviewer, draft.id, approve=False)
    with pytest.raises(TemplateExists):
        await templates.create(post.supervisor, "到期提醒", Purpose.COLLECTION, TEXT, VARIABLES)
    message_id = await post.send("", template_version_id=draft.id, values=values)
    await post.dispatcher.drain()
    assert (
        post.channel.sent[0].text
        == "【示例机构】张**您好，您本期应还1,200.00元，还款日2026-11-25。拒收请回复TD"
    )
    assert (await post.row(message_id)).action is Action.DELIVER
    with pytest.raises(TemplateInvalid):
        await post.send("", template_version_id=draft.id, values={**values, "day": "打13912345678"})
    second = await templates.write(post.supervisor, draft.template_id, TEXT + "谢谢", VARIABLES)
    assert [view.id for view in await templates.find(post.agent, in_force=True)] == [draft.id]
    await templates.decide(post.reviewer, second.id, approve=True)
    assert [view.version for view in await templates.find(post.agent, in_force=True)] == [2]
    await templates.retire(post.supervisor, draft.template_id)
    assert await templates.find(post.agent, in_force=True) == []


@pytest.mark.parametrize(
    ("text", "variables", "code"),
    [
        ("您好{{amount}}元{{opt_out}}", VARIABLES[:1], "institution-name"),
        ("【{{institution}}】您好", (), "opt-out-note"),
        ("【{{institution}}】{{other}}{{opt_out}}", (), "undeclared"),
        ("【{{institution}}】{{opt_out}}", VARIABLES[:1], "unused"),
        ("【{{institution}}】{{opt_out}}打13912345678", (), "contact-data"),
        ("【{{institution}}】{{opt_out}}{{Bad}}", (), "braces"),
        ("【{{institution}}】{{opt_out}}", (Variable("opt_out", VariableKind.TEXT),), "house-name"),
    ],
)
async def test_wording_that_the_law_asks_for(post, text, variables, code):
    with pytest.raises(TemplateInvalid) as refused:
        await post.messages.templates.create(post.supervisor, "x", Purpose.SALES, text, variables)
    assert code in refused.value.facts["flaws"]


async def test_an_agent_of_another_team_sees_nothing(post):
    kept = await post.come("你好")
    stranger = await post.principal(Role.AGENT, await post.desk.department("二部"))
    from gateway.messages.errors import MessageUnknown

    with pytest.raises(MessageUnknown):
        await post.messages.queries.message(stranger, kept.message_id)
    assert PHONE not in repr(await post.messages.queries.message(post.agent, kept.message_id))
