"""Fills a route's path, query and body as its models ask, and reads an answer without what differs each time."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import aiohttp
from pydantic import BaseModel

from core.ids import new_id
from core.web.endpoint import Endpoint, Public
from tests.browser.stage import Stage

PLACE = re.compile(r"\{([a-z_]+)\}")
_CHANGING = re.compile(r'[0-9a-f]{32,64}|[0-9a-f]{8}…|nonce="[^"]*"')
STREAM = "text/event-stream"
CSV = b"phone,name\n13800138000,x\n"


@dataclass(frozen=True)
class Answer:
    """What came back. `text` is without ids, tokens and nonces."""

    status: int
    code: str
    location: str
    text: str


def is_open(endpoint: Endpoint) -> bool:
    return isinstance(endpoint.permission, Public)


def places(path: str) -> list[str]:
    """Name what stands in a path's places; a plain `{id}` is of what the path names before it."""
    found = []
    for before, name in re.findall(r"(?:([a-z-]+)/)?\{([a-z_]+)\}", path):
        found.append(f"{before.rstrip('s').replace('-', '_')}_id" if name == "id" else name)
    return found


def address(path: str, ids: Mapping[str, str]) -> str:
    """Fill the places of a path; what is not known gets an id that nothing has."""
    names = iter(places(path))
    return PLACE.sub(lambda _: ids.get(next(names)) or new_id(), path)


def named(model: type[BaseModel] | None, ids: Mapping[str, str]) -> dict[str, str]:
    """Map a model's fields to the ids they ask for: `employee_id`, or plain `employee`."""
    found = {}
    for name in model.model_fields if model else ():
        kind = name if name in ids else f"{name}_id"
        if kind in ids:
            found[name] = kind
    return found


def filled(model: type[BaseModel], ids: Mapping[str, str], stage: Stage) -> dict[str, Any]:
    """Give the smallest body that fits a model, with these ids where it asks for them."""
    schema = model.model_json_schema()
    wanted = named(model, ids)
    body: dict[str, Any] = {name: ids[kind] or new_id() for name, kind in wanted.items()}
    for name in schema.get("required", ()):
        if name not in body:
            body[name] = _smallest(schema["properties"][name], schema.get("$defs", {}), stage)
    return body


def _smallest(field: Mapping[str, Any], defs: Mapping[str, Any], stage: Stage) -> Any:
    if "$ref" in field:
        field = defs[field["$ref"].rpartition("/")[2]]
    if "anyOf" in field:
        field = field["anyOf"][0]
        return _smallest(field, defs, stage)
    if "enum" in field:
        return field["enum"][0]
    if field.get("format") in {"date-time", "date"}:
        at = stage.clock.now() + timedelta(days=1)
        return at.isoformat() if field["format"] == "date-time" else at.date().isoformat()
    if "pattern" in field:
        return new_id() if "0-9a-f" in field["pattern"] else "a"
    kinds: dict[str, Any] = {
        "string": "x" * max(1, field.get("minLength", 1)),
        "integer": field.get("minimum", 1),
        "number": 1.0,
        "boolean": True,
        "object": {},
    }
    if field.get("type") == "array":
        return [_smallest(field["items"], defs, stage)] if field.get("minItems") else []
    return kinds.get(str(field.get("type")), "x")


async def act(
    http: aiohttp.ClientSession, stage: Stage, route: tuple[str, Endpoint], token: str, ids: Mapping[str, str]
) -> Answer:
    """Ask a route with these ids wherever it takes any."""
    path, endpoint = route
    more: dict[str, Any] = {"headers": {"Authorization": f"Bearer {token}"}}
    query = named(endpoint.models.get("query"), ids)
    if "upload" in endpoint.takes:
        form = aiohttp.FormData(default_to_multipart=True)
        for name, kind in named(endpoint.models.get("body"), ids).items():
            form.add_field(name, ids[kind] or new_id())
        form.add_field("file", CSV, filename="a.csv", content_type="text/csv")
        more["data"] = form
    elif model := endpoint.models.get("body"):
        body = filled(model, ids, stage)
        if endpoint.kind == "page":
            more["data"] = {name: str(value) for name, value in body.items() if value not in ({}, [])}
            more["headers"]["Content-Type"] = "application/x-www-form-urlencoded"
        else:
            more["json"] = body
    where = address(path, ids)
    if query:
        extra = {"channel": "sms"} if "upload" in endpoint.takes else {}
        where += "?" + urlencode({name: ids[kind] or new_id() for name, kind in query.items()} | extra)
    async with http.request(endpoint.method, stage.url + where, allow_redirects=False, **more) as response:
        text = "" if response.content_type == STREAM else (await response.read()).decode("utf-8", "replace")
        code = ""
        if response.content_type == "application/problem+json":
            code = str(json.loads(text).get("code"))
        location = _CHANGING.sub("…", response.headers.get("Location", ""))
        return Answer(response.status, code, location, _CHANGING.sub("…", text))
