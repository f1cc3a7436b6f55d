"""What can be wrong with a call, a phone account or the way to the calls process."""

from core.errors import Conflict, Forbidden, Invalid, NotFound, Unavailable


class CallNotFound(NotFound):
    """There is no such call, or you may not see it."""

    code = "call-not-found"
    zh = "没有此通话，或您无权查看。"


class CallRefused(Forbidden):
    """A rule forbids this call."""

    code = "call-refused"
    zh = "规则不允许此次通话。"


class CallTargetUnknown(NotFound):
    """There is no valid binding for this call."""

    code = "call-target-unknown"
    zh = "没有可用于此次通话的有效绑定。"


class CallOver(Conflict):
    """The call is already over."""

    code = "call-over"
    zh = "通话已结束。"


class AlreadyPlaced(Conflict):
    """A call was already asked for under this idempotency key."""

    code = "call-already-placed"
    zh = "此幂等键已用于另一通话。"


class CallNotPlaced(Unavailable):
    """The call could not be placed: a part that must answer did not."""

    code = "call-not-placed"
    zh = "通话未能发起：必需的部件没有响应。"


class CallsUnavailable(Unavailable):
    """The calls process does not answer; nothing was done."""

    code = "calls-unavailable"
    zh = "通话进程没有响应，操作未执行。"


class PhoneNotRegistered(Conflict):
    """The employee's phone is not registered."""

    code = "phone-not-registered"
    zh = "员工的话机未注册。"


class SwitchNotConnected(Unavailable):
    """The switch is not connected."""

    code = "switch-not-connected"
    zh = "交换进程未连接。"


class NoRecording(NotFound):
    """This call has no recording."""

    code = "no-recording"
    zh = "此通话没有录音。"


class SipAccountInvalid(Invalid):
    """The phone account is not acceptable."""

    code = "sip-account-invalid"
    zh = "话机账号有误。"


class SipAccountTaken(Conflict):
    """The employee already has a phone account; rotate its password instead."""

    code = "sip-account-exists"
    zh = "该员工已有话机账号，请更换密码。"


class SipAccountNotFound(NotFound):
    """The employee has no phone account."""

    code = "sip-account-not-found"
    zh = "该员工没有话机账号。"


class AlreadyRunning(Conflict):
    """Another calls process already runs on this data folder."""

    code = "calls-already-running"
    zh = "此数据目录上已有一个通话进程在运行。"
