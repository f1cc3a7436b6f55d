"""Who asks for a page."""

from dataclasses import dataclass

from core.access.model import Principal
from core.web.context import RequestContext
from dashboard.pages.preferences import Seen


@dataclass(frozen=True, slots=True)
class Asked:
    """Who asks for a page, and how their browser is set."""

    principal: Principal
    context: RequestContext
    headers: Seen
