"""What can go wrong with a request."""

from core.errors import Conflict, Forbidden, Invalid, NotFound


class RequestUnknown(NotFound):
    """There is no such request, or you may not see it."""

    code = "customer-request-unknown"
    zh = "申请不存在，或您无权查看。"


class OwnRequest(Forbidden):
    """Another person than the one who asked decides."""

    code = "customer-request-own"
    zh = "申请须由提交者以外的人审批。"


class RequestNotWaiting(Conflict):
    """This request does not wait for a decision (any more)."""

    code = "customer-request-not-waiting"
    zh = "该申请不在等待审批。"


class RequestExpired(Conflict):
    """Nobody decided in time: this request has expired, and nothing was done."""

    code = "customer-request-expired"
    zh = "申请已过期，未执行任何操作。"


class RequestStale(Conflict):
    """The customer, or what the asker may do, has changed since: the request ended, nothing was done."""

    code = "customer-request-stale"
    zh = "提交申请后，客户资料或申请人的权限已有变化：申请作废，未执行任何操作。"


class RequestPending(Conflict):
    """Such a request waits already; decide or withdraw it first."""

    code = "customer-request-pending"
    zh = "已有同类申请在等待审批，请先处理或撤回。"


class ReasonInvalid(Invalid):
    """This text is not acceptable."""

    code = "customer-request-text-invalid"
    zh = "文字不符合要求。"


class NothingChanged(Invalid):
    """This would change nothing of who the customer is."""

    code = "customer-request-nothing"
    zh = "所填与现有身份资料相同，没有需要变更的内容。"


class ExportEmpty(Invalid):
    """No customer fits this choice."""

    code = "customer-export-empty"
    zh = "没有符合条件的客户。"


class ExportTooLarge(Invalid):
    """This is more than one export may hold; narrow the choice."""

    code = "customer-export-too-large"
    zh = "超过一次导出的上限，请缩小范围。"


class FileGone(Conflict):
    """The file was downloaded already, or its time is over: ask anew."""

    code = "customer-export-gone"
    zh = "文件已下载过，或已过期删除，请重新申请。"
