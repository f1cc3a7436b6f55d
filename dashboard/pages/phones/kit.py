"""What the pages of phones share: how new what they show is, and whose a phone is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from core.access.model import Principal
from core.web.schema import ApiModel, IdStr
from dashboard.live.feed import LiveFeed
from dashboard.live.pulse import Picture
from dashboard.pages.kit import Kit
from dashboard.parts import DashboardParts
from dashboard.people import Directory
from dashboard.render import Renderer
from devicepolicy.devices.model import DeviceView
from devicepolicy.roster.model import Claim


class PhonePath(ApiModel):
    device_id: IdStr


@dataclass(frozen=True, slots=True)
class PhoneLine:
    """A phone with whose it is."""

    view: DeviceView
    holder: str
    department: str


class PhoneKit(Kit):
    """Renders the pages of phones, which are live."""

    def __init__(self, renderer: Renderer, parts: DashboardParts, feed: LiveFeed) -> None:
        super().__init__(renderer, parts, "phones")
        self._feed = feed

    async def picture(self, principal: Principal) -> Picture:
        """Give how new what follows is; read it first."""
        return await self._feed.picture(principal)


async def claims_of(kit: Kit, principal: Principal, views: Sequence[DeviceView]) -> Mapping[str, Claim]:
    """Weigh the hardware ids of phones against the lists; nothing where nobody ever brought a list."""
    roster = kit.parts.fleet.roster
    if not views or not await roster.counts(principal):
        return {}
    return await roster.claims(principal, [view.id for view in views])


def names_of(directory: Directory) -> Mapping[str, str]:
    """Give the employees' names by id."""
    return {person.id: person.display_name for person in directory.employees}


def line_of(view: DeviceView, directory: Directory, names: Mapping[str, str]) -> PhoneLine:
    """Say whose a phone is."""
    return PhoneLine(view, names.get(view.employee_id or "", ""), directory.department(view.department_id))
