"""What can go wrong with a command."""

from core.errors import Conflict, Forbidden, Invalid, NotFound, TooMany


class CommandUnknown(NotFound):
    """There is no such command, or you may not see it."""

    code = "command-unknown"
    zh = "指令不存在，或您无权查看。"


class PhoneUnknown(NotFound):
    """There is no such phone, or you may not command it."""

    code = "phone-unknown"
    zh = "手机不存在，或您无权向它下达指令。"


class PhoneNotManaged(Conflict):
    """This phone is not under management (any more): it takes no commands."""

    code = "phone-not-managed"
    zh = "这台手机不在（或已不在）管理之下，不能下达指令。"


class CommandTooLate(Conflict):
    """The phone has already acknowledged this command, or it is over: it cannot be taken back."""

    code = "command-too-late"
    zh = "手机已确认该指令，或指令已结束，不能撤回。"


class NotWaiting(Conflict):
    """This command does not wait for approval (any more)."""

    code = "command-not-waiting"
    zh = "该指令不在等待批准。"


class OwnCommand(Forbidden):
    """Somebody other than the one who issued it must decide."""

    code = "command-own"
    zh = "须由下达者以外的人审批。"


class WipesExhausted(TooMany):
    """You have wiped as many phones as one person may within an hour."""

    code = "wipes-exhausted"
    zh = "您一小时内擦除的手机已达上限。"


class AckAhead(Conflict):
    """This number was never delivered to the phone: ask for the commands anew."""

    code = "command-ack-ahead"
    zh = "该序号从未下发给手机，请重新获取指令。"


class CommandKeyMismatch(Conflict):
    """The same idempotency key was used for another command."""

    code = "command-key-mismatch"
    zh = "同一幂等键已用于另一条指令。"


class OrderInvalid(Invalid):
    """The order's parameters are not acceptable."""

    code = "order-invalid"
    zh = "指令参数不符合要求。"
