"""Typed endpoints: a handler's signature is its contract, checked when the program starts.

    @endpoint("POST", "/customers", permission="customer.create", status=201,
              summary_zh="新建客户", summary_en="Create a customer")
    async def create(*, principal: Principal, body: CustomerCreate) -> CustomerView: ...

A handler takes only the parameters it needs, by keyword: `principal`, `path`, `query`, `headers`, `body`
(models derived from `ApiModel`), `upload` (`Upload`) and `context` (`RequestContext`). It returns a model,
None (204) or something from `core.web.replies`. A page may take both `body` and `upload`: the body is then
the fields that its multipart form sends before the file.

Who is no employee (a phone) is admitted by the endpoint's own `guard`, before the body is parsed: the handler
takes what the guard gives as `caller`, and the request as it came as `wire` (`WireRequest`).
"""

import inspect
import re
import types
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Final, Literal, Union, get_args, get_origin, get_type_hints

from pydantic import BaseModel

from core.access.model import Principal
from core.errors import MasklineError
from core.web.context import RequestContext
from core.web.replies import FileReply, Html, Redirect, Reply, SocketReply, StreamReply
from core.web.upload import Upload
from core.web.wire import Challenge, Guard, WireRequest

Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
Kind = Literal["api", "page"]
Handler = Callable[..., Awaitable[Any]]

_MODELS = ("path", "query", "headers", "body")
_PLACE = re.compile(r"\{([a-z_]+)\}")
_FULL_PATH = re.compile(r"(/([a-zA-Z0-9._-]+|\{[a-z_]+\}))+|/")


class Public:
    """The mark of an endpoint that anybody may call."""

    def __repr__(self) -> str:
        return "PUBLIC"


PUBLIC: Final = Public()


