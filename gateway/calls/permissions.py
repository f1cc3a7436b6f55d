"""Permissions of calls and phone accounts, and which role gets how much of them."""

from collections.abc import Mapping

from core.access.model import Role, Scope
from core.access.permissions import PermissionSpec

CALL_PLACE = "call.place"
CALL_READ = "call.read"
CALL_HANGUP = "call.hangup"
RECORDING_LISTEN = "recording.listen"
SIP_ACCOUNT_READ = "sip_account.read"
SIP_ACCOUNT_WRITE = "sip_account.write"

_OWN_AND_TEAM: Mapping[Role, Scope] = {Role.AGENT: Scope.OWN, Role.SUPERVISOR: Scope.TEAM}
_READERS: Mapping[Role, Scope] = {
    **_OWN_AND_TEAM,
    Role.REVIEWER: Scope.ALL,
    Role.ADMINISTRATOR: Scope.ALL,
    Role.AUDITOR: Scope.ALL,
}

PERMISSIONS = (
    PermissionSpec(
        CALL_PLACE, "发起通话", "Place a call", {Role.AGENT: Scope.OWN, Role.SUPERVISOR: Scope.OWN}
    ),
    PermissionSpec(CALL_READ, "查看通话", "See calls", _READERS),
    PermissionSpec(
        CALL_HANGUP, "挂断通话", "Hang up a call", {**_OWN_AND_TEAM, Role.ADMINISTRATOR: Scope.ALL}
    ),
    PermissionSpec(
        RECORDING_LISTEN,
        "收听录音",
        "Listen to recordings",
        {
            Role.AGENT: Scope.OWN,
            Role.SUPERVISOR: Scope.TEAM,
            Role.REVIEWER: Scope.ALL,
            Role.AUDITOR: Scope.ALL,
        },
    ),
    PermissionSpec(
        SIP_ACCOUNT_READ,
        "查看话机账号",
        "See phone accounts",
        {Role.AGENT: Scope.OWN, Role.SUPERVISOR: Scope.TEAM, Role.ADMINISTRATOR: Scope.ALL},
    ),
    PermissionSpec(
        SIP_ACCOUNT_WRITE, "管理话机账号", "Manage phone accounts", {Role.ADMINISTRATOR: Scope.ALL}
    ),
)
