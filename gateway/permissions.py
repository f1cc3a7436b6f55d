"""Permissions of customers, lines, bindings and contacts, and which role gets how much of them."""

from collections.abc import Mapping

from core.access.model import Role, Scope
from core.access.permissions import PermissionSpec

_STAFF: Mapping[Role, Scope] = {Role.AGENT: Scope.OWN, Role.SUPERVISOR: Scope.TEAM}
_STAFF_AND_ADMIN: Mapping[Role, Scope] = {**_STAFF, Role.ADMINISTRATOR: Scope.ALL}
_ADMIN: Mapping[Role, Scope] = {Role.ADMINISTRATOR: Scope.ALL}
_READERS: Mapping[Role, Scope] = {
    **_STAFF,
    Role.REVIEWER: Scope.ALL,
    Role.ADMINISTRATOR: Scope.ALL,
    Role.AUDITOR: Scope.ALL,
}

CUSTOMER_READ = "customer.read"
CUSTOMER_WRITE = "customer.write"
CUSTOMER_IMPORT = "customer.import"
CUSTOMER_ERASE = "customer.erase"
CUSTOMER_EXPORT = "customer.export"
CUSTOMER_APPROVE = "customer.approve"
CUSTOMER_REQUEST_READ = "customer.request_read"
CONSENT_WRITE = "consent.write"
CONSENT_WITHDRAW = "consent.withdraw"
BLOCK_WRITE = "do_not_contact.write"
BLOCK_LIFT = "do_not_contact.lift"
NOTE_READ = "note.read"
NOTE_WRITE = "note.write"
LINE_READ = "line.read"
LINE_WRITE = "line.write"
BINDING_READ = "binding.read"
BINDING_WRITE = "binding.write"
CONTACT_READ = "contact.read"
CONTACT_DRY_RUN = "contact.dry_run"
RULE_READ = "rule.read"
OFFBOARDING_READ = "offboarding.read"
OFFBOARDING_ACT = "offboarding.act"
OFFBOARDING_WIPE = "offboarding.wipe"
OFFBOARDING_UNDO = "offboarding.undo"
REBINDING_WRITE = "rebinding.write"
REBINDING_REDEEM = "rebinding.redeem"

PERMISSIONS = (
    PermissionSpec(CUSTOMER_READ, "查看客户（脱敏）", "See customers (masked)", _READERS),
    PermissionSpec(CUSTOMER_WRITE, "新建和修改客户", "Create and change customers", _STAFF_AND_ADMIN),
    PermissionSpec(
        CUSTOMER_IMPORT,
        "导入客户",
        "Import customers",
        {Role.SUPERVISOR: Scope.TEAM, Role.ADMINISTRATOR: Scope.ALL},
    ),
    PermissionSpec(CUSTOMER_ERASE, "永久删除客户数据", "Erase customers for good", _ADMIN),
    PermissionSpec(
        CUSTOMER_EXPORT,
        "申请导出客户清单（脱敏）",
        "Ask for an export of customers (masked)",
        {Role.SUPERVISOR: Scope.TEAM, Role.ADMINISTRATOR: Scope.ALL},
    ),
    # Never about one's own request; about an erasure only with the permission to erase.
    PermissionSpec(
        CUSTOMER_APPROVE,
        "审批客户资料申请",
        "Decide about requests on customers",
        {Role.SUPERVISOR: Scope.TEAM, Role.ADMINISTRATOR: Scope.ALL},
    ),
    PermissionSpec(
        CUSTOMER_REQUEST_READ,
        "查看客户资料申请",
        "See requests on customers",
        {**_STAFF_AND_ADMIN, Role.AUDITOR: Scope.ALL},
    ),
    PermissionSpec(CONSENT_WRITE, "登记客户同意", "Record a consent", _STAFF_AND_ADMIN),
    PermissionSpec(CONSENT_WITHDRAW, "登记撤回同意", "Record a withdrawal", _STAFF_AND_ADMIN),
    PermissionSpec(BLOCK_WRITE, "加入勿扰名单", "Add to do-not-contact", _STAFF_AND_ADMIN),
    PermissionSpec(
        BLOCK_LIFT,
        "移出勿扰名单",
        "Lift a do-not-contact entry",
        {Role.SUPERVISOR: Scope.TEAM, Role.ADMINISTRATOR: Scope.ALL},
    ),
    PermissionSpec(
        NOTE_READ,
        "查看客户备注和下一步",
        "See notes and next steps",
        {**_STAFF_AND_ADMIN, Role.REVIEWER: Scope.ALL},
    ),
    PermissionSpec(NOTE_WRITE, "写客户备注和下一步", "Write notes and next steps", _STAFF),
    PermissionSpec(LINE_READ, "查看号线", "See lines", {**_READERS, Role.AGENT: Scope.ALL}),
    PermissionSpec(LINE_WRITE, "管理号线", "Manage lines", _ADMIN),
    PermissionSpec(BINDING_READ, "查看绑定", "See bindings", _READERS),
    PermissionSpec(BINDING_WRITE, "新建、续期和解除绑定", "Make, renew, release bindings", _STAFF_AND_ADMIN),
    PermissionSpec(CONTACT_READ, "查看触达记录", "See contacts", _READERS),
    PermissionSpec(CONTACT_DRY_RUN, "预演合规判定", "Dry-run a verdict", _READERS),
    PermissionSpec(RULE_READ, "查看现行规则", "See the rules in force", dict.fromkeys(Role, Scope.ALL)),
    PermissionSpec(
        OFFBOARDING_READ,
        "查看解绑记录",
        "See unbindings",
        {Role.SUPERVISOR: Scope.TEAM, Role.ADMINISTRATOR: Scope.ALL, Role.AUDITOR: Scope.ALL},
    ),
    # With the scope of a team: plain agents only, whoever else is in it.
    PermissionSpec(
        OFFBOARDING_ACT,
        "预览并执行一键解绑",
        "Preview and do an unbinding",
        {Role.SUPERVISOR: Scope.TEAM, Role.ADMINISTRATOR: Scope.ALL},
    ),
    PermissionSpec(OFFBOARDING_WIPE, "解绑时申请擦除手机", "Ask for a wipe with an unbinding", _ADMIN),
    # Undoing gives an account back, which a supervisor cannot.
    PermissionSpec(
        OFFBOARDING_UNDO, "撤销解绑、解除取证保留", "Undo an unbinding, lift its hold of evidence", _ADMIN
    ),
    PermissionSpec(
        REBINDING_WRITE,
        "生成和作废换绑码",
        "Make and revoke rebinding codes",
        {Role.SUPERVISOR: Scope.TEAM, Role.ADMINISTRATOR: Scope.ALL},
    ),
    PermissionSpec(
        REBINDING_REDEEM,
        "扫码换绑到本人",
        "Take over a line or a phone with a code",
        {Role.AGENT: Scope.OWN, Role.SUPERVISOR: Scope.OWN},
    ),
)
