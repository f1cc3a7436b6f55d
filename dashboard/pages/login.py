"""Log-in, step by step: password, code, forced password change, second factor, log-out."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

import segno
from pydantic import Field, SecretStr

from core.access.errors import (
    CodeRefused,
    LoginLocked,
    LoginRefused,
    PasswordWeak,
    SessionUnknown,
    TotpPresent,
)
from core.access.grants import ACCOUNT_ENROL, ACCOUNT_LOGIN, ACCOUNT_PASSWORD, ACCOUNT_SESSIONS
from core.access.login import LoginService
from core.access.model import Principal
from core.access.models import Stage
from core.access.sessions import OpenedSession
from core.errors import MasklineError
from core.web.context import RequestContext
from core.web.endpoint import PUBLIC, Endpoint, endpoint
from core.web.problems import status_of
from core.web.replies import Cookie, Html, Redirect
from core.web.schema import ApiModel
from core.web.security import session_cookie
from dashboard.pages.preferences import Seen, local_path
from dashboard.render import Renderer

_STEPS = {
    Stage.TOTP: "/login/code",
    Stage.CHANGE_PASSWORD: "/login/password",
    Stage.ENROL_TOTP: "/login/enrol",
}
_OTPAUTH = r"^otpauth://totp/[!-~]{1,900}$"


class NextQuery(ApiModel):
    """Where to go when the log-in is complete."""

    next: str | None = Field(default=None, max_length=500)


class NextForm(ApiModel):
    next: str = Field(default="/", max_length=500)


class LoginForm(NextForm):
    username: str = Field(default="", max_length=64)
    password: SecretStr = Field(default=SecretStr(""), max_length=256)


class CodeForm(NextForm):
    code: SecretStr = Field(default=SecretStr(""), max_length=40)


class EnrolForm(CodeForm):
    """The code, and the address that the QR code showed, so that a typing error needs no second scan."""

    uri: str = Field(pattern=_OTPAUTH, repr=False)
    secret: str = Field(pattern=r"^[A-Z2-7]{16,64}$", repr=False)


class PasswordForm(NextForm):
    current: SecretStr = Field(default=SecretStr(""), max_length=256)
    new: SecretStr = Field(default=SecretStr(""), max_length=256)
    repeated: SecretStr = Field(default=SecretStr(""), max_length=256)


def endpoints(renderer: Renderer, login: LoginService) -> list[Endpoint]:
    """Give the pages of the log-in."""
    pages = LoginPages(renderer, login)
    return [*_password_step(pages), *_code_step(pages), *_enrolment(pages), *_new_password(pages)]


class LoginPages:
    """What the steps share."""

    def __init__(self, renderer: Renderer, login: LoginService) -> None:
        self.renderer = renderer
        self.login = login

    def show(
        self,
        template: str,
        context: RequestContext,
        seen: Seen,
        *,
        next_path: str,
        error: MasklineError | str | None = None,
        cookies: Sequence[Cookie] = (),
        **data: Any,
    ) -> Html:
        """Render a step, with what went wrong in the last try."""
        key, wait_s = _fault(error)
        detail = _detail(error, context.language)
        text = self.renderer.page(
            f"login/{template}",
            context=context,
            theme=seen.theme,
            next_path=next_path,
            error_key=key,
            error_detail=detail,
            wait_s=wait_s,
            **data,
        )
        status = status_of(type(error)) if isinstance(error, MasklineError) else 422 if error else 200
        return Html(text, status, tuple(cookies))

    def go_on(self, opened: OpenedSession, context: RequestContext, next_path: str) -> Redirect:
        """Hand the new session over and go to its next step."""
        return Redirect(_address(opened.stage, next_path), (session_of(opened, context),))


def session_of(opened: OpenedSession, context: RequestContext) -> Cookie:
    return Cookie(session_cookie(secure=context.secure), opened.token)


def stage_of(principal: Principal) -> Stage:
    """Tell from the rights of a session how far its log-in has come."""
    if principal.allows(ACCOUNT_SESSIONS):
        return Stage.FULL
    if principal.allows(ACCOUNT_PASSWORD):
        return Stage.CHANGE_PASSWORD
    return Stage.ENROL_TOTP if principal.allows(ACCOUNT_ENROL) else Stage.TOTP


def _address(stage: Stage, next_path: str) -> str:
    step = _STEPS.get(stage)
    return local_path(next_path) if step is None else f"{step}?next={quote(local_path(next_path))}"


def _fault(error: MasklineError | str | None) -> tuple[str | None, int | None]:
    """Name the sentence for a refusal, and the seconds to wait."""
    if isinstance(error, LoginLocked):
        wait = error.facts.get("retry_after_s")
        return "login.error.locked", int(wait) if isinstance(wait, int | float) else None
    if isinstance(error, MasklineError):
        return f"login.error.{error.code}", None
    return error, None


def _detail(error: MasklineError | str | None, language: str) -> str | None:
    if not isinstance(error, MasklineError):
        return None
    return (error.detail_zh if language == "zh" else None) or error.detail


def _password_step(pages: LoginPages) -> list[Endpoint]:
    @endpoint(
        "GET",
        "/login",
        permission=PUBLIC,
        public_reason="this is where people log in",
        summary_zh="登录页",
        summary_en="Log-in page",
        kind="page",
    )
    async def show(
        *, principal: Principal | None, query: NextQuery, context: RequestContext, headers: Seen
    ) -> Html | Redirect:
        next_path = local_path(query.next)
        if principal is not None:
            return Redirect(_address(stage_of(principal), next_path))
        return pages.show("password.html", context, headers, next_path=next_path, username="")

    @endpoint(
        "POST",
        "/login",
        permission=PUBLIC,
        public_reason="this is where people log in; tries are counted",
        summary_zh="登录",
        summary_en="Log in",
        kind="page",
    )
    async def submit(*, body: LoginForm, context: RequestContext, headers: Seen) -> Html | Redirect:
        next_path, username = local_path(body.next), body.username.strip()
        password = body.password.get_secret_value()
        error: MasklineError | str = "login.error.empty"
        if username and password:
            try:
                opened = await pages.login.log_in(username, password, source=context.source)
            except (LoginRefused, LoginLocked) as refused:
                error = refused
            else:
                return pages.go_on(opened, context, next_path)
        return pages.show(
            "password.html", context, headers, next_path=next_path, error=error, username=username
        )

    @endpoint(
        "POST",
        "/logout",
        permission=ACCOUNT_LOGIN,
        summary_zh="退出登录",
        summary_en="Log out",
        kind="page",
    )
    async def leave(*, principal: Principal, context: RequestContext) -> Redirect:
        await pages.login.log_out(principal)
        return Redirect("/login", (Cookie(session_cookie(secure=context.secure), ""),))

    return [show, submit, leave]


def _code_step(pages: LoginPages) -> list[Endpoint]:
    @endpoint(
        "GET",
        "/login/code",
        permission=ACCOUNT_LOGIN,
        summary_zh="动态口令页",
        summary_en="Page of the second step",
        kind="page",
    )
    async def show(
        *, principal: Principal, query: NextQuery, context: RequestContext, headers: Seen
    ) -> Html | Redirect:
        next_path = local_path(query.next)
        if stage_of(principal) is not Stage.TOTP:
            return Redirect(_address(stage_of(principal), next_path))
        return pages.show("code.html", context, headers, next_path=next_path)

    @endpoint(
        "POST",
        "/login/code",
        permission=ACCOUNT_LOGIN,
        summary_zh="提交动态口令",
        summary_en="Second step of the log-in",
        kind="page",
    )
    async def submit(
        *, principal: Principal, body: CodeForm, context: RequestContext, headers: Seen
    ) -> Html | Redirect:
        next_path, code = local_path(body.next), body.code.get_secret_value()
        try:
            opened = await pages.login.second_step(principal, code, source=context.source)
        except SessionUnknown:
            return Redirect("/login")
        except (CodeRefused, LoginLocked) as error:
            return pages.show("code.html", context, headers, next_path=next_path, error=error)
        return pages.go_on(opened, context, next_path)

    return [show, submit]


def _enrolment(pages: LoginPages) -> list[Endpoint]:
    @endpoint(
        "GET",
        "/login/enrol",
        permission=ACCOUNT_ENROL,
        summary_zh="绑定动态口令说明页",
        summary_en="What the second factor is for",
        kind="page",
    )
    async def explain(
        *, principal: Principal, query: NextQuery, context: RequestContext, headers: Seen
    ) -> Html | Redirect:
        next_path = local_path(query.next)
        if await pages.login.totp_is_confirmed(principal.employee_id):
            return Redirect(next_path)
        return pages.show("enrol.html", context, headers, next_path=next_path)

    @endpoint(
        "POST",
        "/login/enrol",
        permission=ACCOUNT_ENROL,
        step_up=True,
        summary_zh="开始绑定动态口令",
        summary_en="Start to set up a second factor",
        kind="page",
    )
    async def begin(
        *, principal: Principal, body: NextForm, context: RequestContext, headers: Seen
    ) -> Html | Redirect:
        next_path = local_path(body.next)
        try:
            started = await pages.login.begin_totp(principal)
        except TotpPresent:
            return Redirect(next_path)
        return pages.show(
            "scan.html",
            context,
            headers,
            next_path=next_path,
            secret=started.secret,
            uri=started.uri,
            qr=qr_code(started.uri),
        )

    @endpoint(
        "POST",
        "/login/enrol/confirm",
        permission=ACCOUNT_ENROL,
        step_up=True,
        summary_zh="确认动态口令",
        summary_en="Confirm the second factor",
        kind="page",
    )
    async def confirm(
        *, principal: Principal, body: EnrolForm, context: RequestContext, headers: Seen
    ) -> Html | Redirect:
        next_path = local_path(body.next)
        try:
            opened, codes = await pages.login.confirm_totp(
                principal, body.code.get_secret_value(), source=context.source
            )
        except TotpPresent:
            return Redirect(next_path)
        except CodeRefused as error:
            return pages.show(
                "scan.html",
                context,
                headers,
                next_path=next_path,
                error=error,
                secret=body.secret,
                uri=body.uri,
                qr=qr_code(body.uri),
            )
        return pages.show(
            "recovery.html",
            context,
            headers,
            next_path=_address(opened.stage, next_path),
            cookies=(session_of(opened, context),),
            codes=codes,
        )

    return [explain, begin, confirm]


def qr_code(uri: str) -> str:
    """Give a QR code as a data address of an SVG picture."""
    picture: str = segno.make(uri, micro=False).svg_data_uri(scale=5, border=2, light="white")
    return picture


def _new_password(pages: LoginPages) -> list[Endpoint]:
    @endpoint(
        "GET",
        "/login/password",
        permission=ACCOUNT_PASSWORD,
        summary_zh="修改密码页",
        summary_en="Page of a new password",
        kind="page",
    )
    async def show(*, principal: Principal, query: NextQuery, context: RequestContext, headers: Seen) -> Html:
        forced = stage_of(principal) is Stage.CHANGE_PASSWORD
        return pages.show("change.html", context, headers, next_path=local_path(query.next), is_forced=forced)

    @endpoint(
        "POST",
        "/login/password",
        permission=ACCOUNT_PASSWORD,
        summary_zh="修改密码",
        summary_en="Set a new password",
        kind="page",
    )
    async def submit(
        *, principal: Principal, body: PasswordForm, context: RequestContext, headers: Seen
    ) -> Html | Redirect:
        next_path, new = local_path(body.next), body.new.get_secret_value()
        error: MasklineError | str = "login.error.different"
        if new and new == body.repeated.get_secret_value():
            current = body.current.get_secret_value()
            try:
                opened = await pages.login.change_password(principal, current, new, source=context.source)
            except SessionUnknown:
                return Redirect("/login")
            except LoginRefused:
                error = "login.error.current"
            except (LoginLocked, PasswordWeak) as refused:
                error = refused
            else:
                return pages.go_on(opened, context, next_path)
        forced = stage_of(principal) is Stage.CHANGE_PASSWORD
        return pages.show("change.html", context, headers, next_path=next_path, error=error, is_forced=forced)

    return [show, submit]
