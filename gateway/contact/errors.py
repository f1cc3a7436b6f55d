"""What can go wrong with a contact."""

from core.errors import Conflict, NotFound, Unavailable


class VerdictUnavailable(Unavailable):
    """The rules could not be evaluated, so the contact is refused."""

    code = "verdict-unavailable"
    zh = "无法完成合规判定，触达已拒绝。"


class RulesInvalid(Unavailable):
    """The rule files are not acceptable, so no contact is allowed."""

    code = "rules-invalid"
    zh = "规则文件有误，所有触达均被拒绝。"


class BindingUnknown(NotFound):
    """There is no such binding."""

    code = "binding-unknown"
    zh = "绑定不存在。"


class ContactUnknown(NotFound):
    """There is no such contact."""

    code = "contact-unknown"
    zh = "触达记录不存在。"


class ContactNotOpen(Conflict):
    """This contact was not allowed, or it is over."""

    code = "contact-not-open"
    zh = "该触达未获允许或已结束。"


class RevealRefused(Conflict):
    """The number is given once, for an outbound call, right after a second check."""

    code = "reveal-refused"
    zh = "号码仅在外呼二次判定通过后提供一次。"


class ContactStillOpen(Conflict):
    """A contact with this customer is still open; end it first."""

    code = "contact-still-open"
    zh = "与该客户的触达仍在进行，请先结束。"


class RuleUnknown(NotFound):
    """There is no such rule."""

    code = "rule-unknown"
    zh = "没有这条规则。"
