"""Errors of the switch and of our end of its socket."""

from core.errors import Conflict, Invalid, Unavailable


class SwitchUnavailable(Unavailable):
    """The telephone switch is not connected."""

    code = "switch-unavailable"
    zh = "电话交换未连接。"


class SwitchSocketInUse(Conflict):
    """Another process already serves the switch socket."""

    code = "switch-socket-in-use"
    zh = "交换套接字已被另一进程占用。"


class SwitchSocketPathInvalid(Invalid):
    """The path of the switch socket is too long for the operating system (107 bytes, unix(7))."""

    code = "switch-socket-path"
    zh = "交换套接字路径过长（系统上限 107 字节）。"


class SipPortInUse(Conflict):
    """The SIP address cannot be bound: it is in use or not of this machine."""

    code = "sip-port-in-use"
    zh = "SIP 地址无法绑定：已被占用，或不属于本机。"


class SippyVersionUnsupported(Invalid):
    """The installed sippy is not the version that our patches were written for."""

    code = "sippy-version"
    zh = "已安装的 sippy 版本与补丁不符。"
