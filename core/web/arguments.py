"""Fills a handler's parameters from a request: path, query, headers, body, upload."""

import math
from collections.abc import Mapping
from functools import lru_cache
from types import UnionType
from typing import Any, Union, get_args, get_origin
from urllib.parse import parse_qsl

from aiohttp import web
from pydantic import BaseModel, ValidationError
from pydantic_core import from_json

from core.web.context import BODY
from core.web.endpoint import Endpoint
from core.web.errors import BodyMalformed, BodyTooLarge, MediaTypeUnsupported, RequestInvalid, Violation
from core.web.security import CSRF_FIELD
from core.web.upload import MULTIPART, leading, open_upload
from core.web.violations import field_names, request_invalid, sentence

JSON_BODY_LIMIT = 1024 * 1024
_INT64 = 2**63
FORM_FIELDS = 2000
"""A form has a field for each setting of a policy and of each app in it; the body's limit holds besides."""
_FORM = "application/x-www-form-urlencoded"


async def arguments(endpoint: Endpoint, request: web.Request, *, upload_limit: int) -> dict[str, Any]:
    """Read everything the handler takes from the request but principal and context.

    Raises:
        RequestInvalid: fields are missing, unknown or wrong.
        BodyMalformed, BodyTooLarge, MediaTypeUnsupported: the body cannot be taken.
    """
    found: dict[str, Any] = {}
    models = endpoint.models
    if model := models.get("path"):
        found["path"] = _from_strings("path", model, dict(request.match_info))
    found |= _query(models.get("query"), request)
    if model := models.get("headers"):
        names = {name: name.replace("_", "-") for name in model.model_fields}
        sent = {name: request.headers[header] for name, header in names.items() if header in request.headers}
        found["headers"] = _from_strings("headers", model, sent)
    if "upload" in endpoint.takes and (model := models.get("body")):
        if request.content_type != MULTIPART:
            raise MediaTypeUnsupported(expected=MULTIPART)
        sent = {key: value for key, value in (await leading(request)).fields.items() if key != CSRF_FIELD}
        found["body"] = _from_strings("body", model, sent)
    elif model := models.get("body"):
        limit = endpoint.max_body_bytes or JSON_BODY_LIMIT
        found["body"] = await _body(endpoint, model, request, limit)
    if "upload" in endpoint.takes:
        limit = endpoint.max_body_bytes or upload_limit
        # The envelope around the file (boundaries, part headers) may take a little more.
        _check_length(request, limit + 4096)
        found["upload"] = await open_upload(request, limit, fields_first=endpoint.kind == "page")
    return found


def _query(model: type[BaseModel] | None, request: web.Request) -> dict[str, BaseModel]:
    if model is None:
        if request.query:
            raise RequestInvalid(sentence("query", "extra_forbidden"))
        return {}
    lists = _list_fields(model)
    sent: dict[str, Any] = {}
    for key in request.query:
        values = request.query.getall(key)
        if key in lists:
            sent[key] = values
        elif len(values) == 1:
            sent[key] = values[0]
        else:
            where = f"query.{key if key in field_names(model) else '*'}"
            raise RequestInvalid(
                Violation(where, "该参数只能出现一次。", "This parameter may be given only once.")
            )
    return {"query": _from_strings("query", model, sent)}


@lru_cache(maxsize=1024)
def _list_fields(model: type[BaseModel]) -> frozenset[str]:
    """Name the fields that take several values."""

    def many(hint: Any) -> bool:
        origin = get_origin(hint)
        if origin in {Union, UnionType}:
            return any(many(option) for option in get_args(hint))
        return origin in {list, tuple, set, frozenset}

    return frozenset(
        field.alias or name for name, field in model.model_fields.items() if many(field.annotation)
    )


def _from_strings(part: str, model: type[BaseModel], sent: Mapping[str, Any]) -> BaseModel:
    _check_values(part, sent, field_names(model))
    try:
        return model.model_validate(sent)
    except ValidationError as error:
        raise request_invalid(part, model, error) from None


async def _body(endpoint: Endpoint, model: type[BaseModel], request: web.Request, limit: int) -> BaseModel:
    is_form = _is_form(endpoint, request)
    if not is_form and request.content_type != "application/json":
        raise MediaTypeUnsupported(expected="application/json")
    data = await read_body(request, limit)
    if is_form:
        form = {key: value for key, value in form_fields(data).items() if key != CSRF_FIELD}
        return _from_strings("body", model, form)
    try:
        _check_values("body", from_json(data, allow_inf_nan=False), field_names(model))
    except ValueError:
        raise BodyMalformed from None
    try:
        return model.model_validate_json(data, strict=True)
    except ValidationError as error:
        raise request_invalid("body", model, error) from None


async def form_token(endpoint: Endpoint, request: web.Request) -> str | None:
    """Give the CSRF token that a page's form carries, if it is a form."""
    if endpoint.kind == "page" and "upload" in endpoint.takes and request.content_type == MULTIPART:
        return (await leading(request)).fields.get(CSRF_FIELD)
    if not _is_form(endpoint, request):
        return None
    data = await read_body(request, endpoint.max_body_bytes or JSON_BODY_LIMIT)
    return form_fields(data).get(CSRF_FIELD)


def _is_form(endpoint: Endpoint, request: web.Request) -> bool:
    return endpoint.kind == "page" and request.content_type == _FORM


async def read_body(request: web.Request, limit: int) -> bytes:
    """Read the body once, but never more than `limit` bytes of it."""
    if BODY in request:
        return request[BODY]
    _check_length(request, limit)
    data = bytearray()
    async for chunk in request.content.iter_any():
        data += chunk
        if len(data) > limit:
            raise BodyTooLarge(limit_bytes=limit)
    request[BODY] = bytes(data)
    return request[BODY]


def _check_length(request: web.Request, limit: int) -> None:
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise MediaTypeUnsupported(expected="identity")  # no decompression bombs
    if (request.content_length or 0) > limit:
        raise BodyTooLarge(limit_bytes=limit)


def form_fields(data: bytes) -> dict[str, str]:
    """Read a form of UTF-8 (application/x-www-form-urlencoded); a field given twice is refused."""
    try:
        pairs = parse_qsl(
            data.decode("ascii"),
            keep_blank_values=True,
            strict_parsing=bool(data),
            max_num_fields=FORM_FIELDS,
            errors="strict",
        )
    except ValueError:
        raise BodyMalformed from None
    if len({name for name, _ in pairs}) != len(pairs):
        raise BodyMalformed
    return dict(pairs)


def _check_values(where: str, value: Any, known: frozenset[str]) -> None:
    """Refuse what no database takes: NUL and lone surrogates in text, integers beyond 64 bits."""
    if isinstance(value, dict):
        for key, child in value.items():
            _check_values(f"{where}.*", key, known)
            _check_values(f"{where}.{key if key in known else '*'}", child, known)
    elif isinstance(value, list):
        for index, child in enumerate(value):
            _check_values(f"{where}.{index}", child, known)
    elif fault := _unsafe(value):
        raise RequestInvalid(sentence(where, fault))


def _unsafe(value: Any) -> str | None:
    if isinstance(value, str):
        return "unsafe_text" if "\x00" in value or not _encodable(value) else None
    if isinstance(value, int):
        return None if -_INT64 <= value < _INT64 else "unsafe_number"
    return "finite_number" if isinstance(value, float) and not math.isfinite(value) else None


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
