"""What can go wrong with unbinding and rebinding."""

from core.errors import Conflict, Forbidden, Invalid, NotFound


class OffboardingUnknown(NotFound):
    """There is no such unbinding, or it is not yours to see."""

    code = "offboarding-unknown"
    zh = "没有这次解绑，或您无权查看。"


class PreviewUnknown(NotFound):
    """There is no such preview of yours, or it has expired; preview again."""

    code = "preview-unknown"
    zh = "没有这份预览，或已过期，请重新预览。"


class PreviewStale(Conflict):
    """The preview is stale: things have changed since; nothing was done, preview again."""

    code = "preview-stale"
    zh = "预览已过时：情况有变，未执行任何操作，请重新预览。"


class AlreadyUnbound(Conflict):
    """This employee is unbound already."""

    code = "already-unbound"
    zh = "该员工已被解绑。"


class RankTooHigh(Forbidden):
    """Only an administrator unbinds somebody who is more than an agent."""

    code = "rank-too-high"
    zh = "只有管理员可以解绑坐席以外的人员。"


class SuccessorInvalid(Invalid):
    """The successor must be another active agent or supervisor within your reach."""

    code = "successor-invalid"
    zh = "接手人须是您权限范围内另一名在用的坐席或主管。"


class SuccessorRequired(Invalid):
    """There are customers or bindings to hand over: name a successor."""

    code = "successor-required"
    zh = "有客户或绑定需要交接，请指定接手人。"


class SuccessorFull(Conflict):
    """The successor cannot hold that many bindings."""

    code = "successor-full"
    zh = "接手人的绑定数量将超过上限。"


class UndoTooLate(Conflict):
    """This can no longer be undone."""

    code = "undo-too-late"
    zh = "已过撤销期限，或已撤销。"


class HeldForEvidence(Conflict):
    """This customer's data are held for evidence after an unbinding; an administrator can lift the hold."""

    code = "held-for-evidence"
    zh = "该客户的数据因员工离职取证而保留，管理员可解除保留。"


class HoldAbsent(Conflict):
    """There is no hold any more."""

    code = "hold-absent"
    zh = "保留已解除。"


class RebindingInvalid(Invalid):
    """A rebinding needs a phone, or a line together with its present holder."""

    code = "rebinding-invalid"
    zh = "换绑须指定手机，或号线及其现持有人。"


class RebindingUnknown(NotFound):
    """There is no such rebinding."""

    code = "rebinding-unknown"
    zh = "没有这次换绑。"


class CodeRefused(Forbidden):
    """This code is not yours, was used or revoked, or has expired."""

    code = "rebinding-code-refused"
    zh = "换绑码不属于您，或已使用、作废、过期。"


class PhoneUnknown(NotFound):
    """There is no such phone, or it is not within your reach."""

    code = "phone-unknown"
    zh = "没有这部手机，或不在您的权限范围内。"
