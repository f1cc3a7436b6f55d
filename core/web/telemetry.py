"""What is measured of every request: how many, how long; by route template, never by path."""

from aiohttp import web
from prometheus_client import CollectorRegistry, Counter, Histogram

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
UNMATCHED = "unmatched"


class HttpMetrics:
    """Counters of one application in its own registry."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.registry = registry
        self._requests = Counter(
            "maskline_http_requests",
            "HTTP requests by method, route template and status",
            ["method", "route", "status"],
            registry=registry,
        )
        self._seconds = Histogram(
            "maskline_http_request_duration_seconds",
            "Time until the answer was sent",
            ["method", "route"],
            registry=registry,
            buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
        )

    def observe(self, request: web.Request, status: int, elapsed_s: float) -> None:
        method = request.method if request.method in _METHODS else "other"
        route = route_template(request)
        self._requests.labels(method, route, str(status)).inc()
        self._seconds.labels(method, route).observe(elapsed_s)


def route_template(request: web.Request) -> str:
    """Give the template of the matched route: it holds no ids and no numbers."""
    resource = request.match_info.route.resource
    return resource.canonical if resource is not None else UNMATCHED
