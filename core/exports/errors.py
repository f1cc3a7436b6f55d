"""Errors of exports."""

from core.errors import Conflict, Invalid, NotFound, TooMany


class NothingChosen(Invalid):
    """Choose a contact, a customer or a period."""

    code = "evidence-nothing-chosen"
    zh = "请选择一次触达、一位客户或一段时间。"


class NothingFound(NotFound):
    """No contact fits this choice."""

    code = "evidence-nothing-found"
    zh = "没有符合条件的触达。"


class TooMuch(Invalid):
    """This is too much for one bundle; choose a shorter period."""

    code = "evidence-too-much"
    zh = "内容过多，无法放入一个证据包，请缩短时间范围。"


class ExportUnknown(NotFound):
    """There is no such export of yours."""

    code = "evidence-export-unknown"
    zh = "没有这次导出。"


class ExportNotReady(Conflict):
    """This bundle is not ready, or it has expired."""

    code = "evidence-export-not-ready"
    zh = "证据包尚未完成，或已过期。"


class ExportBusy(TooMany):
    """Another export of yours is still being made."""

    code = "evidence-export-busy"
    zh = "您的上一个证据包还在制作中。"
