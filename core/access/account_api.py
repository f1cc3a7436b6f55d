"""Endpoints of one's own account: log in, prove, log out, password, second factor, sessions."""

import segno

from core.access.build import Access
from core.access.errors import (
    CodeRefused,
    LoginLocked,
    LoginRefused,
    PasswordWeak,
    SessionUnknown,
    TotpAbsent,
    TotpPresent,
)
from core.access.grants import ACCOUNT_ENROL, ACCOUNT_LOGIN, ACCOUNT_PASSWORD, ACCOUNT_SESSIONS
from core.access.model import Principal
from core.access.schemas import (
    CodeBody,
    LoginBody,
    Me,
    PasswordBody,
    SessionItem,
    SessionList,
    SessionOpened,
    SessionPath,
    StepUpBody,
    TotpConfirmed,
    TotpStarted,
)
from core.access.sessions import OpenedSession, SessionView
from core.web.context import RequestContext
from core.web.endpoint import PUBLIC, Endpoint, endpoint
from core.web.replies import Cookie, Reply
from core.web.security import csrf_token, session_cookie

_TAGS = ("account",)


def endpoints(access: Access) -> list[Endpoint]:
    """Give the endpoints of one's own account."""
    return [*_login_endpoints(access), *_account_endpoints(access)]


def _login_endpoints(access: Access) -> list[Endpoint]:
    @endpoint(
        "POST",
        "/session",
        permission=PUBLIC,
        public_reason="this is where people log in; tries are counted",
        summary_zh="登录",
        summary_en="Log in",
        status=201,
        errors=(LoginRefused, LoginLocked),
        tags=_TAGS,
    )
    async def log_in(*, body: LoginBody, context: RequestContext) -> Reply[SessionOpened]:
        """`stage` says what comes next: `totp`, `change_password`, `enrol_totp`, or `full`."""
        opened = await access.login.log_in(
            body.username, body.password.get_secret_value(), source=context.source
        )
        return _opened(opened, context, as_cookie=body.deliver == "cookie")

    @endpoint(
        "POST",
        "/session/totp",
        permission=ACCOUNT_LOGIN,
        summary_zh="提交动态口令",
        summary_en="Second step of the log-in",
        status=201,
        errors=(CodeRefused, LoginLocked, SessionUnknown),
        tags=_TAGS,
    )
    async def second_step(
        *, principal: Principal, body: CodeBody, context: RequestContext
    ) -> Reply[SessionOpened]:
        """Takes a code of the app or a recovery code, each only once."""
        opened = await access.login.second_step(
            principal, body.code.get_secret_value(), source=context.source
        )
        return _opened(opened, context)

    @endpoint(
        "POST",
        "/session/step-up",
        permission=ACCOUNT_SESSIONS,
        summary_zh="再次验证身份",
        summary_en="Prove once more who you are",
        status=201,
        errors=(LoginRefused, CodeRefused, LoginLocked),
        tags=_TAGS,
    )
    async def step_up(
        *, principal: Principal, body: StepUpBody, context: RequestContext
    ) -> Reply[SessionOpened]:
        """Opens the endpoints that need a recent proof of identity; the token changes."""
        code = body.code.get_secret_value() if body.code else None
        opened = await access.login.step_up(
            principal, body.password.get_secret_value(), code, source=context.source
        )
        return _opened(opened, context)

    @endpoint(
        "DELETE",
        "/session",
        permission=ACCOUNT_LOGIN,
        summary_zh="退出登录",
        summary_en="Log out",
        status=204,
        tags=_TAGS,
    )
    async def log_out(*, principal: Principal, context: RequestContext) -> Reply[None]:
        await access.login.log_out(principal)
        return Reply(None, cookies=(Cookie(session_cookie(secure=context.secure), ""),))

    @endpoint(
        "GET",
        "/session",
        permission=ACCOUNT_LOGIN,
        summary_zh="当前登录身份",
        summary_en="Who am I?",
        tags=_TAGS,
    )
    async def who_am_i(*, principal: Principal, context: RequestContext) -> Me:
        return Me(
            employee_id=principal.employee_id,
            display_name=principal.display_name,
            department_id=principal.department_id,
            roles=sorted(principal.roles),
            permissions=dict(principal.grants),
            has_second_factor=await access.login.totp_is_confirmed(principal.employee_id),
            verified_at=principal.verified_at,
            csrf_token=context.csrf_token,
        )

    return [log_in, second_step, step_up, log_out, who_am_i]


