"""Permissions of quality assurance, and which role gets how much of them."""

from collections.abc import Mapping

from core.access.model import Role, Scope
from core.access.permissions import PermissionSpec

INSPECTION_READ = "inspection.read"
TRANSCRIPT_READ = "transcript.read"
TRANSCRIPT_NUMBERS = "transcript.numbers"
ALERT_READ = "alert.read"
ALERT_HANDLE = "alert.handle"
ALERT_RULES = "alert.rules"
FINDING_REVIEW = "finding.review"
FINDING_APPEAL = "finding.appeal"

_READERS: Mapping[Role, Scope] = {
    Role.AGENT: Scope.OWN,
    Role.SUPERVISOR: Scope.TEAM,
    Role.REVIEWER: Scope.ALL,
    Role.ADMINISTRATOR: Scope.ALL,
    Role.AUDITOR: Scope.ALL,
}
_LISTENERS: Mapping[Role, Scope] = {
    Role.AGENT: Scope.OWN,
    Role.SUPERVISOR: Scope.TEAM,
    Role.REVIEWER: Scope.ALL,
}
_HANDLERS: Mapping[Role, Scope] = {Role.SUPERVISOR: Scope.TEAM, Role.REVIEWER: Scope.ALL}

PERMISSIONS = (
    PermissionSpec(INSPECTION_READ, "查看质检结果", "See inspections", _READERS),
    PermissionSpec(
        TRANSCRIPT_READ, "查看转写原文（号码脱敏）", "Read transcripts (numbers masked)", _LISTENERS
    ),
    # Nobody by default: an institution that needs it grants it knowingly.
    PermissionSpec(TRANSCRIPT_NUMBERS, "查看转写中的号码", "See numbers in transcripts", {}),
    PermissionSpec(
        ALERT_READ,
        "查看预警",
        "See alerts",
        {**_HANDLERS, Role.ADMINISTRATOR: Scope.ALL, Role.AUDITOR: Scope.ALL},
    ),
    # Auditors handle those about unusual access only: of the others they may not read the words.
    PermissionSpec(
        ALERT_HANDLE,
        "受理和关闭预警（审计员：仅异常访问）",
        "Take and close alerts (auditors: about unusual access only)",
        {**_HANDLERS, Role.AUDITOR: Scope.ALL},
    ),
    PermissionSpec(
        ALERT_RULES,
        "设置敏感词规则的范围、告知时间与通知渠道",
        "Choose in which chats rules about words hold, and how and when their alerts are told",
        {Role.ADMINISTRATOR: Scope.ALL},
    ),
    # Never on one's own inspections, whatever the scope.
    PermissionSpec(
        FINDING_REVIEW, "复核命中、裁定申诉", "Review findings, settle appeals", {Role.REVIEWER: Scope.ALL}
    ),
    # On one's own inspections only, whatever the scope.
    PermissionSpec(
        FINDING_APPEAL,
        "对自己的命中申诉",
        "Object to findings about oneself",
        {Role.AGENT: Scope.OWN, Role.SUPERVISOR: Scope.OWN},
    ),
)
