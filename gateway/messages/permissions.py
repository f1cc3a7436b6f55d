"""Permissions of messages, templates and opt-outs, and which role gets how much of them."""

from collections.abc import Mapping

from core.access.model import Role, Scope
from core.access.permissions import PermissionSpec

MESSAGE_SEND = "message.send"
MESSAGE_READ = "message.read"
MESSAGE_REVIEW = "message.review"
ATTACHMENT_READ = "message.attachment"
ATTACHMENT_CLEAR = "message.attachment_clear"
TEMPLATE_READ = "template.read"
TEMPLATE_WRITE = "template.write"
TEMPLATE_APPROVE = "template.approve"
OPT_OUT_READ = "opt_out.read"
ARCHIVE_LINK = "archive.link"

_STAFF: Mapping[Role, Scope] = {Role.AGENT: Scope.OWN, Role.SUPERVISOR: Scope.TEAM}
_READERS: Mapping[Role, Scope] = {
    **_STAFF,
    Role.REVIEWER: Scope.ALL,
    Role.ADMINISTRATOR: Scope.ALL,
    Role.AUDITOR: Scope.ALL,
}
_DECIDERS: Mapping[Role, Scope] = {Role.SUPERVISOR: Scope.TEAM, Role.REVIEWER: Scope.ALL}

PERMISSIONS = (
    PermissionSpec(
        MESSAGE_SEND, "发送消息", "Send messages", {Role.AGENT: Scope.OWN, Role.SUPERVISOR: Scope.OWN}
    ),
    PermissionSpec(MESSAGE_READ, "查看消息（脱敏）", "See messages (masked)", _READERS),
    PermissionSpec(MESSAGE_REVIEW, "放行或驳回待审消息", "Release or reject held messages", _DECIDERS),
    PermissionSpec(ATTACHMENT_READ, "查看附件", "See attachments", _READERS),
    PermissionSpec(ATTACHMENT_CLEAR, "放行附件", "Clear attachments", _DECIDERS),
    PermissionSpec(TEMPLATE_READ, "查看模板", "See templates", dict.fromkeys(Role, Scope.ALL)),
    PermissionSpec(
        TEMPLATE_WRITE,
        "编写模板",
        "Write templates",
        {Role.SUPERVISOR: Scope.ALL, Role.ADMINISTRATOR: Scope.ALL},
    ),
    PermissionSpec(
        TEMPLATE_APPROVE,
        "批准模板",
        "Approve templates",
        {Role.REVIEWER: Scope.ALL, Role.ADMINISTRATOR: Scope.ALL},
    ),
    PermissionSpec(
        ARCHIVE_LINK,
        "关联存档成员",
        "Link archive members",
        {Role.ADMINISTRATOR: Scope.ALL},
    ),
    PermissionSpec(OPT_OUT_READ, "查看退订", "See opt-outs", _READERS),
)
