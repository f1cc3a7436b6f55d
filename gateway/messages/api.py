"""Messages over HTTP: threads, sending, held messages, files, opt-outs."""

from core.access.model import Principal
from core.web.endpoint import Endpoint, endpoint
from core.web.paging import Page, PageQuery
from core.web.replies import FileReply
from core.web.upload import Upload
from gateway.contact.errors import BindingUnknown, VerdictUnavailable
from gateway.messages import permissions
from gateway.messages.build import Messages
from gateway.messages.errors import (
    AttachmentNotCleared,
    AttachmentRefused,
    AttachmentUnknown,
    ChannelMissing,
    MessageInvalid,
    MessageKeyMismatch,
    MessageUnknown,
    NotHeld,
    OwnMessage,
    ScreeningUnavailable,
    TemplateInvalid,
    TemplateNotApproved,
    TemplateRequired,
    TemplateUnknown,
    ThreadUnknown,
)
from gateway.messages.queries import ThreadFilter
from gateway.messages.schemas import (
    AttachmentPath,
    Cleared,
    FileQuery,
    MessageCreate,
    MessageOut,
    MessagePath,
    OptOutOut,
    ReviewBody,
    ThreadListQuery,
    ThreadOut,
    ThreadPath,
)
from gateway.messages.service import SendRequest

_TAGS = ("messages",)
_SENDING = (
    BindingUnknown,
    ChannelMissing,
    MessageInvalid,
    MessageKeyMismatch,
    TemplateRequired,
    TemplateUnknown,
    TemplateNotApproved,
    TemplateInvalid,
    VerdictUnavailable,
    ScreeningUnavailable,
)


def endpoints(messages: Messages) -> list[Endpoint]:
    """Give the endpoints of threads, messages, files and opt-outs."""
    return [*_threads(messages), *_sending(messages), *_review(messages), *_files(messages)]


def _threads(messages: Messages) -> list[Endpoint]:
    queries = messages.queries

    @endpoint(
        "GET",
        "/threads",
        permission=permissions.MESSAGE_READ,
        summary_zh="会话列表",
        summary_en="List threads",
        tags=_TAGS,
    )
    async def listing(*, principal: Principal, query: ThreadListQuery) -> Page[ThreadOut]:
        wanted = ThreadFilter(**query.model_dump(exclude={"cursor", "limit"}))
        views, following = await queries.threads(principal, wanted, cursor=query.cursor, limit=query.limit)
        return Page(items=[ThreadOut.of(view) for view in views], next_cursor=following)

    @endpoint(
        "GET",
        "/threads/{thread_id}",
        permission=permissions.MESSAGE_READ,
        summary_zh="一个会话",
        summary_en="One thread",
        errors=(ThreadUnknown,),
        tags=_TAGS,
    )
    async def get(*, principal: Principal, path: ThreadPath) -> ThreadOut:
        return ThreadOut.of(await queries.thread(principal, path.thread_id))

    @endpoint(
        "GET",
        "/threads/{thread_id}/messages",
        permission=permissions.MESSAGE_READ,
        summary_zh="会话中的消息（脱敏）",
        summary_en="Messages of a thread (masked)",
        errors=(ThreadUnknown,),
        tags=_TAGS,
    )
    async def talk(*, principal: Principal, path: ThreadPath, query: PageQuery) -> Page[MessageOut]:
        views, following = await queries.messages(
            principal, path.thread_id, cursor=query.cursor, limit=query.limit
        )
        return Page(items=[MessageOut.of(view) for view in views], next_cursor=following)

    @endpoint(
        "POST",
        "/threads/{thread_id}/read",
        permission=permissions.MESSAGE_READ,
        summary_zh="标记已读",
        summary_en="Mark a thread read",
        errors=(ThreadUnknown,),
        tags=_TAGS,
    )
    async def read(*, principal: Principal, path: ThreadPath) -> None:
        await queries.mark_read(principal, path.thread_id)

    @endpoint(
        "GET",
        "/opt-outs",
        permission=permissions.OPT_OUT_READ,
        summary_zh="退订记录",
        summary_en="List opt-outs",
        tags=_TAGS,
    )
    async def opt_outs(*, principal: Principal, query: PageQuery) -> Page[OptOutOut]:
        rows, following = await queries.opt_outs(principal, cursor=query.cursor, limit=query.limit)
        return Page(items=[OptOutOut.model_validate(row) for row in rows], next_cursor=following)

    return [listing, get, talk, read, opt_outs]


