"""What the forms of a review do: decide, take back, object, take an inspection, call it reviewed."""

from pydantic import Field

from core.access.model import Principal
from core.web.context import RequestContext
from core.web.endpoint import Endpoint, endpoint
from core.web.replies import Html, Redirect
from core.web.schema import ApiModel, IdStr
from dashboard.forms import FormModel, act
from dashboard.pages.preferences import local_path
from dashboard.parts import DashboardParts
from qa.permissions import FINDING_APPEAL, FINDING_REVIEW
from qa.review.model import Ruling


class FindingPath(ApiModel):
    finding_id: IdStr


class InspectionPath(ApiModel):
    inspection_id: IdStr


class BackForm(FormModel):
    """A form that only acts; `back` is the page that it stands on."""

    back: str = Field(default="/inspections", max_length=2000)


class UndoForm(BackForm):
    revision: int = Field(ge=0)


class DecideForm(UndoForm):
    ruling: Ruling
    comment: str = Field(default="", max_length=2000, repr=False)


class AppealForm(BackForm):
    reason: str = Field(min_length=1, max_length=2000, pattern=r"\S", repr=False)


def endpoints(parts: DashboardParts) -> list[Endpoint]:
    """Give the actions."""
    return [*_findings(parts), *_inspections(parts)]


def _findings(parts: DashboardParts) -> list[Endpoint]:
    service, appeals = parts.reviews.service, parts.reviews.appeals

    @endpoint("POST", "/findings/{finding_id}/decide", permission=FINDING_REVIEW, kind="page",
              summary_zh="确认或推翻命中", summary_en="Confirm or overturn a finding")  # fmt: skip
    async def decide(
        *, principal: Principal, path: FindingPath, body: DecideForm, context: RequestContext
    ) -> Html | Redirect:
        work = service.decide(
            principal, path.finding_id, body.ruling, comment=body.comment, revision=body.revision
        )
        return await act(work, to=_place(body.back, path), done=f"finding-{body.ruling.value}",
                         language=context.language)  # fmt: skip

    @endpoint("POST", "/findings/{finding_id}/undo", permission=FINDING_REVIEW, kind="page",
              summary_zh="撤回结论", summary_en="Take a decision back")  # fmt: skip
    async def undo(
        *, principal: Principal, path: FindingPath, body: UndoForm, context: RequestContext
    ) -> Html | Redirect:
        work = service.undo(principal, path.finding_id, revision=body.revision)
        return await act(work, to=_place(body.back, path), done="finding-undo", language=context.language)

    @endpoint("POST", "/findings/{finding_id}/appeal", permission=FINDING_APPEAL, kind="page",
              summary_zh="对命中申诉", summary_en="Object to a finding")  # fmt: skip
    async def appeal(
        *, principal: Principal, path: FindingPath, body: AppealForm, context: RequestContext
    ) -> Html | Redirect:
        work = appeals.appeal(principal, path.finding_id, body.reason)
        return await act(work, to=_place(body.back, path), done="finding-appeal", language=context.language)

    return [decide, undo, appeal]


def _inspections(parts: DashboardParts) -> list[Endpoint]:
    service = parts.reviews.service

    @endpoint("POST", "/inspections/{inspection_id}/claim", permission=FINDING_REVIEW, kind="page",
              summary_zh="领取复核", summary_en="Take an inspection for review")  # fmt: skip
    async def claim(
        *, principal: Principal, path: InspectionPath, body: BackForm, context: RequestContext
    ) -> Html | Redirect:
        work = service.claim(principal, path.inspection_id)
        return await act(work, to=local_path(body.back), done="review-claim", language=context.language)

    @endpoint("POST", "/inspections/{inspection_id}/release", permission=FINDING_REVIEW, kind="page",
              summary_zh="退回复核", summary_en="Give an inspection back")  # fmt: skip
    async def release(
        *, principal: Principal, path: InspectionPath, body: BackForm, context: RequestContext
    ) -> Html | Redirect:
        work = service.release(principal, path.inspection_id)
        return await act(work, to=local_path(body.back), done="review-release", language=context.language)

    @endpoint("POST", "/inspections/{inspection_id}/finish", permission=FINDING_REVIEW, kind="page",
              summary_zh="完成复核", summary_en="Call an inspection reviewed")  # fmt: skip
    async def finish(
        *, principal: Principal, path: InspectionPath, body: BackForm, context: RequestContext
    ) -> Html | Redirect:
        work = service.finish(principal, path.inspection_id)
        return await act(work, to=local_path(body.back), done="review-finish", language=context.language)

    @endpoint("POST", "/inspections/{inspection_id}/reopen", permission=FINDING_REVIEW, kind="page",
              summary_zh="撤回完成", summary_en="Take a completion back")  # fmt: skip
    async def reopen(
        *, principal: Principal, path: InspectionPath, body: BackForm, context: RequestContext
    ) -> Html | Redirect:
        work = service.reopen(principal, path.inspection_id)
        return await act(work, to=local_path(body.back), done="review-reopen", language=context.language)

    return [claim, release, finish, reopen]


def _place(back: str, path: FindingPath) -> str:
    """Come back to the finding, so that a page without script shows where one was."""
    return f"{local_path(back).partition('#')[0]}#finding-{path.finding_id}"
