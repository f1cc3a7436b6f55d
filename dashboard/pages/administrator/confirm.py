"""Proving once more who one is, before an act that asks for it; then back to where one was."""

from pydantic import Field, SecretStr

from core.access.errors import CodeRefused, LoginLocked, LoginRefused, SessionUnknown
from core.access.grants import ACCOUNT_SESSIONS
from core.access.model import Principal
from core.errors import MasklineError
from core.web.context import RequestContext
from core.web.endpoint import Endpoint, endpoint
from core.web.replies import Html, Redirect
from core.web.schema import ApiModel
from dashboard.asked import Asked
from dashboard.forms import failure_of
from dashboard.pages.kit import Kit
from dashboard.pages.login import session_of
from dashboard.pages.preferences import Seen, local_path

CONFIRM_PATH = "/confirm"


class ConfirmQuery(ApiModel):
    """Where to go afterwards."""

    next: str | None = Field(default=None, max_length=2000)


class ConfirmForm(ApiModel):
    next: str = Field(default="/", max_length=2000)
    password: SecretStr = Field(default=SecretStr(""), max_length=256)
    code: SecretStr = Field(default=SecretStr(""), max_length=40)


def endpoints(kit: Kit) -> list[Endpoint]:
    """Give the page and its form."""

    async def page(asked: Asked, next_path: str, error: MasklineError | None = None) -> Html:
        return kit.show(
            "confirm.html",
            asked,
            back=CONFIRM_PATH,
            told=failure_of(error, asked.context.language) if error else None,
            next_path=next_path,
            wants_code=await kit.parts.access.login.totp_is_confirmed(asked.principal.employee_id),
        )

    @endpoint(
        "GET",
        CONFIRM_PATH,
        permission=ACCOUNT_SESSIONS,
        summary_zh="再次验证身份页",
        summary_en="Page to prove once more who one is",
        kind="page",
    )
    async def show(
        *, principal: Principal, query: ConfirmQuery, context: RequestContext, headers: Seen
    ) -> Html:
        return await page(Asked(principal, context, headers), local_path(query.next))

    @endpoint(
        "POST",
        CONFIRM_PATH,
        permission=ACCOUNT_SESSIONS,
        summary_zh="再次验证身份",
        summary_en="Prove once more who one is",
        kind="page",
    )
    async def submit(
        *, principal: Principal, body: ConfirmForm, context: RequestContext, headers: Seen
    ) -> Html | Redirect:
        next_path = local_path(body.next)
        code = body.code.get_secret_value().strip() or None
        try:
            opened = await kit.parts.access.login.step_up(
                principal, body.password.get_secret_value(), code, source=context.source
            )
        except SessionUnknown:
            return Redirect("/login")
        except (LoginRefused, CodeRefused, LoginLocked) as error:
            return await page(Asked(principal, context, headers), next_path, error)
        return Redirect(next_path, (session_of(opened, context),))

    return [show, submit]
