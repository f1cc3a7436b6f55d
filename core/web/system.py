"""What every process tells about itself: alive, status, metrics, and its API description."""

from collections.abc import AsyncIterator, Mapping, Sequence

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from pydantic import RootModel

from core.access.model import Principal, Role, Scope
from core.access.permissions import PermissionSpec
from core.errors import Forbidden
from core.status import Fact, State, StatusProvider, overview
from core.web.context import RequestContext
from core.web.endpoint import PUBLIC, Endpoint, endpoint
from core.web.replies import Reply, StreamReply
from core.web.schema import ApiModel

STATUS_DETAIL = "system.status"
METRICS = "system.metrics"
RETRY = "system.retry"
SYSTEM_PERMISSIONS = (
    PermissionSpec(
        STATUS_DETAIL,
        "查看各部件状态",
        "See each part's status",
        {Role.ADMINISTRATOR: Scope.ALL, Role.AUDITOR: Scope.ALL},
    ),
    PermissionSpec(METRICS, "读取运行指标", "Read metrics", {Role.ADMINISTRATOR: Scope.ALL}),
    PermissionSpec(
        RETRY, "重新投递已放弃的任务", "Hand out again what was given up", {Role.ADMINISTRATOR: Scope.ALL}
    ),
)


class Alive(ApiModel):
    """The process answers."""

    alive: bool


class PartView(ApiModel):
    """One part's own view."""

    state: State
    facts: dict[str, Fact]


class StatusView(ApiModel):
    """The worst state of all parts; the parts only for those who may see them."""

    state: State
    parts: dict[str, PartView] | None = None


class OpenApiView(RootModel[dict[str, object]]):
    """An OpenAPI 3.1 document."""


def system_endpoints(providers: Sequence[StatusProvider], registry: CollectorRegistry) -> list[Endpoint]:
    """Give /healthz, /status and /metrics."""

    @endpoint(
        "GET",
        "/healthz",
        permission=PUBLIC,
        public_reason="says only that the process answers",
        summary_zh="存活检查",
        summary_en="Alive?",
        tags=("system",),
    )
    async def healthz() -> Alive:
        return Alive(alive=True)

    @endpoint(
        "GET",
        "/status",
        permission=PUBLIC,
        public_reason="the overall word; the parts need system.status",
        summary_zh="运行状态",
        summary_en="How the service is",
        tags=("system",),
    )
    async def status(*, principal: Principal | None) -> Reply[StatusView]:
        """Answers 503 when a part is down."""
        seen = await overview(providers)
        parts = None
        if principal is not None and principal.allows(STATUS_DETAIL):
            parts = {
                name: PartView(state=part.state, facts=dict(part.facts)) for name, part in seen.parts.items()
            }
        return Reply(
            StatusView(state=seen.state, parts=parts), status=503 if seen.state is State.DOWN else None
        )

    @endpoint(
        "GET",
        "/metrics",
        permission=PUBLIC,
        public_reason="this machine itself; anybody else needs system.metrics",
        summary_zh="运行指标（Prometheus）",
        summary_en="Metrics (Prometheus)",
        produces="text/plain",
        errors=(Forbidden,),
        tags=("system",),
    )
    async def metrics(*, principal: Principal | None, context: RequestContext) -> StreamReply:
        if not context.is_loopback and (principal is None or not principal.allows(METRICS)):
            raise Forbidden
        return StreamReply(_once(generate_latest(registry)), media_type=CONTENT_TYPE_LATEST)

    return [healthz, status, metrics]


def description_endpoint(documents: Mapping[str, Mapping[str, object]]) -> Endpoint:
    """Give /openapi.json; `documents` by language, filled before the first request."""

    @endpoint(
        "GET",
        "/openapi.json",
        permission=PUBLIC,
        public_reason="the contract holds no data",
        summary_zh="接口描述（OpenAPI 3.1）",
        summary_en="API description (OpenAPI 3.1)",
        tags=("system",),
    )
    async def openapi(*, context: RequestContext) -> OpenApiView:
        return OpenApiView(dict(documents[context.language]))

    return openapi


async def _once(data: bytes) -> AsyncIterator[bytes]:
    yield data
