"""A thread: read it, write in it, and see what became of every message and why."""

from collections.abc import Awaitable, Mapping
from typing import Annotated, Any

from pydantic import Field, create_model

from core.access.model import Principal
from core.web.context import RequestContext
from core.web.endpoint import Endpoint, endpoint
from core.web.replies import Html, Redirect
from core.web.schema import ApiModel, IdStr
from dashboard.forms import DoneQuery, Failure, FormModel, act, address, failure
from dashboard.pages.agent.card import CustomerPath, Typed
from dashboard.pages.agent.may import judge, threads_of
from dashboard.pages.preferences import Seen
from dashboard.parts import DashboardParts
from dashboard.render import Renderer
from gateway.contact.errors import BindingUnknown
from gateway.customers.model import CustomerView
from gateway.messages.errors import TemplateUnknown
from gateway.messages.model import ChannelKind
from gateway.messages.permissions import MESSAGE_READ, MESSAGE_SEND, TEMPLATE_READ
from gateway.messages.queries import ThreadView
from gateway.messages.service import SendRequest
from gateway.messages.templates import TemplateView
from gateway.numbers.model import BindingFilter, BindingView
from gateway.permissions import BINDING_READ, CUSTOMER_READ
from qa.inspection.views import FindingView
from qa.permissions import INSPECTION_READ

LIMIT = 40
MAX_VALUES = 20
_VALUE = Annotated[str, Field(max_length=60)]


class ThreadPath(ApiModel):
    thread_id: IdStr


class ThreadQuery(DoneQuery):
    """The address of a thread. `sent` is the message that was just written."""

    cursor: Annotated[str, Field(max_length=512)] | None = None
    sent: IdStr | None = None


class NewsQuery(ApiModel):
    """What the page already shows."""

    known: str = Field(pattern=r"^[0-9a-f-]{1,80}$")


class WriteQuery(DoneQuery):
    """The first message of a thread: by which binding."""

    binding: IdStr | None = None


class _Words(FormModel):
    """What is written: a text, or a template whose values come in the order of its variables."""

    binding_id: IdStr | None = None
    channel: ChannelKind | None = None
    text: str = Field(default="", max_length=4000, repr=False)
    template: IdStr | None = None
    key: IdStr


_values: dict[str, Any] = {f"value_{place}": (_VALUE, "") for place in range(MAX_VALUES)}
MessageForm = create_model("MessageForm", __base__=_Words, **_values)


def values_of(form: _Words, template: TemplateView) -> dict[str, str]:
    """Give a template's variables their values."""
    return {
        variable.name: getattr(form, f"value_{place}") for place, variable in enumerate(template.variables)
    }


