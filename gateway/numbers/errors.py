"""What can go wrong with lines and bindings."""

from core.errors import Conflict, Invalid, NotFound


class LineInvalid(Invalid):
    """This is not a usable line."""

    code = "line-invalid"
    zh = "号线信息有误。"


class LineExists(Conflict):
    """This line is already registered."""

    code = "line-exists"
    zh = "该号线已登记。"


class LineUnknown(NotFound):
    """There is no such line."""

    code = "line-unknown"
    zh = "号线不存在。"


class LineInUse(Conflict):
    """Bindings still use this line; release them first."""

    code = "line-in-use"
    zh = "该号线仍有绑定在使用，请先解除。"


class NoLineFree(Conflict):
    """No line can serve this binding without a conflict."""

    code = "no-line-free"
    zh = "没有可无冲突使用的号线。"


class BindingInvalid(Invalid):
    """This binding is not possible."""

    code = "binding-invalid"
    zh = "绑定请求有误。"


class BindingExists(Conflict):
    """This employee is already bound to this customer for this purpose."""

    code = "binding-exists"
    zh = "该员工与该客户已有同一目的的绑定。"


class BindingUnknown(NotFound):
    """There is no such binding, or it is over."""

    code = "binding-unknown"
    zh = "绑定不存在或已结束。"


class TooManyBindings(Conflict):
    """This employee holds as many bindings as the policy allows."""

    code = "too-many-bindings"
    zh = "该员工的绑定数已达上限。"


class IdempotencyMismatch(Conflict):
    """This idempotency key was used for another request."""

    code = "idempotency-mismatch"
    zh = "该幂等键已用于不同的请求。"
