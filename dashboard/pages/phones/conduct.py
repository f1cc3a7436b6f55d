"""Conduct events of phones: the list with its filters, one event with all that belongs to it, handling."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import Field, model_validator

from core.access.model import Principal
from core.ledger.permissions import LEDGER_READ
from core.web.context import RequestContext
from core.web.endpoint import Endpoint, endpoint
from core.web.replies import Html, Redirect
from core.web.schema import ApiModel, IdStr
from dashboard.asked import Asked
from dashboard.day import Calendar
from dashboard.filters import PeriodQuery
from dashboard.forms import DoneQuery, FormModel, act
from dashboard.pages.phones.kit import PhoneKit, names_of
from dashboard.pages.preferences import Seen, local_path
from dashboard.people import Directory
from devicepolicy.permissions import CONDUCT_HANDLE, DEVICE_READ, POLICY_WRITE, UPLOAD_READ
from devicepolicy.uploads.catalogue import EventEntry, catalogue
from devicepolicy.uploads.conduct_desk import EventFilter
from devicepolicy.uploads.errors import UploadNotFound
from devicepolicy.uploads.lines import Line
from devicepolicy.uploads.model import EventKind, MoneyDirection, Severity
from gateway.messages.permissions import MESSAGE_READ
from gateway.messages.queries import ThreadFilter
from gateway.permissions import CUSTOMER_READ
from qa.alert_queue import AlertFilter, AlertLine, AlertQueue
from qa.inspection.model import AlertState
from qa.permissions import ALERT_READ

HOME = "/conduct"
SHOWN = 50
PICK = "pick."


class Pile(StrEnum):
    """Which events: those that nobody has handled, the others, or both."""

    OPEN = "open"
    HANDLED = "handled"
    ALL = "all"


_HANDLED = {Pile.OPEN: False, Pile.HANDLED: True, Pile.ALL: None}


class ConductQuery(PeriodQuery, DoneQuery):
    """The address of the list. `undo`: what was just handled, and can be taken back."""

    page_path: ClassVar[str] = HOME
    unsaid: ClassVar[Mapping[str, str]] = {"state": Pile.OPEN}

    state: Pile = Pile.OPEN
    kind: EventKind | None = None
    severity: Severity | None = None
    employee: IdStr | None = None
    department: IdStr | None = None
    phone: IdStr | None = None
    direction: MoneyDirection | None = None
    once: bool | None = None
    """What contradicts an earlier event is left out, as it is in the figures of money."""
    undo: IdStr | None = None


class EventPath(ApiModel):
    upload_event_id: IdStr


Note = Annotated[str, Field(max_length=500, pattern=r"\S", repr=False)]
Back = Annotated[str, Field(max_length=2000)]


class PickedForm(FormModel):
    """One note for all that is ticked: each tick is a field of its own, named after its event."""

    note: Note
    back: Back = HOME
    event_ids: Annotated[tuple[IdStr, ...], Field(min_length=1, max_length=SHOWN)]

    @model_validator(mode="before")
    @classmethod
    def _gather(cls, value: object) -> object:
        if not isinstance(value, dict):
            return value
        picked = tuple(name.removeprefix(PICK) for name in value if name.startswith(PICK))
        rest = {name: given for name, given in value.items() if not name.startswith(PICK)}
        return {**rest, "event_ids": picked} if picked else rest


class UndoForm(FormModel):
    batch: IdStr
    back: Back = HOME


class NoteForm(FormModel):
    note: Note


class ReopenForm(FormModel):
    note: Annotated[str, Field(max_length=500, repr=False)] = ""


@dataclass(frozen=True, slots=True)
class ShownEvent:
    """An event with the names that people know; `may_pick`: the reader may handle it."""

    line: Line
    entry: EventEntry
    holder: str
    department: str
    phone: str
    may_pick: bool


def event_filter(query: ConductQuery, directory: Directory, calendar: Calendar) -> EventFilter:
    """Translate the address into what the desk is asked."""
    path = directory.path_of(query.department) if query.department else None
    below = [place.id for place in directory.departments if path and place.path.startswith(path)]
    return EventFilter(
        kind=query.kind,
        severity=query.severity,
        handled=_HANDLED[query.state],
        device_id=query.phone,
        employee_id=query.employee,
        department_ids=below if query.department else None,
        since=calendar.begin(query.since) if query.since else None,
        until=calendar.end(query.until) if query.until else None,
        direction=query.direction,
        once=bool(query.once),
    )


def endpoints(kit: PhoneKit) -> list[Endpoint]:
    """Give the pages and what their forms do. Fixed addresses come before the one of an event."""
    return [_list(kit), *_many(kit), _one(kit), *_acts(kit)]


def _list(kit: PhoneKit) -> Endpoint:
    @endpoint(
        "GET",
        HOME,
        permission=UPLOAD_READ,
        summary_zh="敏感行为页",
        summary_en="Page of conduct events",
        kind="page",
    )
    async def listing(
        *, principal: Principal, query: ConductQuery, context: RequestContext, headers: Seen
    ) -> Html:
        parts, desk = kit.parts, kit.parts.uploads.desk
        picture = await kit.picture(principal)
        directory = await parts.people.directory(principal)
        wanted = event_filter(query, directory, parts.calendar)
        lines, following = await desk.find(principal, wanted, cursor=query.cursor, limit=SHOWN)
        counted = await _counts(kit, principal)
        return kit.show(
            "conduct.html",
            Asked(principal, context, headers),
            query=query,
            picture=picture,
            directory=directory,
            counts=counted,
            anybody=bool(counted[0][1] or counted[-1][1]),
            kinds=catalogue().events,
            severities=tuple(Severity),
            piles=tuple(Pile),
            shown=await _shown(kit, principal, directory, lines),
            given=query.given(),
            next_address=query.address(cursor=following) if following else None,
            may_handle=principal.allows(CONDUCT_HANDLE),
            may_write=principal.allows(POLICY_WRITE),
        )

    return listing


async def _counts(kit: PhoneKit, principal: Principal) -> list[tuple[str, int, str]]:
    """Give what stands on top: its name, how many, and the address that lists exactly these."""
    parts, desk = kit.parts, kit.parts.uploads.desk
    today = parts.calendar.today(parts.clock.now())
    since = parts.calendar.begin(today)
    wanted = {
        "open": (EventFilter(handled=False), HOME),
        "severe": (EventFilter(handled=False, severity=Severity.SEVERE), f"{HOME}?severity=severe"),
        "today": (
            EventFilter(since=since, until=since + timedelta(days=1)),
            f"{HOME}?state=all&since={today}&until={today}",
        ),
        "handled": (EventFilter(handled=True), f"{HOME}?state=handled"),
    }
    return [(name, await desk.count(principal, one), address) for name, (one, address) in wanted.items()]


async def _shown(
    kit: PhoneKit, principal: Principal, directory: Directory, lines: Sequence[Line]
) -> list[ShownEvent]:
    kinds, names = catalogue().events, names_of(directory)
    phones: dict[str, str] = {}
    if principal.allows(DEVICE_READ):
        phones = await kit.parts.fleet.queries.names(principal, {line.row.device_id for line in lines})
    return [
        ShownEvent(
            line,
            kinds[line.row.kind],
            names.get(line.row.employee_id or "", ""),
            directory.department(line.row.department_id),
            phones.get(line.row.device_id, ""),
            principal.allows(CONDUCT_HANDLE) and line.row.employee_id != principal.employee_id,
        )
        for line in lines
    ]


def _many(kit: PhoneKit) -> list[Endpoint]:
    @endpoint(
        "POST",
        f"{HOME}/handle",
        permission=CONDUCT_HANDLE,
        summary_zh="处理所选行为事件",
        summary_en="Handle the ticked conduct events",
        kind="page",
    )
    async def handle(*, principal: Principal, body: PickedForm, context: RequestContext) -> Html | Redirect:
        return await act(
            kit.parts.uploads.desk.handle(principal, body.event_ids, body.note),
            to=local_path(body.back),
            done="conduct.handled",
            language=context.language,
            more=lambda batch: {"undo": batch.id},
        )

    @endpoint(
        "POST",
        f"{HOME}/undo",
        permission=CONDUCT_HANDLE,
        summary_zh="撤销一次处理",
        summary_en="Take back what was handled in one go",
        kind="page",
    )
    async def undo(*, principal: Principal, body: UndoForm, context: RequestContext) -> Html | Redirect:
        work = kit.parts.uploads.desk.undo(principal, body.batch)
        return await act(work, to=local_path(body.back), done="conduct.undone", language=context.language)

    return [handle, undo]


def _one(kit: PhoneKit) -> Endpoint:
    @endpoint(
        "GET",
        f"{HOME}/{{upload_event_id}}",
        permission=UPLOAD_READ,
        summary_zh="一条行为事件页",
        summary_en="Page of one conduct event",
        errors=(UploadNotFound,),
        kind="page",
    )
    async def one(
        *, principal: Principal, path: EventPath, query: DoneQuery, context: RequestContext, headers: Seen
    ) -> Html:
        parts = kit.parts
        picture = await kit.picture(principal)
        detail = await parts.uploads.desk.one(principal, path.upload_event_id)
        directory = await parts.people.directory(principal)
        (event,) = await _shown(kit, principal, directory, [detail.line])
        return kit.show(
            "conduct_event.html",
            Asked(principal, context, headers),
            query=query,
            picture=picture,
            event=event,
            detail=detail,
            threads=await threads_of(kit, principal, detail.records),
            alert=await _alert(kit, principal, detail.line),
            thread=await _thread(kit, principal, detail.line),
            may={
                "customer": principal.allows(CUSTOMER_READ),
                "phone": bool(event.phone),
                "ledger": principal.allows(LEDGER_READ),
            },
        )

    return one


async def threads_of(kit: PhoneKit, principal: Principal, lines: Sequence[Line]) -> dict[str, str]:
    """Say in which conversation the messages of records are, by message."""
    ids = {line.row.message_id for line in lines if line.row.message_id is not None}
    if not ids or not principal.allows(MESSAGE_READ):
        return {}
    return await kit.parts.messages.queries.threads_of_messages(principal, ids)


async def _thread(kit: PhoneKit, principal: Principal, line: Line) -> str | None:
    """Give the newest conversation of the employee with the customer whom an event is about."""
    if line.row.customer_id is None or not principal.allows(MESSAGE_READ):
        return None
    wanted = ThreadFilter(employee_id=line.row.employee_id, customer_id=line.row.customer_id)
    found, _ = await kit.parts.messages.queries.recent(principal, wanted, limit=1)
    return found[0].row.id if found else None


async def _alert(kit: PhoneKit, principal: Principal, line: Line) -> AlertLine | None:
    if line.row.conduct_id is None or not principal.allows(ALERT_READ):
        return None
    queue = AlertQueue(kit.parts.database, kit.parts.inspections)
    wanted = AlertFilter(states=tuple(AlertState), conduct_id=line.row.conduct_id)
    found, _ = await queue.find(principal, wanted, limit=1)
    return found[0] if found else None


def _acts(kit: PhoneKit) -> list[Endpoint]:
    desk = kit.parts.uploads.desk

    def to(path: EventPath) -> str:
        return f"{HOME}/{path.upload_event_id}"

    @endpoint(
        "POST",
        f"{HOME}/{{upload_event_id}}/handle",
        permission=CONDUCT_HANDLE,
        summary_zh="处理行为事件",
        summary_en="Handle a conduct event",
        kind="page",
    )
    async def handle(
        *, principal: Principal, path: EventPath, body: NoteForm, context: RequestContext
    ) -> Html | Redirect:
        work = desk.handle(principal, [path.upload_event_id], body.note)
        return await act(work, to=to(path), done="conduct.handled", language=context.language)

    @endpoint(
        "POST",
        f"{HOME}/{{upload_event_id}}/note",
        permission=CONDUCT_HANDLE,
        summary_zh="给行为事件加备注",
        summary_en="Write a note about a conduct event",
        kind="page",
    )
    async def note(
        *, principal: Principal, path: EventPath, body: NoteForm, context: RequestContext
    ) -> Html | Redirect:
        work = desk.note(principal, path.upload_event_id, body.note)
        return await act(work, to=to(path), done="conduct.noted", language=context.language)

    @endpoint(
        "POST",
        f"{HOME}/{{upload_event_id}}/reopen",
        permission=CONDUCT_HANDLE,
        summary_zh="恢复为未处理",
        summary_en="Open a conduct event again",
        kind="page",
    )
    async def reopen(
        *, principal: Principal, path: EventPath, body: ReopenForm, context: RequestContext
    ) -> Html | Redirect:
        work = desk.reopen(principal, path.upload_event_id, body.note)
        return await act(work, to=to(path), done="conduct.reopened", language=context.language)

    return [handle, note, reopen]
