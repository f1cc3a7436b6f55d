"""Notes and next steps over HTTP."""

from core.access.model import Principal
from core.web.endpoint import Endpoint, endpoint
from core.web.paging import Page, PageQuery
from gateway import permissions
from gateway.customers.errors import CustomerUnknown, TimeInvalid
from gateway.customers.notes.errors import NoteInvalid, NoteUnknown, StepUnknown, TooManySteps
from gateway.customers.notes.model import StepAsked
from gateway.customers.notes.schemas import (
    NoteCreate,
    NoteOut,
    NotePath,
    StepCreate,
    StepList,
    StepListQuery,
    StepOut,
    StepPath,
)
from gateway.customers.notes.service import NoteService
from gateway.customers.schemas import CustomerPath

_TAGS = ("customers",)


def endpoints(service: NoteService) -> list[Endpoint]:
    """Give the endpoints of notes and next steps."""
    return [*_notes(service), *_steps(service)]


def _notes(service: NoteService) -> list[Endpoint]:
    @endpoint(
        "GET",
        "/customers/{id}/notes",
        permission=permissions.NOTE_READ,
        summary_zh="客户备注",
        summary_en="A customer's notes",
        errors=(CustomerUnknown,),
        tags=_TAGS,
    )
    async def listing(*, principal: Principal, path: CustomerPath, query: PageQuery) -> Page[NoteOut]:
        views, following = await service.find(principal, path.id, cursor=query.cursor, limit=query.limit)
        return Page(items=[NoteOut.model_validate(view) for view in views], next_cursor=following)

    @endpoint(
        "POST",
        "/customers/{id}/notes",
        permission=permissions.NOTE_WRITE,
        status=201,
        summary_zh="写备注（联系方式自动遮盖）",
        summary_en="Write a note (contact data is masked)",
        errors=(CustomerUnknown, NoteInvalid),
        tags=_TAGS,
    )
    async def add(*, principal: Principal, path: CustomerPath, body: NoteCreate) -> NoteOut:
        return NoteOut.model_validate(await service.add(principal, path.id, body.text))

    @endpoint(
        "POST",
        "/customers/{id}/notes/{note_id}/withdraw",
        permission=permissions.NOTE_WRITE,
        summary_zh="撤回自己的备注",
        summary_en="Withdraw a note of one's own",
        errors=(CustomerUnknown, NoteUnknown),
        tags=_TAGS,
    )
    async def withdraw(*, principal: Principal, path: NotePath) -> None:
        await service.withdraw(principal, path.id, path.note_id)

    @endpoint(
        "POST",
        "/customers/{id}/notes/{note_id}/restore",
        permission=permissions.NOTE_WRITE,
        summary_zh="恢复自己撤回的备注",
        summary_en="Restore a note of one's own",
        errors=(CustomerUnknown, NoteUnknown),
        tags=_TAGS,
    )
    async def restore(*, principal: Principal, path: NotePath) -> None:
        await service.restore(principal, path.id, path.note_id)

    return [listing, add, withdraw, restore]


def _steps(service: NoteService) -> list[Endpoint]:
    @endpoint(
        "GET",
        "/customers/{id}/next-steps",
        permission=permissions.NOTE_READ,
        summary_zh="客户的下一步计划",
        summary_en="A customer's next steps",
        errors=(CustomerUnknown,),
        tags=_TAGS,
    )
    async def steps(*, principal: Principal, path: CustomerPath, query: StepListQuery) -> StepList:
        views = await service.steps(principal, path.id, open_only=query.open_only)
        return StepList(items=[StepOut.model_validate(view) for view in views])

    @endpoint(
        "POST",
        "/customers/{id}/next-steps",
        permission=permissions.NOTE_WRITE,
        status=201,
        summary_zh="安排下一步",
        summary_en="Plan a next step",
        errors=(CustomerUnknown, NoteInvalid, TimeInvalid, TooManySteps),
        tags=_TAGS,
    )
    async def plan(*, principal: Principal, path: CustomerPath, body: StepCreate) -> StepOut:
        asked = StepAsked(body.kind, body.due_at, body.text)
        return StepOut.model_validate(await service.plan(principal, path.id, asked))

    @endpoint(
        "POST",
        "/customers/{id}/next-steps/{step_id}/done",
        permission=permissions.NOTE_WRITE,
        summary_zh="完成下一步",
        summary_en="Finish a next step",
        errors=(CustomerUnknown, StepUnknown),
        tags=_TAGS,
    )
    async def done(*, principal: Principal, path: StepPath) -> None:
        await service.finish(principal, path.id, path.step_id)

    @endpoint(
        "POST",
        "/customers/{id}/next-steps/{step_id}/reopen",
        permission=permissions.NOTE_WRITE,
        summary_zh="重新打开下一步",
        summary_en="Reopen a next step",
        errors=(CustomerUnknown, StepUnknown, TooManySteps),
        tags=_TAGS,
    )
    async def reopen(*, principal: Principal, path: StepPath) -> None:
        await service.reopen(principal, path.id, path.step_id)

    return [steps, plan, done, reopen]
