"""What can go wrong with a phone that is in the register."""

from core.errors import Conflict, Invalid, NotFound


class DeviceNotFound(NotFound):
    """There is no such phone."""

    code = "device-not-found"
    zh = "手机不存在。"


class DeviceStateWrong(Conflict):
    """In the phone's present state this is not possible."""

    code = "device-state-wrong"
    zh = "手机的当前状态不允许此操作。"


class HolderInvalid(Invalid):
    """This employee or department cannot have the phone."""

    code = "device-holder-invalid"
    zh = "该员工或部门不能持有这台手机。"