def _sending(messages: Messages) -> list[Endpoint]:
    @endpoint(
        "POST",
        "/messages",
        permission=permissions.MESSAGE_SEND,
        status=201,
        summary_zh="发送消息",
        summary_en="Send a message",
        errors=_SENDING,
        tags=_TAGS,
    )
    async def send(*, principal: Principal, body: MessageCreate) -> MessageOut:
        """Answers when it is judged and screened: `state` and `reason_*` say what became of it and why."""
        request = SendRequest(
            binding_id=body.binding_id,
            channel=body.channel,
            text=body.text,
            template_version_id=body.template_version_id,
            values=body.values,
            idempotency_key=body.idempotency_key,
        )
        message_id = await messages.service.send(principal, request)
        return MessageOut.of(await messages.queries.message(principal, message_id))

    @endpoint(
        "POST",
        "/messages/files",
        permission=permissions.MESSAGE_SEND,
        status=201,
        summary_zh="发送文件、图片或语音",
        summary_en="Send a file, picture or voice",
        errors=(*_SENDING, AttachmentRefused),
        tags=_TAGS,
    )
    async def send_file(*, principal: Principal, query: FileQuery, upload: Upload) -> MessageOut:
        request = SendRequest(
            binding_id=query.binding_id,
            channel=query.channel,
            file=await upload.read(),
            file_name=upload.file_name,
            idempotency_key=query.idempotency_key,
        )
        message_id = await messages.service.send(principal, request)
        return MessageOut.of(await messages.queries.message(principal, message_id))

    @endpoint(
        "GET",
        "/messages/{message_id}",
        permission=permissions.MESSAGE_READ,
        summary_zh="一条消息及其经过",
        summary_en="One message and what happened to it",
        errors=(MessageUnknown,),
        tags=_TAGS,
    )
    async def get(*, principal: Principal, path: MessagePath) -> MessageOut:
        return MessageOut.of(await messages.queries.message(principal, path.message_id))

    return [send, send_file, get]


def _review(messages: Messages) -> list[Endpoint]:
    errors = (MessageUnknown, NotHeld, OwnMessage)

    @endpoint(
        "GET",
        "/held-messages",
        permission=permissions.MESSAGE_REVIEW,
        summary_zh="待审消息",
        summary_en="Held messages",
        tags=_TAGS,
    )
    async def held(*, principal: Principal, query: PageQuery) -> Page[MessageOut]:
        views, following = await messages.queries.held(principal, cursor=query.cursor, limit=query.limit)
        return Page(items=[MessageOut.of(view) for view in views], next_cursor=following)

    @endpoint(
        "POST",
        "/messages/{message_id}/release",
        permission=permissions.MESSAGE_REVIEW,
        summary_zh="放行待审消息",
        summary_en="Release a held message",
        errors=errors,
        tags=_TAGS,
    )
    async def release(*, principal: Principal, path: MessagePath, body: ReviewBody) -> None:
        await messages.review.release(principal, path.message_id, body.comment)

    @endpoint(
        "POST",
        "/messages/{message_id}/reject",
        permission=permissions.MESSAGE_REVIEW,
        summary_zh="驳回待审消息",
        summary_en="Reject a held message",
        errors=errors,
        tags=_TAGS,
    )
    async def reject(*, principal: Principal, path: MessagePath, body: ReviewBody) -> None:
        await messages.review.reject(principal, path.message_id, body.comment)

    return [held, release, reject]


def _files(messages: Messages) -> list[Endpoint]:
    @endpoint(
        "GET",
        "/attachments/{attachment_id}",
        permission=permissions.ATTACHMENT_READ,
        summary_zh="查看附件",
        summary_en="See an attachment",
        produces="application/octet-stream",
        errors=(AttachmentUnknown, AttachmentNotCleared),
        timeout_s=None,
        tags=_TAGS,
    )
    async def show(*, principal: Principal, path: AttachmentPath) -> FileReply:
        """Always a download: the browser shows nothing that came from outside. Written in the ledger."""
        found = await messages.attachments.show(principal, path.attachment_id)
        return FileReply(found.source, found.media_type, found.file_name, etag=found.sha256, download=True)

    @endpoint(
        "POST",
        "/attachments/{attachment_id}/clear",
        permission=permissions.ATTACHMENT_CLEAR,
        summary_zh="放行附件",
        summary_en="Clear an attachment",
        errors=(AttachmentUnknown,),
        tags=_TAGS,
    )
    async def clear(*, principal: Principal, path: AttachmentPath) -> Cleared:
        return Cleared(cleared_at=await messages.attachments.clear(principal, path.attachment_id))

    return [show, clear]