class Talk:
    """Gathers and renders a thread, or the page of a first message."""

    def __init__(self, renderer: Renderer, parts: DashboardParts) -> None:
        self.renderer = renderer
        self.parts = parts

    async def show(
        self,
        principal: Principal,
        thread_id: str,
        context: RequestContext,
        headers: Seen,
        *,
        query: ThreadQuery | None = None,
        told: Failure | None = None,
        typed: Typed | None = None,
    ) -> Html:
        """Render a thread; raise `ThreadUnknown`."""
        query = query or ThreadQuery()
        queries = self.parts.messages.queries
        pulse = await queries.pulse(principal, thread_id)  # first: what comes meanwhile is news
        view = await queries.thread(principal, thread_id)
        found, following = await queries.messages(principal, thread_id, cursor=query.cursor, limit=LIMIT)
        if view.row.unread and view.row.employee_id == principal.employee_id:
            await queries.mark_read(principal, thread_id)
        hits = await self._hits(principal, thread_id, [one.row.id for one in found])
        binding = await self.binding(principal, view.row.customer_id, view.row.binding_id)
        path = f"/threads/{thread_id}"
        sent = next((one for one in found if one.row.id == query.sent), None)
        return self._page(
            principal, context, headers,
            news=f"{path}/news?known={pulse}" if query.cursor is None else None,
            hits=hits, thread=view, messages=found[::-1], sent=sent, binding=binding, path=path,
            may=(await judge(self.parts, principal, [binding]))[0] if binding else None,
            templates=await self._templates(principal, binding), channels=(view.row.channel,),
            customer=await self.customer(principal, view.row.customer_id),
            earlier=address(path, cursor=following) if following else None, later=query.cursor is not None,
            done=query.done, told=told or failure(query.failed, context.language), typed=typed or Typed(),
        )  # fmt: skip

    async def begin(
        self,
        principal: Principal,
        customer_id: str,
        binding: BindingView,
        context: RequestContext,
        headers: Seen,
        *,
        told: Failure | None = None,
        typed: Typed | None = None,
    ) -> Html:
        """Render the page of a first message."""
        (may,) = await judge(self.parts, principal, [binding])
        path = f"/customers/{customer_id}/write"
        return self._page(
            principal, context, headers,
            news=None, hits={}, thread=None, messages=[], sent=None, binding=binding, path=path, may=may,
            templates=await self._templates(principal, binding),
            channels=tuple(self.parts.messages.service.channels),
            customer=await self.customer(principal, customer_id), earlier=None, later=False,
            done=None, told=told, typed=typed or Typed(),
        )  # fmt: skip

    def _page(self, principal: Principal, context: RequestContext, headers: Seen, **data: Any) -> Html:
        service = self.parts.messages.service
        binding: BindingView | None = data["binding"]
        only = [
            kind for kind in data["channels"] if binding and service.needs_template(binding.purpose, kind)
        ]
        sendable = [kind for kind in data["channels"] if kind in service.channels]
        writes = bool(
            binding
            and sendable
            and principal.allows(MESSAGE_SEND)
            and binding.employee_id == principal.employee_id
        )
        text = self.renderer.page(
            "agent/thread.html",
            context=context,
            principal=principal,
            theme=headers.theme,
            back=data["path"],
            writes=writes,
            sendable=sendable,
            templates_only=bool(only) and len(only) == len(data["channels"]),
            key=data["may"].key if data["may"] else "",
            **data,
        )
        return Html(text)

    async def binding(
        self, principal: Principal, customer_id: str, binding_id: str | None
    ) -> BindingView | None:
        """Give a live binding of the principal's with a customer: the one asked for, or the latest."""
        if not principal.allows(BINDING_READ):
            return None
        wanted = BindingFilter(employee_id=principal.employee_id, customer_id=customer_id)
        page = await self.parts.bindings.find(principal, wanted, limit=20)
        if binding_id is None:
            return page.items[0] if page.items else None
        return next((one for one in page.items if one.id == binding_id), None)

    async def customer(self, principal: Principal, customer_id: str) -> CustomerView | None:
        """Give the customer where the principal may open the card."""
        if not principal.allows(CUSTOMER_READ):
            return None
        return (await self.parts.customers.many(principal, [customer_id])).get(customer_id)

    async def _hits(
        self, principal: Principal, thread_id: str, message_ids: list[str]
    ) -> Mapping[str, tuple[FindingView, ...]]:
        """Give what inspection found in these messages."""
        if not principal.allows(INSPECTION_READ):
            return {}
        found = await self.parts.inspections.thread_findings(principal, thread_id, message_ids)
        return found.by_message

    async def _templates(self, principal: Principal, binding: BindingView | None) -> list[TemplateView]:
        if binding is None or not principal.allows(TEMPLATE_READ):
            return []
        service = self.parts.messages.templates
        return await service.find(principal, purpose=binding.purpose, in_force=True)

    async def send(
        self, principal: Principal, binding_id: str, channel: ChannelKind, form: _Words
    ) -> tuple[str, str]:
        """Send what a form says; give the message and its thread."""
        values: Mapping[str, str] = {}
        if form.template is not None:
            found = await self.parts.messages.templates.find(principal, in_force=True)
            template = next((one for one in found if one.id == form.template), None)
            if template is None:
                raise TemplateUnknown
            values = values_of(form, template)
        request = SendRequest(
            binding_id=binding_id,
            channel=channel,
            text="" if form.template else form.text,
            template_version_id=form.template,
            values=values,
            idempotency_key=form.key,
        )
        message_id = await self.parts.messages.service.send(principal, request)
        row = (await self.parts.messages.queries.message(principal, message_id)).row
        return message_id, row.thread_id


def endpoints(renderer: Renderer, parts: DashboardParts) -> list[Endpoint]:
    """Give the pages."""
    talk = Talk(renderer, parts)
    return [*_threads(talk), *_first(talk)]


