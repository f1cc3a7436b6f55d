"""What the web kit needs from others: who a token belongs to, and how a page of an error looks."""

from typing import Protocol

from core.access.model import Principal
from core.web.context import RequestContext
from core.web.problems import Problem


class Authenticator(Protocol):
    """Turns a bearer or cookie token into a principal; None if it is unknown, idle too long or killed."""

    async def authenticate(self, token: str) -> Principal | None: ...


class NobodyKnown:
    """An authenticator for an app that has only public endpoints."""

    async def authenticate(self, token: str) -> Principal | None:
        del token
        return None


class ErrorPage(Protocol):
    """Renders a problem as HTML for a person."""

    def __call__(self, problem: Problem, context: RequestContext) -> str: ...
