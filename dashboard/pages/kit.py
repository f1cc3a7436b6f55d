"""What pages for keeping things share: how one is shown, how fresh the proof of identity is, who is where."""

from collections.abc import Iterator, Sequence
from datetime import date, datetime, time, timedelta
from typing import Annotated, Any

from pydantic import Field

from core.access.model import Principal
from core.access.models import EmployeeState
from core.access.people import DepartmentView, EmployeeView
from core.web.dispatch import STEP_UP_MAX_AGE
from core.web.replies import Html
from core.web.schema import IdStr
from dashboard.asked import Asked
from dashboard.forms import DoneQuery, Failure, failure
from dashboard.parts import DashboardParts
from dashboard.people import Directory
from dashboard.render import Renderer

# A form that needs a fresh proof is offered only while there is time left to fill it in.
_TIME_TO_FILL = timedelta(minutes=2)
Line = Annotated[str, Field(max_length=200)]


class DeskQuery(DoneQuery):
    """What every list takes: a notice, and what can be undone."""

    undo: IdStr | None = None


class Kit:
    """Renders the pages whose templates lie in `folder`."""

    def __init__(self, renderer: Renderer, parts: DashboardParts, folder: str) -> None:
        self._folder = folder
        self.renderer = renderer
        self.parts = parts

    def show(
        self,
        template: str,
        asked: Asked,
        *,
        back: str | None = None,
        query: DoneQuery | None = None,
        told: Failure | None = None,
        **data: Any,
    ) -> Html:
        """Render a page; `told` is what a service just refused, and gives the status.

        `back` is where a switch of language or looks returns to: this page, unless a form is shown again.
        """
        language = asked.context.language
        if told is None and query is not None:
            told = failure(query.failed, language)
            status = 200
        else:
            status = told.status if told else 200
        text = self.renderer.page(
            f"{self._folder}/{template}",
            context=asked.context,
            principal=asked.principal,
            theme=asked.headers.theme,
            now=self.parts.clock.now(),
            back=back or asked.context.path,
            query=query,
            done=query.done if query else None,
            undo=query.undo if isinstance(query, DeskQuery) else None,
            told=told,
            fresh=self.is_fresh(asked.principal),
            **data,
        )
        return Html(text, status)

    def is_fresh(self, principal: Principal) -> bool:
        """Whether the principal has proved lately enough who they are."""
        return self.parts.clock.now() - principal.verified_at < STEP_UP_MAX_AGE - _TIME_TO_FILL

    def end_of(self, day: date) -> datetime:
        """Give the last minute of a day of the institution's calendar."""
        return datetime.combine(day, time(23, 59), self.parts.calendar.zone)


def tree(departments: Sequence[DepartmentView]) -> Iterator[tuple[DepartmentView, int]]:
    """Give departments as a tree is read: each with its depth, children after their parent, by name."""
    children: dict[str | None, list[DepartmentView]] = {}
    known = {department.id for department in departments}
    for department in sorted(departments, key=lambda found: found.name):
        parent = department.parent_id if department.parent_id in known else None
        children.setdefault(parent, []).append(department)

    def below(parent: str | None, depth: int) -> Iterator[tuple[DepartmentView, int]]:
        for department in children.get(parent, ()):
            yield department, depth
            yield from below(department.id, depth + 1)

    return below(None, 0)


def by_department(directory: Directory) -> list[tuple[DepartmentView | None, list[EmployeeView]]]:
    """Give the active employees of each department that has any, in the order of the tree; None: of none."""
    people: dict[str | None, list[EmployeeView]] = {}
    known = {place.id for place in directory.departments}
    for person in directory.employees:
        if person.state is EmployeeState.ACTIVE:
            place = person.department_id if person.department_id in known else None
            people.setdefault(place, []).append(person)
    laid: list[DepartmentView | None] = [place for place, _ in tree(directory.departments)]
    laid.append(None)
    return [
        (place, people[place.id if place else None])
        for place in laid
        if (place.id if place else None) in people
    ]
