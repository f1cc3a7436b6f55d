"""The small application, served on loopback."""

from collections.abc import Awaitable, Callable

import pytest
from aiohttp.test_utils import TestClient

from core.clock import ManualClock
from core.config import Settings
from core.web.app import Pages, build_app
from core.web.context import RequestContext
from core.web.problems import Problem
from tests.support.web import NOW, Part, TokenBook, make_endpoints, make_pages, registry


def error_page(problem: Problem, context: RequestContext) -> str:
    return f"<h1>{problem.title}</h1>{context.request_id}"


@pytest.fixture
def part() -> Part:
    return Part()


@pytest.fixture
async def client(
    settings: Settings, aiohttp_client: Callable[..., Awaitable[TestClient]], part: Part
) -> TestClient:
    app = build_app(
        settings,
        endpoints=make_endpoints(),
        permissions=registry(),
        authenticator=TokenBook(),
        pages=Pages(make_pages(), error_page=error_page, login_path="/login"),
        providers=[part],
        clock=ManualClock(NOW),
    )
    return await aiohttp_client(app)
