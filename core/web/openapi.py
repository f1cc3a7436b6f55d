"""Describes the endpoints as OpenAPI 3.1: made from the code, so that it cannot say anything else."""

from collections.abc import Iterable
from typing import Any, Final

from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from core import errors as domain
from core.access.permissions import PermissionRegistry
from core.errors import MasklineError
from core.web import errors as edge
from core.web.context import Language
from core.web.endpoint import Endpoint, Public
from core.web.problems import MEDIA_TYPE, status_of
from core.web.replies import FileReply, SocketReply

_REF: Final = "#/components/schemas/{model}"
_ALWAYS = (edge.RequestInvalid, edge.RequestRefused, edge.InternalFault, domain.Unavailable)
_PROBLEM: dict[str, Any] = {
    "type": "object",
    "description": "RFC 9457",
    "required": ["type", "title", "status", "code", "request_id"],
    "properties": {
        "type": {"type": "string", "format": "uri"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"type": "string", "description": "Stable, for programs"},
        "request_id": {"type": "string"},
        "facts": {"type": "object", "additionalProperties": True},
        "violations": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["where", "problem"],
                "properties": {"where": {"type": "string"}, "problem": {"type": "string"}},
            },
        },
    },
}


class ApiDescription:
    """The OpenAPI document of a set of endpoints, in either language."""

    def __init__(
        self, endpoints: Iterable[tuple[str, Endpoint]], permissions: PermissionRegistry, *, cookie: str
    ) -> None:
        """Take pairs of the full path and its endpoint; `cookie` is the session cookie's name."""
        self._endpoints = list(endpoints)
        self._permissions = permissions
        self._cookie = cookie
        wanted = list(dict.fromkeys(_models(endpoint for _, endpoint in self._endpoints)))
        self._schemas, definitions = models_json_schema(wanted, ref_template=_REF, by_alias=True)
        self._components: dict[str, Any] = {**definitions.get("$defs", {}), "Problem": _PROBLEM}

    def document(self, language: Language) -> dict[str, Any]:
        paths: dict[str, dict[str, Any]] = {}
        for path, endpoint in self._endpoints:
            paths.setdefault(path, {})[endpoint.method.lower()] = self._operation(path, endpoint, language)
        return {
            "openapi": "3.1.0",
            "info": {"title": "Maskline", "version": "1", "license": {"name": "Apache-2.0"}},
            "servers": [{"url": "/"}],
            "paths": paths,
            "components": {
                "schemas": self._components,
                "securitySchemes": {
                    "bearer": {"type": "http", "scheme": "bearer", "description": "Session token"},
                    "cookie": {
                        "type": "apiKey",
                        "in": "cookie",
                        "name": self._cookie,
                        "description": "Unsafe requests also need the header X-CSRF-Token",
                    },
                    "signature": {
                        "type": "apiKey",
                        "in": "header",
                        "name": "Signature",
                        "description": "HTTP Message Signature (RFC 9421) by the caller's own Ed25519 key",
                    },
                },
            },
        }

    def _operation(self, path: str, endpoint: Endpoint, language: Language) -> dict[str, Any]:
        operation: dict[str, Any] = {
            "operationId": _operation_id(endpoint.method, path),
            "summary": endpoint.summary_zh if language == "zh" else endpoint.summary_en,
            "x-summary": {"zh": endpoint.summary_zh, "en": endpoint.summary_en},
            "description": self._description(endpoint, language),
            "x-permission": self._permission(endpoint),
            "security": _security(endpoint),
            "parameters": [
                *self._parameters("path", endpoint),
                *self._parameters("query", endpoint),
                *self._parameters("headers", endpoint),
            ],
            "responses": {**self._answer(endpoint), **_problems(endpoint, language)},
        }
        if endpoint.tags:
            operation["tags"] = list(endpoint.tags)
        if model := endpoint.models.get("body"):
            operation["requestBody"] = _content("application/json", self._schemas[model, "validation"])
        elif "upload" in endpoint.takes:
            file = {"type": "string", "contentMediaType": "application/octet-stream"}
            schema = {"type": "object", "required": ["file"], "properties": {"file": file}}
            operation["requestBody"] = _content("multipart/form-data", schema)
        return operation

    def _permission(self, endpoint: Endpoint) -> str | None:
        return endpoint.permission if isinstance(endpoint.permission, str) else None

    def _description(self, endpoint: Endpoint, language: Language) -> str:
        name = self._permission(endpoint)
        if name is None:
            who = (
                f"公开：{endpoint.public_reason}" if language == "zh" else f"Public: {endpoint.public_reason}"
            )
        else:
            spec = self._permissions[name]
            who = f"权限：{spec.zh}（{name}）" if language == "zh" else f"Permission: {spec.en} ({name})"
        if endpoint.step_up:
            who += "；需要近期身份验证" if language == "zh" else "; needs a recent proof of identity"
        return f"{endpoint.description}\n\n{who}".strip()

    def _parameters(self, part: str, endpoint: Endpoint) -> list[dict[str, Any]]:
        model = endpoint.models.get(part)
        if model is None:
            return []
        schema = self._resolve(self._schemas[model, "validation"])
        required = set(schema.get("required", []))
        place = "header" if part == "headers" else part
        return [
            {
                "name": name.replace("_", "-") if place == "header" else name,
                "in": place,
                "required": place == "path" or name in required,
                "schema": detail,
                **({"description": detail["description"]} if "description" in detail else {}),
            }
            for name, detail in schema.get("properties", {}).items()
        ]

    def _resolve(self, schema: dict[str, Any]) -> dict[str, Any]:
        reference = schema.get("$ref")
        if reference is None:
            return schema
        found: dict[str, Any] = self._components[reference.rsplit("/", 1)[-1]]
        return found

    def _answer(self, endpoint: Endpoint) -> dict[str, Any]:
        if endpoint.returns is SocketReply:
            return {"101": {"description": "WebSocket (RFC 6455)"}}
        answer: dict[str, Any] = {"description": "OK"}
        if model := endpoint.response_model:
            answer |= {"content": {"application/json": {"schema": self._schemas[model, "serialization"]}}}
        elif endpoint.produces:
            answer |= {"content": {endpoint.produces: {}}}
        answers = {str(endpoint.status): answer}
        if endpoint.returns is FileReply:
            answers["206"] = {**answer, "description": "Partial content"}
        return answers


