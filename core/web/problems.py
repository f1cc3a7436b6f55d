"""Errors as people and programs see them: RFC 9457 problem+json, one table from error to status."""

from dataclasses import dataclass

from aiohttp import web

from core import errors
from core.errors import MasklineError
from core.web import errors as edge
from core.web.context import Language

MEDIA_TYPE = "application/problem+json"

# The one place where an error meets a status. The most special class of an error's ancestry wins.
STATUS: dict[type[MasklineError], int] = {
    errors.NotFound: 404,
    errors.Conflict: 409,
    errors.Invalid: 422,
    errors.Forbidden: 403,
    errors.Unauthenticated: 401,
    errors.Unavailable: 503,
    errors.TooMany: 429,
    edge.BodyMalformed: 400,
    edge.BodyTooLarge: 413,
    edge.MediaTypeUnsupported: 415,
    edge.MethodNotAllowed: 405,
    edge.RangeUnsatisfiable: 416,
    edge.UpgradeMissing: 426,
    edge.RequestRefused: 400,
    MasklineError: 500,
}


@dataclass(frozen=True, slots=True)
class Problem:
    """What is told about an error: nothing of its text but what was written for people."""

    status: int
    code: str
    title: str
    detail: str | None
    request_id: str
    facts: dict[str, object]
    violations: tuple[dict[str, str], ...] = ()

    def body(self) -> dict[str, object]:
        """Give the members of RFC 9457 and ours."""
        members: dict[str, object] = {
            "type": f"urn:maskline:problem:{self.code}",
            "title": self.title,
            "status": self.status,
            "code": self.code,
            "request_id": self.request_id,
        }
        if self.detail:
            members["detail"] = self.detail
        if self.facts:
            members["facts"] = self.facts
        if self.violations:
            members["violations"] = list(self.violations)
        return members


def status_of(error: type[MasklineError]) -> int:
    """Give the HTTP status of an error class."""
    return next(STATUS[kind] for kind in error.__mro__ if kind in STATUS)


def problem_of(error: MasklineError, *, language: Language, request_id: str) -> Problem:
    """Describe `error` in the language asked for."""
    detail = (error.detail_zh or error.detail) if language == "zh" else error.detail
    violations: tuple[dict[str, str], ...] = ()
    if isinstance(error, edge.RequestInvalid):
        violations = tuple(
            {"where": fault.where, "problem": fault.zh if language == "zh" else fault.en}
            for fault in error.violations
        )
    return Problem(
        status=status_of(type(error)),
        code=error.code,
        title=error.title(language),
        detail=detail,
        request_id=request_id,
        facts={name: _plain(value) for name, value in error.facts.items()},
        violations=violations,
    )


def _plain(value: object) -> object:
    """Make a fact fit for JSON."""
    return value if isinstance(value, bool | int | float | str) or value is None else str(value)


def from_aiohttp(error: web.HTTPException) -> MasklineError:
    """Translate what aiohttp itself refuses. Its own text is left out: it may quote the request."""
    known: dict[int, type[MasklineError]] = {
        404: edge.RouteUnknown,
        405: edge.MethodNotAllowed,
        413: edge.BodyTooLarge,
        415: edge.MediaTypeUnsupported,
        416: edge.RangeUnsatisfiable,
        403: errors.Forbidden,
    }
    if error.status in known:
        return known[error.status]()
    return edge.RequestRefused() if error.status < 500 else edge.InternalFault()


def where_raised(error: BaseException) -> str:
    """Name the file and line of an error. Its text stays out: it may quote personal data."""
    frame = error.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    if frame is None:
        return "?"
    return f"{frame.tb_frame.f_code.co_filename.rsplit('/', 1)[-1]}:{frame.tb_lineno}"
