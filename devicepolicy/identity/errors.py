"""Why a phone's request is refused. Each code is stable; agents act on it."""

from core.errors import Forbidden, Unauthenticated


class SignatureMissing(Unauthenticated):
    """This request must be signed by the phone's own key (RFC 9421)."""

    code = "signature-missing"
    zh = "该请求须由手机自己的密钥签名（RFC 9421）。"


class SignatureMalformed(Unauthenticated):
    """The signature's parameters or what it covers are not as agreed."""

    code = "signature-malformed"
    zh = "签名参数或覆盖范围不符合约定。"


class DeviceUnknown(Unauthenticated):
    """No phone of that id is enrolled here."""

    code = "device-unknown"
    zh = "该编号的手机未在此登记。"


class SignatureForged(Unauthenticated):
    """The signature is not that phone's, or the request was changed on its way."""

    code = "signature-forged"
    zh = "签名不属于该手机，或请求在途中被改动。"


class ClockSkewed(Unauthenticated):
    """The request is too old or from the future: set the clock by the server's time and sign anew."""

    code = "clock-skewed"
    zh = "请求时间过早或过晚：请按服务器时间校正后重新签名。"


class RequestReplayed(Unauthenticated):
    """This request was already made; each one needs a fresh nonce."""

    code = "request-replayed"
    zh = "该请求已经提交过；每次请求须使用新的随机数。"


class KeyNotProved(Unauthenticated):
    """The request is not signed by the very key that it brings."""

    code = "device-key-not-proved"
    zh = "请求并非由其所提交的密钥签名。"


class DevicePending(Forbidden):
    """An administrator has not approved this phone yet."""

    code = "device-pending"
    zh = "管理员尚未批准这台手机。"


class DeviceRejected(Forbidden):
    """An administrator rejected this phone."""

    code = "device-rejected"
    zh = "管理员已驳回这台手机。"


class DeviceReleased(Forbidden):
    """This phone was released; its key is dead. To come back it must enrol anew."""

    code = "device-released"
    zh = "这台手机已解除管理，其密钥已失效；如需恢复须重新登记。"


REFUSALS = (
    SignatureMissing,
    SignatureMalformed,
    DeviceUnknown,
    SignatureForged,
    ClockSkewed,
    RequestReplayed,
    DevicePending,
    DeviceRejected,
    DeviceReleased,
)