async def _sent(action: Awaitable[tuple[str, str]], again: Any, language: str) -> Html | Redirect:
    where: dict[str, str] = {}

    async def run() -> None:
        where["sent"], where["thread"] = await action

    answer = await act(run(), to="/threads", done=None, language=language, again=again)
    if isinstance(answer, Redirect):
        return Redirect(address(f"/threads/{where['thread']}#write", sent=where["sent"]))
    return answer


def _typed(form: _Words) -> Typed:
    place = form.template or "text"
    return Typed(place, {name: str(value) for name, value in form.model_dump(exclude_none=True).items()})


def _threads(talk: Talk) -> list[Endpoint]:
    @endpoint(
        "GET",
        "/threads/{thread_id}",
        permission=MESSAGE_READ,
        summary_zh="会话页",
        summary_en="Page of one thread",
        kind="page",
    )
    async def show(
        *,
        principal: Principal,
        path: ThreadPath,
        query: ThreadQuery,
        context: RequestContext,
        headers: Seen,
    ) -> Html:
        return await talk.show(principal, path.thread_id, context, headers, query=query)

    @endpoint(
        "POST",
        "/threads/{thread_id}",
        permission=MESSAGE_SEND,
        summary_zh="在会话中发送消息（页面）",
        summary_en="Write in a thread (page)",
        kind="page",
    )
    async def write(
        *,
        principal: Principal,
        path: ThreadPath,
        body: MessageForm,
        context: RequestContext,
        headers: Seen,
    ) -> Html | Redirect:
        form: _Words = body
        view: ThreadView = await talk.parts.messages.queries.thread(principal, path.thread_id)

        async def again(told: Failure) -> Html:
            return await talk.show(principal, path.thread_id, context, headers, told=told, typed=_typed(form))

        action = talk.send(principal, view.row.binding_id, view.row.channel, form)
        return await _sent(action, again, context.language)

    @endpoint(
        "GET",
        "/threads/{thread_id}/news",
        permission=MESSAGE_READ,
        summary_zh="会话有无变化（页面局部）",
        summary_en="Whether anything happened in a thread (part of a page)",
        kind="page",
    )
    async def news(
        *,
        principal: Principal,
        path: ThreadPath,
        query: NewsQuery,
        context: RequestContext,
        headers: Seen,
    ) -> Html:
        """Answer with nothing while nothing happened: a look at the thread is written in the access log."""
        if await talk.parts.messages.queries.pulse(principal, path.thread_id) == query.known:
            return Html("", 204)
        return await talk.show(principal, path.thread_id, context, headers)

    return [show, write, news]


def _first(talk: Talk) -> list[Endpoint]:
    @endpoint(
        "GET",
        "/customers/{customer_id}/write",
        permission=MESSAGE_SEND,
        summary_zh="写第一条消息",
        summary_en="Write the first message",
        kind="page",
    )
    async def begin(
        *,
        principal: Principal,
        path: CustomerPath,
        query: WriteQuery,
        context: RequestContext,
        headers: Seen,
    ) -> Html | Redirect:
        binding = await talk.binding(principal, path.customer_id, query.binding)
        if binding is None:
            return Redirect(address(f"/customers/{path.customer_id}#contact", failed=BindingUnknown.code))
        known = await threads_of(talk.parts, principal, path.customer_id)
        if binding.id in known:
            return Redirect(f"/threads/{known[binding.id]}#write")
        return await talk.begin(principal, path.customer_id, binding, context, headers)

    @endpoint(
        "POST",
        "/customers/{customer_id}/write",
        permission=MESSAGE_SEND,
        summary_zh="发送第一条消息（页面）",
        summary_en="Send the first message (page)",
        kind="page",
    )
    async def send(
        *,
        principal: Principal,
        path: CustomerPath,
        body: MessageForm,
        context: RequestContext,
        headers: Seen,
    ) -> Html | Redirect:
        form: _Words = body
        binding = await talk.binding(principal, path.customer_id, form.binding_id)
        if binding is None:
            return Redirect(address(f"/customers/{path.customer_id}#contact", failed=BindingUnknown.code))
        bound = binding

        async def again(told: Failure) -> Html:
            return await talk.begin(
                principal, path.customer_id, bound, context, headers, told=told, typed=_typed(form)
            )

        channel = form.channel or next(iter(talk.parts.messages.service.channels))
        return await _sent(talk.send(principal, binding.id, channel, form), again, context.language)

    return [begin, send]
