"""Errors of the domain: a stable code, the same sentence in two languages, and no HTTP.

The docstring of a concrete error is its English message, `zh` its Chinese one. `facts` are
safe to show and to log: never put personal data there.
"""

from typing import ClassVar


class MasklineError(Exception):
    """Something went wrong."""

    code: ClassVar[str] = "error"
    zh: ClassVar[str] = "出错了。"

    def __init__(self, detail: str | None = None, *, detail_zh: str | None = None, **facts: object) -> None:
        self.detail = detail
        self.detail_zh = detail_zh
        self.facts = facts
        super().__init__(self.message("en"))

    @classmethod
    def title(cls, language: str) -> str:
        """Give the fixed sentence of this error in `language` ("zh" or "en")."""
        if language == "zh":
            return cls.zh
        return (cls.__doc__ or "").strip().splitlines()[0]

    def message(self, language: str) -> str:
        """Give the fixed sentence and, if there is one, what is special about this case."""
        detail = (self.detail_zh or self.detail) if language == "zh" else self.detail
        title = self.title(language)
        return f"{title} {detail}" if detail else title


class NotFound(MasklineError):
    """There is no such thing, or you may not see it."""

    code = "not-found"
    zh = "不存在，或您无权查看。"


class Conflict(MasklineError):
    """This contradicts what is already there."""

    code = "conflict"
    zh = "与现有数据冲突。"


class Invalid(MasklineError):
    """The input is not acceptable."""

    code = "invalid"
    zh = "输入不符合要求。"


class Forbidden(MasklineError):
    """You are not allowed to do this."""

    code = "forbidden"
    zh = "您没有此操作的权限。"


class Unauthenticated(MasklineError):
    """Log in first."""

    code = "unauthenticated"
    zh = "请先登录。"


class Unavailable(MasklineError):
    """A part that must answer did not; nothing was done."""

    code = "unavailable"
    zh = "必需的部件没有响应，操作未执行。"


class TooMany(MasklineError):
    """Too many tries; wait and try again."""

    code = "too-many"
    zh = "尝试次数过多，请稍后再试。"
