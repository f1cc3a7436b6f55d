"""What can go wrong with whereabouts and check-ins."""

from core.errors import Conflict, Forbidden, Invalid, NotFound


class LocationConsentRequired(Forbidden):
    """The employee has not agreed to the terms on location, or took it back: nothing of it was kept."""

    code = "location-consent-required"
    zh = "员工未同意位置信息告知书，或已撤回：不保存任何位置信息。"


class CheckInUnknown(NotFound):
    """There is no such check-in."""

    code = "check-in-unknown"
    zh = "没有这次打卡。"


class CheckInRefused(Conflict):
    """This check-in is not taken: `reason` says why. Forget it, send nothing more of it."""

    code = "check-in-refused"
    zh = "不接收这次打卡；原因见 reason。"


class PhotoRefused(Invalid):
    """A picture is a JPEG or PNG of at most 1 MiB, of the announced size and SHA-256; see `reason`."""

    code = "photo-refused"
    zh = "照片须为不超过 1 MiB 的 JPEG 或 PNG，且大小和 SHA-256 与所报一致；原因见 reason。"


class PhotoGone(NotFound):
    """There is no picture: it has not come yet, or what it was sealed under was destroyed."""

    code = "photo-gone"
    zh = "没有照片：尚未传到，或其密钥已销毁。"