def _account_endpoints(access: Access) -> list[Endpoint]:
    @endpoint(
        "PUT",
        "/account/password",
        permission=ACCOUNT_PASSWORD,
        summary_zh="修改密码",
        summary_en="Change one's password",
        errors=(LoginRefused, LoginLocked, PasswordWeak),
        tags=_TAGS,
    )
    async def change_password(
        *, principal: Principal, body: PasswordBody, context: RequestContext
    ) -> Reply[SessionOpened]:
        """Every other session ends; this one gets a new token."""
        opened = await access.login.change_password(
            principal, body.current.get_secret_value(), body.new.get_secret_value(), source=context.source
        )
        return _opened(opened, context)

    @endpoint(
        "POST",
        "/account/totp",
        permission=ACCOUNT_ENROL,
        step_up=True,
        summary_zh="开始绑定动态口令",
        summary_en="Start to set up a second factor",
        status=201,
        errors=(TotpPresent,),
        tags=_TAGS,
    )
    async def begin_totp(*, principal: Principal) -> TotpStarted:
        started = await access.login.begin_totp(principal)
        qr = segno.make(started.uri, micro=False).svg_data_uri(scale=5)
        return TotpStarted(secret=started.secret, uri=started.uri, qr=qr)

    @endpoint(
        "POST",
        "/account/totp/confirm",
        permission=ACCOUNT_ENROL,
        step_up=True,
        summary_zh="确认动态口令",
        summary_en="Confirm the second factor",
        status=201,
        errors=(TotpAbsent, TotpPresent, CodeRefused),
        tags=_TAGS,
    )
    async def confirm_totp(
        *, principal: Principal, body: CodeBody, context: RequestContext
    ) -> Reply[TotpConfirmed]:
        opened, codes = await access.login.confirm_totp(
            principal, body.code.get_secret_value(), source=context.source
        )
        session = _opened(opened, context)
        return Reply(TotpConfirmed(session=session.body, recovery_codes=codes), cookies=session.cookies)

    @endpoint(
        "GET",
        "/account/sessions",
        permission=ACCOUNT_SESSIONS,
        summary_zh="本人会话",
        summary_en="One's own sessions",
        tags=_TAGS,
    )
    async def own_sessions(*, principal: Principal) -> SessionList:
        return session_list(await access.session_admin.own(principal), principal)

    @endpoint(
        "DELETE",
        "/account/sessions/{session_id}",
        permission=ACCOUNT_SESSIONS,
        summary_zh="终止本人某个会话",
        summary_en="End one of one's own sessions",
        tags=_TAGS,
    )
    async def end_own_session(*, principal: Principal, path: SessionPath) -> None:
        await access.session_admin.end_own(principal, path.session_id)

    return [change_password, begin_totp, confirm_totp, own_sessions, end_own_session]


def session_list(sessions: list[SessionView], principal: Principal) -> SessionList:
    """Show sessions, marking the one that asks."""
    return SessionList(
        items=[
            SessionItem(
                id=seen.id,
                stage=seen.stage,
                created_at=seen.created_at,
                last_seen_at=seen.last_seen_at,
                expires_at=seen.expires_at,
                source=seen.source,
                is_current=seen.id == principal.session_id,
            )
            for seen in sessions
        ]
    )


def _opened(
    opened: OpenedSession, context: RequestContext, *, as_cookie: bool | None = None
) -> Reply[SessionOpened]:
    """Hand the new token over the way the old one came, or as asked at log-in."""
    if as_cookie is None:
        as_cookie = context.token_from_cookie
    body = SessionOpened(
        stage=opened.stage,
        expires_at=opened.expires_at,
        csrf_token=csrf_token(opened.token),
        token=None if as_cookie else opened.token,
    )
    cookie = Cookie(session_cookie(secure=context.secure), opened.token)
    return Reply(body, cookies=(cookie,) if as_cookie else ())
