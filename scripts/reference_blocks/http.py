"""The HTTP side: every endpoint, every permission with its grants, every error code."""

import importlib
import pkgutil
import re
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from core.access.model import Role
from core.config import Settings
from core.errors import MasklineError
from core.vault import Keyring
from reference_blocks.markdown import code, table

# Scripts, Alembic's own, and sippy, which claims the thread that imports it.
_UNWANTED = re.compile(r"__main__|\.migrations\.|^gateway\.switch\.(?!errors|protocol)")


def api() -> str:
    """Every path of /openapi.json, grouped by tag."""
    groups: dict[str, list[tuple[str, ...]]] = {}
    for path, methods in sorted(_document()["paths"].items()):
        for method, operation in methods.items():
            permission = operation.get("x-permission")
            proof = "需要近期身份验证" in operation["description"]
            groups.setdefault((operation.get("tags") or ["other"])[0], []).append(
                (
                    code(method.upper()),
                    code(path),
                    (code(permission) if permission else "公开 / public") + (" ⏲" if proof else ""),
                    operation["x-summary"]["zh"],
                    operation["x-summary"]["en"],
                )
            )
    head = ("方法", "路径 / path", "权限 / permission", "摘要", "summary")
    return "\n\n".join(f"## {tag}\n\n{table(head, rows)}" for tag, rows in sorted(groups.items()))


@cache
def _document() -> dict[str, Any]:
    """Build the application of the web process on keys of its own and read its description."""
    import asyncio

    from prometheus_client import CollectorRegistry

    from core.web.openapi import ApiDescription
    from core.web.system import description_endpoint, system_endpoints
    from maskline.permissions import registry

    async def build() -> dict[str, Any]:
        from core.web.app import API_PREFIX
        from gateway.calls.client import CallsClient
        from maskline.ground import open_ground
        from maskline.processes.web import api_endpoints
        from maskline.wiring.gateway import build_gateway
        from maskline.wiring.messages import build_message_services
        from maskline.wiring.phones import build_phones
        from maskline.wiring.quality import build_quality

        with tempfile.TemporaryDirectory() as folder:
            settings = Settings(data_dir=Path(folder), keyring=Keyring.generate().dump())
            async with open_ground(settings) as ground:
                client = CallsClient(settings.run_dir / "calls.sock", "none")
                gateway = build_gateway(ground)
                messages = build_message_services(ground, gateway)
                quality, phones = build_quality(ground), build_phones(ground)
                endpoints = api_endpoints(ground, gateway, quality, messages, client, phones)
            routes = [(API_PREFIX + one.path, one) for one in endpoints]
            system = [*system_endpoints([], CollectorRegistry()), description_endpoint({})]
            routes += [(one.path, one) for one in system]
            return ApiDescription(routes, registry(), cookie="session").document("zh")

    return asyncio.run(build())


def permissions() -> str:
    """Permission by role, with the scope that the role gets."""
    from maskline.permissions import registry

    roles = list(Role)
    rows = [
        (
            code(spec.name),
            spec.zh,
            spec.en,
            *(spec.grants[role].value if role in spec.grants else "" for role in roles),
        )
        for spec in sorted(registry(), key=lambda spec: spec.name)
    ]
    return table(("权限 / permission", "含义", "meaning", *(role.value for role in roles)), rows)


def errors() -> str:
    """Every stable code with its status and both sentences."""
    from core.web.problems import status_of

    kinds = {kind.code: kind for kind in _kinds(MasklineError)}
    rows = [
        (code(name), status_of(kind), kind.title("zh"), kind.title("en"))
        for name, kind in sorted(kinds.items())
    ]
    return table(("代码 / code", "HTTP", "说明", "title"), rows)


def _kinds(root: type[MasklineError]) -> Iterator[type[MasklineError]]:
    import core
    import dashboard
    import gateway
    import maskline
    import qa

    for package in (core, gateway, qa, dashboard, maskline):
        for module in pkgutil.walk_packages(package.__path__, prefix=f"{package.__name__}."):
            if not _UNWANTED.search(module.name):
                importlib.import_module(module.name)
    pending = [root]
    while pending:
        kind = pending.pop()
        pending += kind.__subclasses__()
        if kind.__module__.partition(".")[0] in {"core", "gateway", "qa", "dashboard", "maskline"}:
            yield kind
