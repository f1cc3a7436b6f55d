"""What the forms of a customer's card do: notes, next steps, bindings, consents, do-not-contact."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, time, timedelta
from typing import TypeVar
from zoneinfo import ZoneInfo

from core.access.model import Principal
from core.web.context import RequestContext
from core.web.endpoint import Endpoint, endpoint
from core.web.replies import Html, Redirect
from dashboard.forms import Failure, FormModel, act
from dashboard.pages.agent.card import Cards, CustomerPath, Typed
from dashboard.pages.agent.card_inputs import (
    BackForm,
    BindForm,
    BlockForm,
    BlockPath,
    ConsentForm,
    ErasureForm,
    IdentityForm,
    NoteForm,
    NotePath,
    StepForm,
    StepPath,
    When,
    WithdrawForm,
)
from dashboard.pages.preferences import Seen, local_path
from gateway import permissions
from gateway.customers.consent import BlockAsked, ConsentGiven
from gateway.customers.model import CustomerChange
from gateway.customers.notes.model import StepAsked
from gateway.numbers.model import BindRequest

T = TypeVar("T")


class Desk:
    """What the forms share: act, then back to the card; or the card again with what was typed."""

    def __init__(self, cards: Cards) -> None:
        self.cards = cards
        self.parts = cards.parts

    async def act(
        self,
        action: Awaitable[T],
        principal: Principal,
        customer_id: str,
        context: RequestContext,
        headers: Seen,
        *,
        done: str,
        place: str,
        form: FormModel | None = None,
        more: Callable[[T], Mapping[str, str]] | None = None,
        back: str | None = None,
    ) -> Html | Redirect:
        """Run `action` for the form `place` of the card."""
        values = form.model_dump(mode="json", exclude_none=True) if form is not None else {}
        typed = Typed(place, {name: str(value) for name, value in values.items()})

        async def again(told: Failure) -> Html:
            return await self.cards.show(principal, customer_id, context, headers, told=told, typed=typed)

        here = f"/customers/{customer_id}"
        to = local_path(back) if back else f"{here}#{place}"
        elsewhere = back is not None and not back.startswith(here)
        return await act(
            action,
            to=to,
            done=done,
            language=context.language,
            again=None if elsewhere else again,
            more=more,
        )

    def local(self, moment: datetime) -> datetime:
        """Read what a form calls a time: a wall clock of the institution."""
        return moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(self.parts.settings.timezone))

    def due(self, form: StepForm) -> datetime:
        """Give the time that a form means."""
        now = self.parts.clock.now()
        if form.due_at is not None:
            return self.local(form.due_at)
        if form.when is When.HOUR:
            return now + timedelta(hours=1)
        today = self.parts.calendar.today(now)
        ahead = {When.TODAY: 0, When.TOMORROW: 1, When.DAYS: 3, When.WEEK: 7}[form.when]
        hour = time(17) if form.when is When.TODAY else time(10)
        return datetime.combine(today + timedelta(days=ahead), hour, ZoneInfo(self.parts.settings.timezone))


def endpoints(cards: Cards) -> list[Endpoint]:
    """Give what the forms do."""
    desk = Desk(cards)
    return [
        *_notes(desk),
        *_steps(desk),
        *_consents(desk),
        *_blocks(desk),
        *_bindings(desk),
        *_identity(desk),
    ]


def _notes(desk: Desk) -> list[Endpoint]:
    notes = desk.parts.notes

    @endpoint(
        "POST",
        "/customers/{customer_id}/notes",
        permission=permissions.NOTE_WRITE,
        summary_zh="写备注（页面）",
        summary_en="Write a note (page)",
        kind="page",
    )
    async def add(
        *, principal: Principal, path: CustomerPath, body: NoteForm, context: RequestContext, headers: Seen
    ) -> Html | Redirect:
        return await desk.act(
            notes.add(principal, path.customer_id, body.text),
            principal, path.customer_id, context, headers,
            done="agent-note-added", place="notes", form=body,
            more=lambda made: {"undo": made.id} | ({"done": "agent-note-masked"} if made.masked else {}),
        )  # fmt: skip

    @endpoint(
        "POST",
        "/customers/{customer_id}/notes/{note_id}/withdraw",
        permission=permissions.NOTE_WRITE,
        summary_zh="撤回备注（页面）",
        summary_en="Withdraw a note (page)",
        kind="page",
    )
    async def withdraw(
        *, principal: Principal, path: NotePath, body: BackForm, context: RequestContext, headers: Seen
    ) -> Html | Redirect:
        del body
        return await desk.act(
            notes.withdraw(principal, path.customer_id, path.note_id),
            principal, path.customer_id, context, headers,
            done="agent-note-withdrawn", place="notes", more=lambda _: {"undo": path.note_id},
        )  # fmt: skip

    @endpoint(
        "POST",
        "/customers/{customer_id}/notes/{note_id}/restore",
        permission=permissions.NOTE_WRITE,
        summary_zh="恢复备注（页面）",
        summary_en="Restore a note (page)",
        kind="page",
    )
    async def restore(
        *, principal: Principal, path: NotePath, body: BackForm, context: RequestContext, headers: Seen
    ) -> Html | Redirect:
        del body
        return await desk.act(
            notes.restore(principal, path.customer_id, path.note_id),
            principal, path.customer_id, context, headers,
            done="agent-note-restored", place="notes",
        )  # fmt: skip

    return [add, withdraw, restore]


def _steps(desk: Desk) -> list[Endpoint]:
    notes = desk.parts.notes

    @endpoint(
        "POST",
        "/customers/{customer_id}/steps",
        permission=permissions.NOTE_WRITE,
        summary_zh="安排下一步（页面）",
        summary_en="Plan a next step (page)",
        kind="page",
    )
    async def plan(
        *, principal: Principal, path: CustomerPath, body: StepForm, context: RequestContext, headers: Seen
    ) -> Html | Redirect:
        asked = StepAsked(body.kind, desk.due(body), body.text)
        return await desk.act(
            notes.plan(principal, path.customer_id, asked),
            principal, path.customer_id, context, headers,
            done="agent-step-planned", place="steps", form=body,
        )  # fmt: skip

    @endpoint(
        "POST",
        "/customers/{customer_id}/steps/{step_id}/done",
        permission=permissions.NOTE_WRITE,
        summary_zh="完成下一步（页面）",
        summary_en="Finish a next step (page)",
        kind="page",
    )
    async def done(
        *, principal: Principal, path: StepPath, body: BackForm, context: RequestContext, headers: Seen
    ) -> Html | Redirect:
        return await desk.act(
            notes.finish(principal, path.customer_id, path.step_id),
            principal, path.customer_id, context, headers,
            done="agent-step-done", place="steps", back=body.back,
            more=lambda _: {"undo": path.step_id, "customer": path.customer_id}
            if body.back and body.back.startswith("/today") else {"undo": path.step_id},
        )  # fmt: skip

    @endpoint(
        "POST",
        "/customers/{customer_id}/steps/{step_id}/reopen",
        permission=permissions.NOTE_WRITE,
        summary_zh="重新打开下一步（页面）",
        summary_en="Reopen a next step (page)",
        kind="page",
    )
    async def reopen(
        *, principal: Principal, path: StepPath, body: BackForm, context: RequestContext, headers: Seen
    ) -> Html | Redirect:
        return await desk.act(
            notes.reopen(principal, path.customer_id, path.step_id),
            principal, path.customer_id, context, headers,
            done="agent-step-reopened", place="steps", back=body.back,
        )  # fmt: skip

    return [plan, done, reopen]


def _consents(desk: Desk) -> list[Endpoint]:
    consent = desk.parts.consent

    @endpoint(
        "POST",
        "/customers/{customer_id}/consents",
        permission=permissions.CONSENT_WRITE,
        summary_zh="登记同意（页面）",
        summary_en="Record a consent (page)",
        kind="page",
    )
    async def give(
        *, principal: Principal, path: CustomerPath, body: ConsentForm, context: RequestContext, headers: Seen
    ) -> Html | Redirect:
        at = desk.local(body.given_at) if body.given_at else desk.parts.clock.now()
        given = ConsentGiven(body.purpose, body.source, at, body.evidence)
        return await desk.act(
            consent.give(principal, path.customer_id, given),
            principal, path.customer_id, context, headers,
            done="agent-consent-given", place="consents", form=body,
        )  # fmt: skip

    @endpoint(
        "POST",
        "/customers/{customer_id}/consents/withdraw",
        permission=permissions.CONSENT_WITHDRAW,
        summary_zh="撤回同意（页面）",
        summary_en="Withdraw a consent (page)",
        kind="page",
    )
    async def withdraw(
        *,
        principal: Principal,
        path: CustomerPath,
        body: WithdrawForm,
        context: RequestContext,
        headers: Seen,
    ) -> Html | Redirect:
        return await desk.act(
            consent.withdraw(principal, path.customer_id, body.purpose),
            principal, path.customer_id, context, headers,
            done="agent-consent-withdrawn", place="consents",
        )  # fmt: skip

    return [give, withdraw]


def _blocks(desk: Desk) -> list[Endpoint]:
    consent = desk.parts.consent

    @endpoint(
        "POST",
        "/customers/{customer_id}/blocks",
        permission=permissions.BLOCK_WRITE,
        summary_zh="加入勿扰（页面）",
        summary_en="Add to do-not-contact (page)",
        kind="page",
    )
    async def block(
        *, principal: Principal, path: CustomerPath, body: BlockForm, context: RequestContext, headers: Seen
    ) -> Html | Redirect:
        until = desk.parts.clock.now() + timedelta(days=body.days) if body.days else None
        asked = BlockAsked(body.reason, body.purpose, body.channel, until, body.note)
        lifts = principal.allows(permissions.BLOCK_LIFT)
        return await desk.act(
            consent.block(principal, path.customer_id, asked),
            principal, path.customer_id, context, headers,
            done="agent-block-added", place="consents", form=body,
            more=lambda made: {"undo": made.id} if lifts else {},
        )  # fmt: skip

    @endpoint(
        "POST",
        "/customers/{customer_id}/blocks/{block_id}/lift",
        permission=permissions.BLOCK_LIFT,
        summary_zh="移出勿扰（页面）",
        summary_en="Lift a do-not-contact entry (page)",
        kind="page",
    )
    async def lift(
        *, principal: Principal, path: BlockPath, body: BackForm, context: RequestContext, headers: Seen
    ) -> Html | Redirect:
        del body
        return await desk.act(
            consent.lift(principal, path.customer_id, path.block_id),
            principal, path.customer_id, context, headers,
            done="agent-block-lifted", place="consents",
        )  # fmt: skip

    return [block, lift]


def _identity(desk: Desk) -> list[Endpoint]:
    asking, needs = desk.parts.approvals.desk, desk.parts.approvals.settings

    @endpoint(
        "POST",
        "/customers/{customer_id}/change-request",
        permission=permissions.CUSTOMER_WRITE,
        summary_zh="申请变更客户身份资料（页面）",
        summary_en="Ask for a change of who a customer is (page)",
        kind="page",
    )
    async def change(
        *,
        principal: Principal,
        path: CustomerPath,
        body: IdentityForm,
        context: RequestContext,
        headers: Seen,
    ) -> Html | Redirect:
        wanted = CustomerChange(
            phone=body.phone, name=body.name, id_number=body.id_number, external_id=body.external_id
        )
        return await desk.act(
            asking.change(principal, path.customer_id, wanted, body.reason),
            principal, path.customer_id, context, headers,
            done="approvals-asked" if needs.change else "approvals-done-alone", place="identity", form=body,
        )  # fmt: skip

    @endpoint(
        "POST",
        "/customers/{customer_id}/erasure-request",
        permission=permissions.CUSTOMER_ERASE,
        step_up=True,
        summary_zh="申请永久删除客户（页面）",
        summary_en="Ask for the erasure of a customer (page)",
        kind="page",
    )
    async def erase(
        *, principal: Principal, path: CustomerPath, body: ErasureForm, context: RequestContext, headers: Seen
    ) -> Html | Redirect:
        return await desk.act(
            asking.erasure(principal, path.customer_id, body.ground, body.reason),
            principal, path.customer_id, context, headers,
            done="approvals-asked" if needs.erasure else "approvals-done-alone", place="erasure", form=body,
        )  # fmt: skip

    return [change, erase]


def _bindings(desk: Desk) -> list[Endpoint]:
    @endpoint(
        "POST",
        "/customers/{customer_id}/bind",
        permission=permissions.BINDING_WRITE,
        summary_zh="为本人建立绑定（页面）",
        summary_en="Make a binding for oneself (page)",
        kind="page",
    )
    async def bind(
        *, principal: Principal, path: CustomerPath, body: BindForm, context: RequestContext, headers: Seen
    ) -> Html | Redirect:
        request = BindRequest(
            employee_id=principal.employee_id,
            customer_id=path.customer_id,
            purpose=body.purpose,
            # The end of that day: a second click within the minute asks for the same.
            expires_at=desk.parts.calendar.end(
                desk.parts.calendar.today(desk.parts.clock.now()) + timedelta(days=body.days - 1)
            ),
            idempotency_key=body.key,
        )
        return await desk.act(
            desk.parts.bindings.bind(principal, request),
            principal, path.customer_id, context, headers,
            done="agent-bound", place="contact", form=body, back=body.back,
        )  # fmt: skip

    return [bind]
