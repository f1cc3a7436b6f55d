"""Language and theme: kept in two cookies that hold nothing else, switched by a form that needs no script."""

import re
from typing import Literal

from pydantic import BaseModel, Field

from core.web.endpoint import PUBLIC, Endpoint, endpoint
from core.web.replies import Cookie, Redirect
from core.web.schema import ApiModel
from core.web.security import LANGUAGE_COOKIE

THEME_COOKIE = "theme"
YEAR_S = 365 * 24 * 3600
_THEME = re.compile(rf"(?:^|;\s*){THEME_COOKIE}=(dark|light)(?:;|$)")
_LOCAL = re.compile(r"/([^/\\].*)?", re.DOTALL)


class Seen(BaseModel):
    """The request headers that a page looks at."""

    cookie: str = Field(default="", repr=False)

    @property
    def theme(self) -> str | None:
        """The theme that the reader chose; None leaves it to the system."""
        found = _THEME.search(self.cookie)
        return found.group(1) if found else None


class PreferenceForm(ApiModel):
    """One switch, and the address to come back to."""

    language: Literal["zh", "en"] | None = None
    theme: Literal["dark", "light"] | None = None
    back: str = Field(default="/", max_length=2000)


def local_path(address: str | None) -> str:
    """Give an address on this site, "/" for any other."""
    if address is None or not _LOCAL.fullmatch(address) or not address.isprintable():
        return "/"
    return address


def endpoints() -> list[Endpoint]:
    """Give the endpoint of the switches."""

    @endpoint(
        "POST",
        "/preferences",
        permission=PUBLIC,
        public_reason="sets the reader's own language and theme, also before the log-in",
        summary_zh="切换语言与主题",
        summary_en="Switch language and theme",
        kind="page",
    )
    async def prefer(*, body: PreferenceForm) -> Redirect:
        chosen = ((LANGUAGE_COOKIE, body.language), (THEME_COOKIE, body.theme))
        cookies = tuple(
            Cookie(name, value, max_age_s=YEAR_S, http_only=False) for name, value in chosen if value
        )
        return Redirect(local_path(body.back), cookies)

    return [prefer]
