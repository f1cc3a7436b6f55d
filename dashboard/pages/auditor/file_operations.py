"""File operations: who opened, downloaded, forwarded or sent which file, here, in messages and on phones."""

from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar

from core.access.model import Principal
from core.audit.permissions import AUDIT_READ
from core.errors import MasklineError
from core.fileops.model import FileOperation, Operation, OperationFilter, Source
from core.fileops.service import LONGEST, FileOperations
from core.web.context import RequestContext
from core.web.endpoint import Endpoint, endpoint
from core.web.replies import Html
from core.web.schema import IdStr
from dashboard.asked import Asked
from dashboard.filters import PeriodQuery
from dashboard.forms import DoneQuery, failure_of
from dashboard.pages.kit import Kit
from dashboard.pages.preferences import Seen

HOME = "/file-operations"
SHOWN = 100
USUAL_DAYS = 7


class FileOperationsQuery(PeriodQuery, DoneQuery):
    """The address of the list. Without a span, the last seven days."""

    page_path: ClassVar[str] = HOME

    operation: Operation | None = None
    source: Source | None = None
    employee: IdStr | None = None


@dataclass(frozen=True, slots=True)
class ShownOperation:
    """An operation with names. `link` leads to where it happened; None: there is no page of it."""

    one: FileOperation
    who: str
    department: str
    link: str | None

    @property
    def kilobytes(self) -> int | None:
        return None if self.one.size is None else -(-self.one.size // 1024)


def link_of(one: FileOperation) -> str | None:
    """Lead to the phone, the conversation or the export."""
    if one.device_id is not None:
        return f"/phones/{one.device_id}"
    if one.place.source is Source.ARCHIVE:
        return f"/threads/{one.target_id}"
    if one.kind == "recording" and one.target_id:
        return f"/calls/{one.target_id}"
    return None


def endpoints(kit: Kit, operations: FileOperations) -> list[Endpoint]:
    """Give the page."""

    @endpoint(
        "GET",
        HOME,
        permission=AUDIT_READ,
        summary_zh="文件操作记录页",
        summary_en="Page of file operations",
        kind="page",
    )
    async def show(
        *, principal: Principal, query: FileOperationsQuery, context: RequestContext, headers: Seen
    ) -> Html:
        calendar, told = kit.parts.calendar, None
        until = query.until or calendar.today(kit.parts.clock.now())
        since = query.since or until - timedelta(days=USUAL_DAYS - 1)
        wanted = OperationFilter(
            calendar.begin(since), calendar.end(until), query.operation, query.employee, query.source
        )
        found: list[FileOperation] = []
        following = None
        try:
            found, following = await operations.find(principal, wanted, cursor=query.cursor, limit=SHOWN)
        except MasklineError as error:
            told = failure_of(error, context.language)
        directory = await kit.parts.people.directory(principal)
        people = {person.id: person for person in directory.employees}
        return kit.show(
            "file_operations.html",
            Asked(principal, context, headers),
            query=query,
            told=told,
            since=since,
            until=until,
            days=LONGEST.days,
            directory=directory,
            operations=tuple(Operation),
            sources=tuple(Source),
            given=query.given(),
            lines=[
                ShownOperation(
                    one,
                    person.display_name if (person := people.get(one.employee_id or "")) else "",
                    directory.department(one.department_id),
                    link_of(one),
                )
                for one in found
            ],
            next_address=query.address(cursor=following) if following else None,
        )

    return [show]
