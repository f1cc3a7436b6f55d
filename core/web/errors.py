"""Faults of a request before any service sees it. The status of each is in `core.web.problems.STATUS`."""

from dataclasses import dataclass

from core.errors import Forbidden, Invalid, MasklineError, NotFound, Unavailable


@dataclass(frozen=True, slots=True)
class Violation:
    """One fault of the input: where (a path of field names) and what, never the value itself."""

    where: str
    zh: str
    en: str


class RequestInvalid(Invalid):
    """Some fields of the request are not acceptable."""

    code = "request-invalid"
    zh = "请求中有字段不符合要求。"

    def __init__(self, *violations: Violation) -> None:
        self.violations = violations
        super().__init__()


class BodyMalformed(Invalid):
    """The body cannot be read."""

    code = "body-malformed"
    zh = "请求体无法解析。"


class BodyTooLarge(Invalid):
    """The body is too large."""

    code = "body-too-large"
    zh = "请求体过大。"


class MediaTypeUnsupported(Invalid):
    """This content type is not accepted here."""

    code = "media-type-unsupported"
    zh = "不支持的内容类型。"


class MethodNotAllowed(Invalid):
    """This address does not know that method."""

    code = "method-not-allowed"
    zh = "该地址不支持此方法。"


class RouteUnknown(NotFound):
    """There is nothing at this address."""

    code = "route-unknown"
    zh = "该地址不存在。"


class RangeUnsatisfiable(Invalid):
    """The file does not have that range."""

    code = "range-unsatisfiable"
    zh = "请求的范围超出文件。"


class CsrfRefused(Forbidden):
    """The request does not come from this site's own pages."""

    code = "csrf-refused"
    zh = "请求并非来自本站页面，已拒绝。"


class UpgradeMissing(Invalid):
    """This address speaks WebSocket only."""

    code = "upgrade-missing"
    zh = "该地址只接受 WebSocket 连接。"


class StepUpRequired(Forbidden):
    """Confirm who you are once more."""

    code = "step-up-required"
    zh = "请再次验证身份。"


class TimedOut(Unavailable):
    """The answer took too long; it was given up."""

    code = "timed-out"
    zh = "处理超时，已放弃。"


class RequestRefused(Invalid):
    """The request is not acceptable."""

    code = "request-refused"
    zh = "请求不可接受。"


class InternalFault(MasklineError):
    """Something broke on our side; the request id leads to the log."""

    code = "internal"
    zh = "系统内部故障，请凭请求编号联系管理员。"
