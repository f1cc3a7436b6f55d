"""What the pages of phones share: who asks, how a page is shown, and who is who."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from core.access.model import Principal
from core.web.replies import Html
from core.web.schema import ApiModel, IdStr
from dashboard.asked import Asked
from dashboard.forms import DoneQuery, Failure, failure
from dashboard.live.feed import LiveFeed
from dashboard.live.pulse import Picture
from dashboard.parts import DashboardParts
from dashboard.people import Directory
from dashboard.render import Renderer
from devicepolicy.devices.model import DeviceView


class PhonePath(ApiModel):
    device_id: IdStr


@dataclass(frozen=True, slots=True)
class PhoneLine:
    """A phone with whose it is."""

    view: DeviceView
    holder: str
    department: str


class PhoneKit:
    """Renders the pages of one institution's phones."""

    def __init__(self, renderer: Renderer, parts: DashboardParts, feed: LiveFeed) -> None:
        self._renderer = renderer
        self._feed = feed
        self.parts = parts

    async def picture(self, principal: Principal) -> Picture:
        """Give how new what follows is; read it first."""
        return await self._feed.picture(principal)

    def show(
        self,
        template: str,
        asked: Asked,
        *,
        query: DoneQuery | None = None,
        told: Failure | None = None,
        **data: Any,
    ) -> Html:
        """Render a page; `told` is what a service just refused, and gives the status."""
        status = told.status if told else 200
        if told is None and query is not None:
            told = failure(query.failed, asked.context.language)
        text = self._renderer.page(
            f"phones/{template}",
            context=asked.context,
            principal=asked.principal,
            theme=asked.headers.theme,
            now=self.parts.clock.now(),
            query=query,
            done=query.done if query else None,
            told=told,
            **data,
        )
        return Html(text, status)


def names_of(directory: Directory) -> Mapping[str, str]:
    """Give the employees' names by id."""
    return {person.id: person.display_name for person in directory.employees}


def line_of(view: DeviceView, directory: Directory, names: Mapping[str, str]) -> PhoneLine:
    """Say whose a phone is."""
    return PhoneLine(view, names.get(view.employee_id or "", ""), directory.department(view.department_id))
