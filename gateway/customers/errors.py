"""What can go wrong with a customer."""

from core.errors import Conflict, Invalid, NotFound
from core.sheets.faults import Fault
from core.web.errors import RequestInvalid, Violation


class CustomerInvalid(RequestInvalid):
    """Some of the customer's data is not acceptable."""

    code = "customer-invalid"
    zh = "客户资料有误。"

    def __init__(self, *faults: Fault) -> None:
        self.faults = faults
        super().__init__(*(Violation(f"body.{fault.column}", fault.zh, fault.en) for fault in faults))
        self.facts = {fault.column: fault.code for fault in faults}


class CustomerExists(Conflict):
    """There is already a customer with this phone number."""

    code = "customer-exists"
    zh = "该电话号码的客户已存在。"


class ExternalIdTaken(Conflict):
    """There is already a customer with this external id."""

    code = "external-id-taken"
    zh = "该外部编号的客户已存在。"


class CustomerUnknown(NotFound):
    """There is no such customer, or you may not see them."""

    code = "customer-unknown"
    zh = "客户不存在，或您无权查看。"


class ApprovalRequired(Conflict):
    """This needs a second person: ask for it and say why; somebody else decides."""

    code = "customer-approval-required"
    zh = "此操作须第二人审批：请提交申请并写明理由，由他人决定。"


class OwnerInvalid(Invalid):
    """The owner is not an active employee to whom you may give customers."""

    code = "owner-invalid"
    zh = "负责人不是您可分配的在职员工。"


class ConsentUnknown(NotFound):
    """There is no such consent in force."""

    code = "consent-unknown"
    zh = "没有这条有效的同意记录。"


class BlockUnknown(NotFound):
    """There is no such do-not-contact entry in force."""

    code = "block-unknown"
    zh = "没有这条有效的勿扰记录。"


class TimeInvalid(Invalid):
    """This time is not possible here."""

    code = "time-invalid"
    zh = "时间不合理。"


class TextCarriesNumber(Invalid):
    """A text that is kept in the clear must not hold a phone number."""

    code = "number-in-text"
    zh = "明文保存的文本中不得含有电话号码。"
