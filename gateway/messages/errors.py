"""What can go wrong with a message, a thread, a template or a channel."""

from core.errors import Conflict, Forbidden, Invalid, MasklineError, NotFound, TooMany, Unavailable


class ThreadUnknown(NotFound):
    """There is no such thread, or you may not see it."""

    code = "thread-unknown"
    zh = "会话不存在，或您无权查看。"


class MessageUnknown(NotFound):
    """There is no such message, or you may not see it."""

    code = "message-unknown"
    zh = "消息不存在，或您无权查看。"


class MessageInvalid(Invalid):
    """This message is not acceptable."""

    code = "message-invalid"
    zh = "消息不符合要求。"


class MessageKeyMismatch(Conflict):
    """This idempotency key was used for another message."""

    code = "message-key-mismatch"
    zh = "此幂等键已用于另一条消息。"


class NotHeld(Conflict):
    """This message is not held; somebody may have decided already."""

    code = "message-not-held"
    zh = "该消息不在待审状态，可能已被处理。"


class OwnMessage(Forbidden):
    """Another person than the author decides about a held message."""

    code = "message-own-review"
    zh = "待审消息须由作者以外的人处理。"


class TemplateRequired(Forbidden):
    """This purpose may use approved templates only over this channel."""

    code = "template-required"
    zh = "该用途在此通道上只能使用已批准的模板。"


class TemplateUnknown(NotFound):
    """There is no such template or version."""

    code = "template-unknown"
    zh = "模板或版本不存在。"


class TemplateExists(Conflict):
    """There is already a template of this name."""

    code = "template-exists"
    zh = "同名模板已存在。"


class TemplateInvalid(Invalid):
    """The template's text or variables are not acceptable."""

    code = "template-invalid"
    zh = "模板内容或变量不符合要求。"


class TemplateNotApproved(Conflict):
    """This version of the template is not approved."""

    code = "template-not-approved"
    zh = "该模板版本未经批准。"


class TemplateDecided(Conflict):
    """This version was approved or rejected already; write a new one."""

    code = "template-decided"
    zh = "该版本已批准或驳回，请新建版本。"


class OwnTemplate(Forbidden):
    """Another person than the author approves a template."""

    code = "template-own-approval"
    zh = "模板须由作者以外的人批准。"


class AttachmentUnknown(NotFound):
    """There is no such attachment, or you may not see it."""

    code = "attachment-unknown"
    zh = "附件不存在，或您无权查看。"


class AttachmentRefused(Invalid):
    """A file of this kind or size is not accepted."""

    code = "attachment-refused"
    zh = "不接受此类型或大小的文件。"


class AttachmentNotCleared(Forbidden):
    """Nobody has read this attachment yet; a supervisor must clear it first."""

    code = "attachment-not-cleared"
    zh = "该附件尚未审读，须主管放行后查看。"


class ChannelMissing(Invalid):
    """This deployment has no such channel."""

    code = "channel-missing"
    zh = "本机构未开通该通道。"


class ScreeningUnavailable(Unavailable):
    """The message could not be screened, so it was not sent."""

    code = "screening-unavailable"
    zh = "无法完成内容筛查，消息未发送。"


class ChatTokenInvalid(Forbidden):
    """This chat link is not valid any more."""

    code = "chat-token-invalid"
    zh = "聊天链接无效或已过期。"


class ChatTooFast(TooMany):
    """Too many messages; wait a moment."""

    code = "chat-too-fast"
    zh = "发送过于频繁，请稍候。"


class ChannelRefused(MasklineError):
    """The provider refused this message for good."""

    code = "channel-refused"
    zh = "通道永久拒绝了该消息。"

    def __init__(self, provider_code: str = "") -> None:
        self.provider_code = provider_code
        super().__init__()


class ChannelUnavailable(Unavailable):
    """The channel does not take messages now."""

    code = "channel-unavailable"
    zh = "通道暂不可用。"

    def __init__(self, provider_code: str = "", *, retry_after_s: float = 0.0) -> None:
        self.provider_code = provider_code
        self.retry_after_s = retry_after_s
        super().__init__()


class ChannelThrottled(ChannelUnavailable):
    """The provider asks us to slow down."""

    code = "channel-throttled"
    zh = "通道要求降低发送速度。"


class OutcomeUnknown(MasklineError):
    """The provider did not answer; nobody knows whether it took the message."""

    code = "channel-outcome-unknown"
    zh = "通道没有应答，无法确认是否已接收。"
