"""Forms that act: do it, then go back with a notice; or show what went wrong, with nothing lost.

A page's GET takes `DoneQuery` and hands `query.done` and `failure(query.failed, language)` to `tags.notice`
and `tags.failure`. Its POST handler takes a `FormModel` and is one call of `act`.
"""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, TypeVar
from urllib.parse import parse_qsl, urlencode, urlsplit

from pydantic import Field, model_validator

from core.errors import MasklineError
from core.web.errors import RequestInvalid
from core.web.problems import status_of
from core.web.replies import Html, Redirect
from core.web.schema import ApiModel
from dashboard.render import catalogue

NoticeKey = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_.-]{0,63}$")]
T = TypeVar("T")
Again = Callable[["Failure"], Awaitable[Html]]


class FormModel(ApiModel):
    """The fields of a form: an empty one counts as not given."""

    @model_validator(mode="before")
    @classmethod
    def _blank_is_none(cls, value: object) -> object:
        if not isinstance(value, dict):
            return value
        return {name: given for name, given in value.items() if given != ""}


class DoneQuery(FormModel):
    """What a page is told after an action: `done.<key>` of the catalogue, or the code of a refusal."""

    done: NoticeKey | None = None
    failed: NoticeKey | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """What a person is told about an action that did not happen. Holds only sentences written for people."""

    title: str
    detail: str | None
    advice: str
    status: int
    code: str
    faults: tuple[str, ...] = ()


def failure_of(error: MasklineError, language: str) -> Failure:
    """Put an error into words: what happened, and what to do."""
    detail = (error.detail_zh or error.detail) if language == "zh" else error.detail
    faults: tuple[str, ...] = ()
    if isinstance(error, RequestInvalid):
        faults = tuple(fault.zh if language == "zh" else fault.en for fault in error.violations)
    return _failure(type(error), language, detail, faults)


def failure(code: str | None, language: str) -> Failure | None:
    """Put the code of an error (`?failed=`) into words; None for none or an unknown one."""
    kind = next((found for found in _errors(MasklineError) if found.code == code), None)
    return _failure(kind, language, None, ()) if kind else None


async def act(
    action: Awaitable[T],
    *,
    to: str,
    done: str | None,
    language: str,
    again: Again | None = None,
    more: Callable[[T], Mapping[str, str]] | None = None,
) -> Html | Redirect:
    """Run `action`; then go to the page `to` with the notice `done`, and what `more` makes of the result.

    If a service refuses, show the page again by `again(failure)` with the refusal's status (what was typed
    stays; pass `back=` to the renderer, the address is the form's), or without `again` go to `to` with
    `?failed=<code>`.
    """
    try:
        result = await action
    except MasklineError as error:
        told = failure_of(error, language)
        if again is None:
            return Redirect(address(to, failed=error.code))
        page = await again(told)
        return Html(page.text, told.status, page.cookies)
    told_more: dict[str, str | None] = {"done": done, **(more(result) if more else {})}
    return Redirect(address(to, **told_more))


def address(path: str, **values: str | None) -> str:
    """Give a path of this site with its query changed: a value replaces, None takes away.

    Old notices (`done`, `failed`) never travel on.
    """
    parts = urlsplit(path)
    query = dict(parse_qsl(parts.query))
    for name in ("done", "failed"):
        query.pop(name, None)
    for name, value in values.items():
        query.pop(name, None)
        if value is not None:
            query[name] = value
    shown = f"?{urlencode(query)}" if query else ""
    place = f"#{parts.fragment}" if parts.fragment else ""
    return f"{parts.path}{shown}{place}"


def _failure(
    kind: type[MasklineError], language: str, detail: str | None, faults: tuple[str, ...]
) -> Failure:
    status = status_of(kind)
    known = catalogue(language)
    wanted = (f"form.advice.{kind.code}", f"form.advice.{status}", "form.advice.other")
    advice = next(known[key] for key in wanted if key in known)
    return Failure(kind.title(language), detail, advice, status, kind.code, faults)


def _errors(kind: type[MasklineError]) -> Iterator[type[MasklineError]]:
    """Give an error class and all below it."""
    yield kind
    for child in kind.__subclasses__():
        yield from _errors(child)