def _security(endpoint: Endpoint) -> list[dict[str, list[str]]]:
    if endpoint.guard is not None:
        return [{"signature": []}]
    return [] if isinstance(endpoint.permission, Public) else [{"bearer": []}, {"cookie": []}]


def _content(media_type: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"required": True, "content": {media_type: {"schema": schema}}}


def _operation_id(method: str, path: str) -> str:
    words = path.replace("{", "by_").replace("}", "").replace("-", "_").replace(".", "_").split("/")
    return "_".join([method.lower(), *(word for word in words if word)])


def _models(endpoints: Iterable[Endpoint]) -> Iterable[tuple[type[BaseModel], JsonSchemaMode]]:
    for endpoint in endpoints:
        for model in endpoint.models.values():
            yield model, "validation"
        if answer := endpoint.response_model:
            yield answer, "serialization"


def _problems(endpoint: Endpoint, language: Language) -> dict[str, Any]:
    kinds: list[type[MasklineError]] = [*_ALWAYS, *endpoint.errors]
    if not isinstance(endpoint.permission, Public):
        kinds += [domain.Unauthenticated, domain.Forbidden]
    if endpoint.models.keys() & {"path"}:
        kinds.append(domain.NotFound)
    if "upload" in endpoint.takes or "body" in endpoint.models:
        kinds += [edge.BodyMalformed, edge.BodyTooLarge, edge.MediaTypeUnsupported]
    if endpoint.returns is FileReply:
        kinds.append(edge.RangeUnsatisfiable)
    if endpoint.returns is SocketReply:
        kinds.append(edge.UpgradeMissing)
    by_status: dict[int, list[type[MasklineError]]] = {}
    for kind in dict.fromkeys(kinds):
        by_status.setdefault(status_of(kind), []).append(kind)
    return {
        str(status): {
            "description": "; ".join(f"{kind.code}: {kind.title(language)}" for kind in found),
            "content": {MEDIA_TYPE: {"schema": {"$ref": _REF.format(model="Problem")}}},
        }
        for status, found in sorted(by_status.items())
    }
