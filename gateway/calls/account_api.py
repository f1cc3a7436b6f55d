"""Phone accounts over HTTP: the administrator makes and rotates them, the password is shown once."""

from core.access.model import Principal
from core.config import SipSettings
from core.errors import NotFound
from core.web.endpoint import Endpoint, endpoint
from gateway.calls import permissions
from gateway.calls.accounts import SipAccountService
from gateway.calls.errors import SipAccountNotFound, SipAccountTaken
from gateway.calls.schemas import EmployeePath, SipAccountOut, SipAccountSecret, account_out, secret_out

_TAGS = ("phones",)


def endpoints(service: SipAccountService, sip: SipSettings) -> list[Endpoint]:
    """Give the endpoints of phone accounts."""
    server = f"{sip.advertised_host or sip.host}:{sip.port}"

    @endpoint(
        "POST",
        "/employees/{employee_id}/sip-account",
        permission=permissions.SIP_ACCOUNT_WRITE,
        status=201,
        summary_zh="新建话机账号",
        summary_en="Make a phone account",
        errors=(NotFound, SipAccountTaken),
        tags=_TAGS,
    )
    async def create(*, principal: Principal, path: EmployeePath) -> SipAccountSecret:
        return secret_out(await service.create(principal, path.employee_id), server)

    @endpoint(
        "POST",
        "/employees/{employee_id}/sip-account/rotate",
        permission=permissions.SIP_ACCOUNT_WRITE,
        summary_zh="更换话机密码",
        summary_en="Rotate a phone's password",
        errors=(NotFound, SipAccountNotFound),
        tags=_TAGS,
    )
    async def rotate(*, principal: Principal, path: EmployeePath) -> SipAccountSecret:
        return secret_out(await service.rotate(principal, path.employee_id), server)

    @endpoint(
        "GET",
        "/employees/{employee_id}/sip-account",
        permission=permissions.SIP_ACCOUNT_READ,
        summary_zh="查看话机账号",
        summary_en="See a phone account",
        errors=(SipAccountNotFound,),
        tags=_TAGS,
    )
    async def view(*, principal: Principal, path: EmployeePath) -> SipAccountOut:
        return account_out(await service.view(principal, path.employee_id))

    return [create, rotate, view]