class EndpointInvalid(TypeError):
    """An endpoint's declaration contradicts itself. A fault of the program, found at start-up."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One address and method, its handler, and everything that is promised about it."""

    method: Method
    path: str
    handler: Handler
    permission: str | Public | None
    public_reason: str | None
    summary_zh: str
    summary_en: str
    status: int
    models: dict[str, type[BaseModel]]
    takes: frozenset[str]
    returns: Any
    produces: str | None
    errors: tuple[type[MasklineError], ...] = ()
    max_body_bytes: int | None = None
    timeout_s: float | None = 30.0
    step_up: bool = False
    tags: tuple[str, ...] = ()
    kind: Kind = "api"
    description: str = field(default="", repr=False)
    guard: Guard | None = None
    challenge: Challenge | None = None

    @property
    def name(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def response_model(self) -> type[BaseModel] | None:
        """The model of the JSON answer, if there is one."""
        for option in _options(self.returns):
            target = get_args(option)[0] if get_origin(option) is Reply else option
            if _is_model(target):
                return target  # type: ignore[no-any-return]
        return None


def endpoint(
    method: Method,
    path: str,
    *,
    permission: str | Public | None = None,
    public_reason: str | None = None,
    summary_zh: str,
    summary_en: str,
    status: int | None = None,
    produces: str | None = None,
    errors: tuple[type[MasklineError], ...] = (),
    max_body_bytes: int | None = None,
    timeout_s: float | None = 30.0,
    step_up: bool = False,
    tags: tuple[str, ...] = (),
    kind: Kind = "api",
    guard: Guard | None = None,
    challenge: Challenge | None = None,
) -> Callable[[Handler], Endpoint]:
    """Make an `Endpoint` of a handler; raise `EndpointInvalid` where its signature does not fit.

    `permission` names what the caller needs, or `PUBLIC` with a `public_reason`. A `guard` admits callers of
    a public endpoint who prove by the request itself who they are, and its `challenge` says in a 401 how.
    `step_up` asks for a recent proof of
    identity. `errors` are listed in the API description. `produces` is the media type of files and streams.
    A body is limited to 1 MiB (an upload to the deployment's maximum) unless `max_body_bytes`
    says so.
    """

    def build(handler: Handler) -> Endpoint:
        where = f"{method} {path}"
        hints = get_type_hints(handler)
        takes = _parameters(where, handler)
        models = {name: _model(where, name, hints.get(name)) for name in _MODELS if name in takes}
        _check_path(where, path, models.get("path"))
        _check_rest(where, method, takes, hints, public=isinstance(permission, Public), kind=kind)
        _check_guard(where, takes, guard, public=isinstance(permission, Public))
        returns = hints.get("return", inspect.Parameter.empty)
        _check_return(where, returns, kind=kind, produces=produces)
        return Endpoint(
            method=method,
            path=path,
            handler=handler,
            permission=permission,
            public_reason=public_reason,
            summary_zh=summary_zh,
            summary_en=summary_en,
            status=status or (204 if returns is type(None) else 200),
            models=models,
            takes=takes,
            returns=returns,
            produces=produces,
            errors=errors,
            max_body_bytes=max_body_bytes,
            timeout_s=timeout_s,
            step_up=step_up,
            tags=tags,
            kind=kind,
            description=inspect.getdoc(handler) or "",
            guard=guard,
            challenge=challenge,
        )

    return build


def _parameters(where: str, handler: Handler) -> frozenset[str]:
    known = {*_MODELS, "principal", "context", "upload", "caller", "wire"}
    if not inspect.iscoroutinefunction(handler):
        raise EndpointInvalid(f"{where}: the handler must be a coroutine function")
    names = set()
    for parameter in inspect.signature(handler).parameters.values():
        if parameter.kind is not inspect.Parameter.KEYWORD_ONLY or parameter.name not in known:
            raise EndpointInvalid(f"{where}: {parameter.name!r} is not one of {sorted(known)} by keyword")
        names.add(parameter.name)
    return frozenset(names)


def _model(where: str, name: str, hint: Any) -> type[BaseModel]:
    if not _is_model(hint):
        raise EndpointInvalid(f"{where}: {name} must be annotated with a pydantic model")
    model: type[BaseModel] = hint
    if name != "headers" and model.model_config.get("extra") != "forbid":
        raise EndpointInvalid(
            f"{where}: {model.__name__} must refuse unknown fields: derive it from ApiModel"
        )
    return model


def _check_path(where: str, path: str, model: type[BaseModel] | None) -> None:
    if not _FULL_PATH.fullmatch(path):
        raise EndpointInvalid(f"{where}: the path is malformed")
    places = set(_PLACE.findall(path))
    declared = set(model.model_fields) if model else set()
    if places != declared:
        raise EndpointInvalid(f"{where}: the path has {sorted(places)}, its model {sorted(declared)}")


def _check_rest(
    where: str, method: str, takes: frozenset[str], hints: dict[str, Any], *, public: bool, kind: Kind
) -> None:
    if method in {"GET", "DELETE"} and takes & {"body", "upload"}:
        raise EndpointInvalid(f"{where}: a {method} has no body")
    if {"body", "upload"} <= takes and kind != "page":
        raise EndpointInvalid(
            f"{where}: a request has a body or an upload, not both; put the rest in the query"
        )
    expected: dict[str, Any] = {
        "principal": Principal | None if public else Principal,
        "context": RequestContext,
        "upload": Upload,
        "wire": WireRequest,
    }
    for name, wanted in expected.items():
        if name in takes and hints.get(name) != wanted:
            raise EndpointInvalid(f"{where}: {name} must be annotated with {wanted}")


def _check_guard(where: str, takes: frozenset[str], guard: Guard | None, *, public: bool) -> None:
    if takes & {"caller", "wire"} and guard is None:
        raise EndpointInvalid(f"{where}: only a guard gives a caller")
    if guard is not None and (not public or takes & {"principal", "upload"}):
        raise EndpointInvalid(f"{where}: a guarded endpoint is public and takes neither principal nor upload")


def _check_return(where: str, returns: Any, *, kind: Kind, produces: str | None) -> None:
    for option in _options(returns):
        if option in {Html, Redirect}:
            if kind != "page":
                raise EndpointInvalid(f"{where}: only a page answers with HTML")
        elif option in {FileReply, StreamReply}:
            if not produces:
                raise EndpointInvalid(f"{where}: say the media type with produces=")
        elif (
            option not in {type(None), SocketReply}
            and not _is_model(option)
            and get_origin(option) is not Reply
        ):
            raise EndpointInvalid(f"{where}: the return annotation must be a model, None or a reply")


def _options(returns: Any) -> tuple[Any, ...]:
    return get_args(returns) if get_origin(returns) in {Union, types.UnionType} else (returns,)


def _is_model(hint: Any) -> bool:
    return inspect.isclass(hint) and issubclass(hint, BaseModel)
