"""The control API of the calls process: a Unix socket on which `web` asks for calls and ends them."""

import hmac
from datetime import datetime
from enum import StrEnum

from pydantic import Field

from core.access.model import Principal, Scope
from core.access.permissions import PermissionSpec
from core.clock import Clock
from core.web.endpoint import Endpoint, endpoint
from core.web.schema import ApiModel, IdStr
from core.web.system import METRICS, STATUS_DETAIL
from gateway.calls.causes import EndedBy
from gateway.calls.errors import (
    AlreadyPlaced,
    CallNotPlaced,
    CallOver,
    CallRefused,
    CallTargetUnknown,
    PhoneNotRegistered,
    SwitchNotConnected,
)
from gateway.calls.service import CallService

SOCKET_NAME = "calls.sock"
SECRET_NAME = "calls-control"  # noqa: S105 - the name of a secret
CONTROL = "calls.control"
CONTROL_PERMISSIONS = (
    PermissionSpec(CONTROL, "控制通话进程", "Control the calls process", {}),
    # /status and /metrics of this socket are read by the same holder of the secret
)


class Hanger(StrEnum):
    """Who may end a call through this API."""

    STAFF = "staff"
    SUPERVISOR = "supervisor"
    RULE = "rule"


class PlaceWish(ApiModel):
    """A callback."""

    employee_id: IdStr
    binding_id: IdStr
    idempotency_key: str | None = Field(default=None, min_length=1, max_length=128)


class Placed(ApiModel):
    """A call on its way."""

    call_id: str
    contact_id: str


class CallPath(ApiModel):
    call_id: IdStr


class Ending(ApiModel):
    """How many calls are being ended because their employees are no longer active."""

    calls: int


class HangupWish(ApiModel):
    """Who ends the call."""

    by: Hanger


def control_endpoints(service: CallService) -> list[Endpoint]:
    """Give the endpoints that need the secret of the keyring."""

    @endpoint(
        "POST",
        "/calls",
        permission=CONTROL,
        status=201,
        summary_zh="发起回拨",
        summary_en="Place a callback",
        errors=(
            CallRefused,
            CallTargetUnknown,
            PhoneNotRegistered,
            SwitchNotConnected,
            AlreadyPlaced,
            CallNotPlaced,
        ),
    )
    async def place(*, body: PlaceWish) -> Placed:
        call = await service.place(body.employee_id, body.binding_id, body.idempotency_key)
        return Placed(call_id=call.call_id, contact_id=call.contact_id)

    @endpoint(
        "POST",
        "/calls/{call_id}/hangup",
        permission=CONTROL,
        summary_zh="挂断通话",
        summary_en="End a call",
        errors=(CallOver,),
    )
    async def hangup(*, path: CallPath, body: HangupWish) -> None:
        service.hangup(path.call_id, EndedBy(body.by.value))

    @endpoint(
        "POST",
        "/presence",
        permission=CONTROL,
        summary_zh="立即结束已停用员工的通话",
        summary_en="End the calls of inactive employees now",
    )
    async def presence() -> Ending:
        return Ending(calls=await service.end_inactive())

    return [place, hangup, presence]


class SecretHolder:
    """An authenticator for one secret: who has it is the `web` process of this deployment."""

    def __init__(self, secret: str, clock: Clock) -> None:
        self._secret = secret.encode()
        self._since: datetime = clock.now()

    async def authenticate(self, token: str) -> Principal | None:
        if not hmac.compare_digest(token.encode(), self._secret):
            return None
        return Principal(
            employee_id="web",
            department_id=None,
            department_path="",
            roles=frozenset(),
            grants=dict.fromkeys((CONTROL, STATUS_DETAIL, METRICS), Scope.ALL),
            session_id="control",
            verified_at=self._since,
        )
