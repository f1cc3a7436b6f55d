"""Structured logs that drop every field not known to be safe.

A log line is a static event name and fields. A field whose name is not in `SAFE_FIELDS` is
replaced by `dropped`: a number can leak by a log only if somebody adds a field here.
"""

import logging
import logging.config
import sys
from collections.abc import Iterable
from typing import Any

import structlog

SAFE_FIELDS = {
    "event", "level", "logger", "timestamp", "process", "request_id", "principal_id", "method", "route",
    "status", "code", "duration_ms", "call_id", "contact_id", "leg", "node", "task", "task_id", "topic",
    "attempt", "attempts", "count", "error_type", "where", "seq", "size", "port", "host", "path_kind",
    "blob_id", "binding_id", "line_id", "employee_id", "customer_id", "rule_id", "rule_version", "decision",
    "cause", "engine", "model", "version", "pid", "exit_code", "delay_s", "packets", "packets_lost",
    "state", "reason", "name", "inspection_id", "finding_id", "alert_id", "elapsed_s", "outbox_id",
}  # fmt: skip


def add_safe_fields(names: Iterable[str]) -> None:
    """Let a wing name fields of its own that never carry personal data."""
    SAFE_FIELDS.update(names)


def drop_unmarked(_logger: object, _method: str, event: dict[str, Any]) -> dict[str, Any]:
    """Keep marked fields only; say how many were dropped. Exceptions keep type and place, not text."""
    error = event.pop("exc_info", None)
    kept = {key: value for key, value in event.items() if key in SAFE_FIELDS}
    if len(kept) != len(event):
        kept["dropped"] = len(event) - len(kept)
    if error:
        kind = sys.exc_info()[0] if error is True else type(error)
        if kind is not None:
            kept["error_type"] = getattr(kind, "__name__", "Error")
    return kept


def _foreign(_logger: object, _method: str, event: dict[str, Any]) -> dict[str, Any]:
    """Silence the text of other libraries' lines: it may quote what they were handling."""
    record = event.get("_record")
    if record is not None and event.get("_from_structlog") is False:
        event["event"] = f"{record.name}.{record.levelname.lower()}"
        event["where"] = f"{record.module}:{record.lineno}"
    return event


def configure(process: str, *, level: str = "INFO", json_lines: bool = True) -> None:
    """Send all logs of this process to standard error, one line each."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    renderer: Any = structlog.processors.JSONRenderer(ensure_ascii=False)
    if not json_lines:
        renderer = structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    formatter = {
        "()": structlog.stdlib.ProcessorFormatter,
        "foreign_pre_chain": shared,
        "processors": [
            _foreign,
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            drop_unmarked,
            renderer,
        ],
    }
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {"line": formatter},
            "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
            "root": {"handlers": ["stderr"], "level": level},
            "loggers": {"aiohttp.access": {"level": "ERROR"}, "sqlalchemy": {"level": "WARNING"}},
        }
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    structlog.contextvars.bind_contextvars(process=process)


def get_logger(name: str) -> structlog.stdlib.BoundLogger:
    """Give the logger of a module."""
    logger: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(name)
    return logger
