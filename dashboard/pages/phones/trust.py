"""Who is let in: approve, reject, release a phone, and give it to somebody else."""

from core.access.model import Principal
from core.web.context import RequestContext
from core.web.endpoint import Endpoint, endpoint
from core.web.replies import Html, Redirect
from core.web.schema import IdStr
from dashboard.asked import Asked
from dashboard.forms import FormModel, act
from dashboard.pages.phones.kit import PhoneKit, PhonePath
from dashboard.pages.phones.orders import AskPages
from dashboard.pages.preferences import Seen
from devicepolicy.devices.errors import DeviceNotFound, DeviceStateWrong, HolderInvalid
from devicepolicy.permissions import DEVICE_WRITE

_CHANGES = (DeviceNotFound, DeviceStateWrong)


class TrustForm(FormModel):
    """`waiting`: the page of enrolment asks, and gets the answer back."""

    waiting: bool = False

    def back(self, device_id: str) -> str:
        return "/phones/enrol" if self.waiting else f"/phones/{device_id}"


class HolderForm(FormModel):
    employee: IdStr | None = None


def endpoints(kit: PhoneKit) -> list[Endpoint]:
    """Give the acts and the questions before them."""
    pages = AskPages(kit)
    return [*_letting_in(pages), *_letting_go(pages), _giving(kit)]


def _letting_in(pages: AskPages) -> list[Endpoint]:
    service = pages.kit.parts.fleet.enrolment

    @endpoint(
        "POST",
        "/phones/{device_id}/approve",
        permission=DEVICE_WRITE,
        summary_zh="批准手机",
        summary_en="Approve a phone",
        errors=_CHANGES,
        kind="page",
    )
    async def approve(
        *, principal: Principal, path: PhonePath, body: TrustForm, context: RequestContext
    ) -> Html | Redirect:
        approving = service.approve(principal, path.device_id)
        to = body.back(path.device_id)
        return await act(approving, to=to, done="phone.approved", language=context.language)

    @endpoint(
        "GET",
        "/phones/{device_id}/reject",
        permission=DEVICE_WRITE,
        summary_zh="驳回手机前的确认页",
        summary_en="Page that asks before a phone is rejected",
        errors=(DeviceNotFound,),
        kind="page",
    )
    async def ask(*, principal: Principal, path: PhonePath, context: RequestContext, headers: Seen) -> Html:
        return await pages.show(Asked(principal, context, headers), path.device_id, "reject")

    @endpoint(
        "POST",
        "/phones/{device_id}/reject",
        permission=DEVICE_WRITE,
        summary_zh="驳回手机",
        summary_en="Reject a phone",
        errors=_CHANGES,
        kind="page",
    )
    async def reject(
        *, principal: Principal, path: PhonePath, body: TrustForm, context: RequestContext
    ) -> Html | Redirect:
        rejecting = service.reject(principal, path.device_id)
        to = body.back(path.device_id)
        return await act(rejecting, to=to, done="phone.rejected", language=context.language)

    return [approve, ask, reject]


def _letting_go(pages: AskPages) -> list[Endpoint]:
    service = pages.kit.parts.fleet.enrolment

    @endpoint(
        "GET",
        "/phones/{device_id}/release",
        permission=DEVICE_WRITE,
        summary_zh="解除手机前的确认页",
        summary_en="Page that asks before a phone is released",
        errors=(DeviceNotFound,),
        step_up=True,
        kind="page",
    )
    async def ask(*, principal: Principal, path: PhonePath, context: RequestContext, headers: Seen) -> Html:
        return await pages.show(Asked(principal, context, headers), path.device_id, "release")

    @endpoint(
        "POST",
        "/phones/{device_id}/release",
        permission=DEVICE_WRITE,
        summary_zh="解除手机（其密钥立即失效）",
        summary_en="Release a phone: its key is dead at once",
        errors=_CHANGES,
        step_up=True,
        kind="page",
    )
    async def release(
        *, principal: Principal, path: PhonePath, body: TrustForm, context: RequestContext
    ) -> Html | Redirect:
        releasing = service.release(principal, path.device_id)
        to = body.back(path.device_id)
        return await act(releasing, to=to, done="phone.released", language=context.language)

    return [ask, release]


def _giving(kit: PhoneKit) -> Endpoint:
    @endpoint(
        "POST",
        "/phones/{device_id}/holder",
        permission=DEVICE_WRITE,
        summary_zh="把手机交给另一名员工",
        summary_en="Give a phone to another employee",
        errors=(*_CHANGES, HolderInvalid),
        kind="page",
    )
    async def assign(
        *, principal: Principal, path: PhonePath, body: HolderForm, context: RequestContext
    ) -> Html | Redirect:
        fleet = kit.parts.fleet
        detail = await fleet.queries.detail(principal, path.device_id)
        giving = fleet.enrolment.assign(
            principal,
            path.device_id,
            employee_id=body.employee,
            department_id=detail.view.department_id,
        )
        to = f"/phones/{path.device_id}"
        return await act(giving, to=to, done="phone.assigned", language=context.language)

    return assign
