"""What is counted of calls: by flow and cause, never by person or number."""

from prometheus_client import CollectorRegistry, Counter, Gauge


class CallMetrics:
    """Counters of one process in its registry."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.registry = registry
        self.ended = Counter(
            "maskline_calls_ended",
            "Calls whose record was written, by flow, cause and who ended them",
            ["flow", "cause", "ended_by"],
            registry=registry,
        )
        self.refused = Counter(
            "maskline_legs_refused",
            "Legs refused before there was a call, by SIP status",
            ["status"],
            registry=registry,
        )
        self.live = Gauge("maskline_calls_live", "Calls that go on now", registry=registry)
        self.unfiled = Gauge(
            "maskline_calls_unfiled", "Calls that are over and whose record is not written", registry=registry
        )
