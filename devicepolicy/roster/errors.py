"""What can go wrong with a list of phones."""

from core.errors import Conflict, Invalid, NotFound


class DeviceListUnknown(NotFound):
    """There is no such list of phones."""

    code = "device-list-unknown"
    zh = "没有这份手机清单。"


class DeviceListTaken(Conflict):
    """This list has been taken already."""

    code = "device-list-taken"
    zh = "这份清单已经导入。"


class DeviceListEmpty(Invalid):
    """No line of this list can be taken; mend the file and bring it again."""

    code = "device-list-empty"
    zh = "这份清单没有可导入的行，请修改文件后重新上传。"
