"""A customer's card: who is this, what was said, what may I do next?"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import Field

from core.access.model import Principal
from core.ids import new_id
from core.web.context import RequestContext
from core.web.endpoint import Endpoint, endpoint
from core.web.replies import Html
from core.web.schema import ApiModel, IdStr
from dashboard.forms import DoneQuery, Failure, address, failure
from dashboard.pages.agent.calling import live_call
from dashboard.pages.agent.customers import owner_names
from dashboard.pages.agent.may import judge, threads_of
from dashboard.pages.agent.today import BINDING_DAYS
from dashboard.pages.kit import Kit
from dashboard.pages.preferences import Seen
from dashboard.pages.reading.approvals import waiting_for
from dashboard.parts import DashboardParts
from dashboard.render import Renderer
from gateway.calls.permissions import CALL_READ
from gateway.calls.queries import CallFilter, CallView
from gateway.contact.model import Channel, Purpose
from gateway.contact.models import ContactRow
from gateway.contact.queries import ContactFilter
from gateway.customers.approvals.model import ErasureGround, RequestKind, RequestState, RequestView
from gateway.customers.approvals.reading import RequestFilter
from gateway.customers.model import BlockReason, ConsentSource
from gateway.customers.notes.model import NoteView, StepKind, StepView
from gateway.messages.models import MessageRow
from gateway.messages.permissions import MESSAGE_READ
from gateway.numbers.model import BindingFilter, BindingView
from gateway.permissions import BINDING_READ, CONTACT_READ, CUSTOMER_READ, CUSTOMER_REQUEST_READ, NOTE_READ
from qa.inspection.views import InspectionSummary
from qa.permissions import INSPECTION_READ

TIMELINE = 20
NOTES = 20


class CustomerPath(ApiModel):
    customer_id: IdStr


class CardQuery(DoneQuery):
    """The address of a card. `before` pages the timeline, `undo` is what was just done."""

    before: Annotated[str, Field(max_length=512)] | None = None
    call: IdStr | None = None
    undo: IdStr | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """One contact of the timeline with what belongs to it."""

    contact: ContactRow
    call: CallView | None
    message: MessageRow | None
    inspection: InspectionSummary | None


@dataclass(frozen=True, slots=True)
class Typed:
    """What was typed into a form that was refused: it is shown again."""

    form: str = ""
    values: Mapping[str, str] = field(default_factory=dict, repr=False)

    def of(self, form: str, name: str) -> str:
        return self.values.get(name, "") if form == self.form else ""


NOTHING = Typed()


class Cards:
    """Gathers and renders a card."""

    def __init__(self, renderer: Renderer, parts: DashboardParts) -> None:
        self.renderer = renderer
        self.parts = parts

    async def show(
        self,
        principal: Principal,
        customer_id: str,
        context: RequestContext,
        headers: Seen,
        *,
        query: CardQuery | None = None,
        told: Failure | None = None,
        typed: Typed = NOTHING,
    ) -> Html:
        """Render the card; raise `CustomerUnknown` where the principal may not see the customer."""
        parts, query = self.parts, query or CardQuery()
        customer = await parts.customers.get(principal, customer_id)
        events, following = await self._events(principal, customer_id, query.before)
        notes, steps = await self._notes(principal, customer_id)
        bindings = await self._bindings(principal, customer_id)
        mine = [binding for binding in bindings if binding.employee_id == principal.employee_id]
        directory = await parts.people.directory(principal)
        path = f"/customers/{customer_id}"
        consents = await parts.consent.consents(principal, customer_id)
        now = parts.clock.now()
        text = self.renderer.page(
            "agent/card.html",
            context=context,
            principal=principal,
            theme=headers.theme,
            back=path,
            path=path,
            query=query,
            told=told or failure(query.failed, context.language),
            typed=typed,
            customer=customer,
            local_time=_local_time(now, customer.time_zone),
            owner_of=owner_names(directory, principal),
            notes=notes,
            steps=steps,
            now=now,
            consents=consents,
            consented=sorted({one.purpose for one in consents if one.withdrawn_at is None}),
            blocks=await parts.consent.blocks(principal, customer_id),
            bindings=bindings,
            mays=await judge(parts, principal, mine),
            threads=await threads_of(parts, principal, customer_id),
            free_purposes=[one for one in Purpose if one not in {bound.purpose for bound in mine}],
            binding_days=BINDING_DAYS,
            bind_key=new_id(),
            events=events,
            older=address(path, before=following) + "#timeline" if following else None,
            live=await live_call(parts, principal, query.call) if query.call else None,
            words=_WORDS,
            pending=await self._pending(principal, customer_id),
            second_person=parts.approvals.settings,
            fresh=Kit(self.renderer, parts, "agent").is_fresh(principal),
        )
        return Html(text)

    async def _notes(self, principal: Principal, customer_id: str) -> tuple[list[NoteView], list[StepView]]:
        if not principal.allows(NOTE_READ):
            return [], []
        notes, _ = await self.parts.notes.find(principal, customer_id, limit=NOTES, opened=True)
        return notes, await self.parts.notes.steps(principal, customer_id, limit=5, opened=True)

    async def _pending(self, principal: Principal, customer_id: str) -> dict[RequestKind, RequestView]:
        """Give what waits for a second person about this customer."""
        if not principal.allows(CUSTOMER_REQUEST_READ):
            return {}
        wanted = RequestFilter(customer_id=customer_id, state=RequestState.WAITING)
        found, _ = await self.parts.approvals.reader.find(principal, wanted, limit=5)
        return waiting_for(found)

    async def _bindings(self, principal: Principal, customer_id: str) -> tuple[BindingView, ...]:
        if not principal.allows(BINDING_READ):
            return ()
        page = await self.parts.bindings.find(principal, BindingFilter(customer_id=customer_id), limit=20)
        return page.items

    async def _events(
        self, principal: Principal, customer_id: str, before: str | None
    ) -> tuple[list[Event], str | None]:
        if not principal.allows(CONTACT_READ):
            return [], None
        parts = self.parts
        rows, following = await parts.contacts.find(
            principal, ContactFilter(customer_id=customer_id), cursor=before, limit=TIMELINE
        )
        called = [row.id for row in rows if row.channel is Channel.CALL]
        written = [row.id for row in rows if row.channel is Channel.MESSAGE]
        calls: dict[str, CallView] = {}
        if called and principal.allows(CALL_READ):
            views, _ = await parts.calls.find(principal, CallFilter(contacts=called), limit=TIMELINE)
            calls = {view.row.contact_id: view for view in views}
        messages: dict[str, MessageRow] = {}
        if written and principal.allows(MESSAGE_READ):
            messages = await parts.messages.queries.of_contacts(principal, written)
        inspections: dict[str, InspectionSummary] = {}
        if called and principal.allows(INSPECTION_READ):
            inspections = await parts.figures.of_contacts(principal, called)
        events = [
            Event(row, calls.get(row.id), messages.get(row.id), inspections.get(row.id)) for row in rows
        ]
        return events, following


_WORDS = {
    "purpose": tuple(Purpose),
    "source": tuple(ConsentSource),
    "reason": tuple(BlockReason),
    "channel": tuple(Channel),
    "step": tuple(StepKind),
    "ground": tuple(ErasureGround),
}


def _local_time(now: datetime, zone: str) -> str:
    """Give the wall clock where the customer is."""
    return now.astimezone(ZoneInfo(zone)).strftime("%H:%M")


def endpoints(cards: Cards) -> list[Endpoint]:
    """Give the page."""

    @endpoint(
        "GET",
        "/customers/{customer_id}",
        permission=CUSTOMER_READ,
        summary_zh="客户页",
        summary_en="Page of one customer",
        kind="page",
    )
    async def show(
        *,
        principal: Principal,
        path: CustomerPath,
        query: CardQuery,
        context: RequestContext,
        headers: Seen,
    ) -> Html:
        return await cards.show(principal, path.customer_id, context, headers, query=query)

    return [show]
