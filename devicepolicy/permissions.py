"""Permissions of phones and their policies, and which role gets how much of them."""

from collections.abc import Mapping

from core.access.model import Role, Scope
from core.access.permissions import PermissionSpec

POLICY_READ = "policy.read"
POLICY_WRITE = "policy.write"
POLICY_PUBLISH = "policy.publish"
POLICY_ASSIGN = "policy.assign"
DEVICE_READ = "device.read"
DEVICE_WRITE = "device.write"
DEVICE_ENROL = "device.enrol"
UPLOAD_READ = "device.upload_read"
LOCATION_READ = "device.location_read"
CONDUCT_HANDLE = "device.conduct_handle"
COMMAND_READ = "device.command_read"
COMMAND_ISSUE = "device.command"
COMMAND_WIPE = "device.wipe"
COMMAND_APPROVE = "device.wipe_approve"
COMMAND_RELINQUISH = "device.relinquish"

_ADMINISTRATOR: Mapping[Role, Scope] = {Role.ADMINISTRATOR: Scope.ALL}
_READERS: Mapping[Role, Scope] = {
    Role.SUPERVISOR: Scope.TEAM,
    Role.ADMINISTRATOR: Scope.ALL,
    Role.AUDITOR: Scope.ALL,
}

PERMISSIONS = (
    PermissionSpec(POLICY_READ, "查看手机策略", "See phone policies", _READERS),
    PermissionSpec(POLICY_WRITE, "编写手机策略", "Write phone policies", _ADMINISTRATOR),
    PermissionSpec(POLICY_PUBLISH, "发布手机策略", "Publish phone policies", _ADMINISTRATOR),
    PermissionSpec(
        POLICY_ASSIGN,
        "分配、灰度和回退手机策略",
        "Assign, roll out and roll back phone policies",
        _ADMINISTRATOR,
    ),
    PermissionSpec(COMMAND_READ, "查看手机指令", "See commands to phones", _READERS),
    PermissionSpec(
        COMMAND_ISSUE,
        "下达手机指令（锁定、重置密码、重启、丢失模式等）",
        "Command phones: lock, reset password, reboot, lost mode and so on",
        _ADMINISTRATOR,
    ),
    PermissionSpec(COMMAND_WIPE, "提出擦除手机", "Ask for a phone to be wiped", _ADMINISTRATOR),
    PermissionSpec(
        COMMAND_APPROVE,
        "批准或驳回他人提出的擦除",
        "Approve or refuse a wipe that somebody else asked for",
        {Role.ADMINISTRATOR: Scope.ALL, Role.SUPERVISOR: Scope.TEAM},
    ),
    PermissionSpec(COMMAND_RELINQUISH, "解除手机管理", "Release phones from management", _ADMINISTRATOR),
    PermissionSpec(DEVICE_READ, "查看手机", "See phones", {**_READERS, Role.AGENT: Scope.OWN}),
    PermissionSpec(
        DEVICE_WRITE,
        "批准、驳回、分配和解除手机",
        "Approve, reject, assign and release phones",
        _ADMINISTRATOR,
    ),
    PermissionSpec(
        UPLOAD_READ,
        "查看手机上传的记录和行为事件",
        "See what phones handed in: records, recordings, conduct",
        {**_READERS, Role.AGENT: Scope.OWN},
    ),
    PermissionSpec(
        LOCATION_READ,
        "查看工作手机的轨迹和打卡",
        "See tracks and check-ins of work phones",
        {Role.SUPERVISOR: Scope.TEAM, Role.ADMINISTRATOR: Scope.ALL, Role.AGENT: Scope.OWN},
    ),
    PermissionSpec(
        CONDUCT_HANDLE,
        "处理手机上的行为事件",
        "Close conduct events of phones",
        {Role.SUPERVISOR: Scope.TEAM, Role.ADMINISTRATOR: Scope.ALL},
    ),
    PermissionSpec(DEVICE_ENROL, "发放手机登记令牌", "Issue enrolment tokens for phones", _ADMINISTRATOR),
)
