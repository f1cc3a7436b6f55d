"""The addresses of unbinding: list, choice, preview, act, undo, try again, let go of the hold."""

from core.access.model import Principal
from core.web.context import RequestContext
from core.web.endpoint import Endpoint, endpoint
from core.web.replies import Html, Redirect
from dashboard.asked import Asked
from dashboard.forms import Failure, act, failure_of
from dashboard.pages.administrator.unbinding import (
    HOME,
    ChoiceQuery,
    UnbindForm,
    UnbindingPages,
    UnbindingPath,
    UnbindingsQuery,
    faster_of,
)
from dashboard.pages.kit import Kit
from dashboard.pages.preferences import Seen
from gateway.offboarding.errors import AlreadyUnbound, OffboardingUnknown, PreviewStale, PreviewUnknown
from gateway.offboarding.model import Undone
from gateway.permissions import OFFBOARDING_ACT, OFFBOARDING_READ, OFFBOARDING_UNDO


def endpoints(kit: Kit) -> list[Endpoint]:
    """Give the pages. Fixed addresses come before the one of an unbinding."""
    pages = UnbindingPages(kit)
    return [*_choosing(pages), *_reading(pages), *_doing(pages), *_afterwards(pages)]


def _reading(pages: UnbindingPages) -> list[Endpoint]:
    @endpoint(
        "GET",
        HOME,
        permission=OFFBOARDING_READ,
        summary_zh="离职解绑页",
        summary_en="Page of unbindings",
        kind="page",
    )
    async def listing(
        *, principal: Principal, query: UnbindingsQuery, context: RequestContext, headers: Seen
    ) -> Html:
        return await pages.show(Asked(principal, context, headers), query)

    @endpoint(
        "GET",
        f"{HOME}/{{offboarding_id}}",
        permission=OFFBOARDING_READ,
        summary_zh="一次解绑的结果页",
        summary_en="Page of one unbinding with each step",
        errors=(OffboardingUnknown,),
        kind="page",
    )
    async def one(
        *,
        principal: Principal,
        path: UnbindingPath,
        query: UnbindingsQuery,
        context: RequestContext,
        headers: Seen,
    ) -> Html:
        return await pages.show(Asked(principal, context, headers), query, act_id=path.offboarding_id)

    return [listing, one]


def _choosing(pages: UnbindingPages) -> list[Endpoint]:
    @endpoint(
        "GET",
        f"{HOME}/new",
        permission=OFFBOARDING_ACT,
        summary_zh="选择解绑对象与接手人页",
        summary_en="Page to choose who leaves and who takes over",
        kind="page",
    )
    async def choose(
        *, principal: Principal, query: ChoiceQuery, context: RequestContext, headers: Seen
    ) -> Html:
        return await pages.show(Asked(principal, context, headers), choice=query)

    @endpoint(
        "GET",
        f"{HOME}/preview",
        permission=OFFBOARDING_ACT,
        summary_zh="解绑预览页",
        summary_en="Page that previews an unbinding",
        kind="page",
    )
    async def preview(
        *, principal: Principal, query: ChoiceQuery, context: RequestContext, headers: Seen
    ) -> Html:
        """Nothing is done but to keep what was shown for a quarter of an hour."""
        return await pages.preview(Asked(principal, context, headers), query)

    return [choose, preview]


def _doing(pages: UnbindingPages) -> list[Endpoint]:
    @endpoint(
        "POST",
        HOME,
        permission=OFFBOARDING_ACT,
        step_up=True,
        summary_zh="执行一键解绑",
        summary_en="Unbind an employee",
        kind="page",
    )
    async def unbind(
        *, principal: Principal, body: UnbindForm, context: RequestContext, headers: Seen
    ) -> Html | Redirect:
        """A preview that is stale is made anew and says what changed; nothing was done."""
        asked = Asked(principal, context, headers)
        try:
            made = await pages.service.unbind(principal, body.preview, body.digest)
        except AlreadyUnbound as error:
            refused = failure_of(error, context.language)
            return await pages.show(asked, choice=body.choice(), faster=faster_of(error), told=refused)
        except (PreviewStale, PreviewUnknown) as error:
            refused = failure_of(error, context.language)
            page = await pages.preview(asked, body.choice(), told=refused)
            return Html(page.text, refused.status, page.cookies)
        return Redirect(f"{HOME}/{made.id}?done=unbound")

    @endpoint(
        "POST",
        f"{HOME}/{{offboarding_id}}/undo",
        permission=OFFBOARDING_UNDO,
        step_up=True,
        summary_zh="撤销解绑",
        summary_en="Undo an unbinding",
        kind="page",
    )
    async def undo(
        *, principal: Principal, path: UnbindingPath, context: RequestContext, headers: Seen
    ) -> Html | Redirect:
        asked = Asked(principal, context, headers)

        async def again(told: Failure) -> Html:
            return await pages.show(asked, act_id=path.offboarding_id, told=told)

        def counted(undone: Undone) -> dict[str, str]:
            returned = undone.customers + undone.bindings + undone.threads
            return {"returned": str(returned), "kept": str(undone.kept_customers + undone.kept_bindings)}

        return await act(
            pages.service.undo(principal, path.offboarding_id),
            to=f"{HOME}/{path.offboarding_id}",
            done="unbinding-undone",
            language=context.language,
            again=again,
            more=counted,
        )

    return [unbind, undo]


def _afterwards(pages: UnbindingPages) -> list[Endpoint]:
    @endpoint(
        "POST",
        f"{HOME}/{{offboarding_id}}/retry",
        permission=OFFBOARDING_ACT,
        summary_zh="立即重试未完成的步骤",
        summary_en="Try the open steps now",
        kind="page",
    )
    async def retry(*, principal: Principal, path: UnbindingPath, context: RequestContext) -> Html | Redirect:
        return await act(
            pages.service.retry(principal, path.offboarding_id),
            to=f"{HOME}/{path.offboarding_id}",
            done="unbinding-retried",
            language=context.language,
        )

    @endpoint(
        "POST",
        f"{HOME}/{{offboarding_id}}/lift-hold",
        permission=OFFBOARDING_UNDO,
        step_up=True,
        summary_zh="解除取证保留",
        summary_en="Lift the hold of evidence",
        kind="page",
    )
    async def lift(*, principal: Principal, path: UnbindingPath, context: RequestContext) -> Html | Redirect:
        return await act(
            pages.service.lift_hold(principal, path.offboarding_id),
            to=f"{HOME}/{path.offboarding_id}",
            done="hold-lifted",
            language=context.language,
        )

    return [retry, lift]
