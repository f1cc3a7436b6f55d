"""The web process: API, dashboard, status."""

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack

from prometheus_client import CollectorRegistry

from core.access import api as access_api
from core.audit import api as audit_api
from core.config import Settings
from core.fileops import api as fileops_api
from core.heartbeat import HeartbeatReader
from core.ledger import api as ledger_api
from core.ledger.timestamping import api as timestamp_api
from core.logging import get_logger
from core.status import DatabaseStatus, Fact, PartStatus, State, StatusProvider
from core.web.app import build_app
from core.web.endpoint import Endpoint
from core.web.server import serve
from dashboard.build import build_pages
from gateway.calls import account_api
from gateway.calls import api as calls_api
from gateway.calls.client import CallsClient
from gateway.calls.control import SECRET_NAME, SOCKET_NAME
from gateway.calls.desk import CallsProcess
from gateway.contact import api as contact_api
from gateway.customers import api as customers_api
from gateway.customers import consent_api
from gateway.customers.approvals import api as approvals_api
from gateway.customers.approvals.build import ApprovalStatus
from gateway.customers.notes import api as notes_api
from gateway.messages import api as messages_api
from gateway.messages import archive_api, template_api
from gateway.messages.build import Messages
from gateway.numbers import api as numbers_api
from gateway.offboarding import api as offboarding_api
from gateway.worklist import api as worklist_api
from maskline.beating import beating
from maskline.ground import Ground, open_ground
from maskline.permissions import registry
from maskline.processes import leave, until_told
from maskline.supervisor import PROCESSES
from maskline.wiring.file_operations import file_operations
from maskline.wiring.gateway import Gateway, build_gateway, build_people, sip_accounts
from maskline.wiring.messages import archive_members, build_message_services, read_words
from maskline.wiring.offboarding import build_offboardings
from maskline.wiring.pages import call_desk, dashboard_parts
from maskline.wiring.phones import Phones, build_phones
from maskline.wiring.quality import Quality, build_quality
from qa import alert_rules_api
from qa.inspection import api as inspection_api
from qa.review import api as review_api

_log = get_logger(__name__)


class ProcessStatus:
    """One process's view, from the sign of life that it gave last."""

    def __init__(self, name: str, heartbeats: HeartbeatReader) -> None:
        self.name = f"process-{name}"
        self._process = name
        self._heartbeats = heartbeats

    async def status(self) -> PartStatus:
        views = [view for view in await self._heartbeats.processes() if view.process == self._process]
        alive = [view for view in views if view.state != "silent"]
        facts: dict[str, Fact] = {"alive": len(alive), "silent": len(views) - len(alive)}
        for view in alive:
            facts.update(view.detail)
        if not alive:
            return PartStatus(State.DOWN, facts)
        worst = State.OK if all(view.state == "ok" for view in alive) else State.DEGRADED
        return PartStatus(worst, facts)


def api_endpoints(
    ground: Ground,
    gateway: Gateway,
    quality: Quality,
    messages: Messages,
    client: CallsProcess,
    phones: Phones,
) -> Sequence[Endpoint]:
    """Give every endpoint of the API."""
    people = build_people(ground, registry())
    return [
        *access_api.endpoints(people),
        *customers_api.endpoints(gateway.customers, gateway.importer),
        *approvals_api.endpoints(gateway.approvals),
        *consent_api.endpoints(gateway.consent),
        *notes_api.endpoints(gateway.notes),
        *worklist_api.endpoints(gateway.worklist),
        *numbers_api.endpoints(gateway.lines, gateway.bindings),
        *contact_api.endpoints(gateway.contact_queries),
        *calls_api.endpoints(call_desk(ground, gateway, client), gateway.calls, gateway.recordings),
        *account_api.endpoints(sip_accounts(ground), ground.settings.sip),
        *offboarding_api.endpoints(build_offboardings(ground, gateway, messages, client, phones)),
        *messages_api.endpoints(messages),
        *template_api.endpoints(messages.templates),
        *archive_api.endpoints(archive_members(ground)),
        *inspection_api.endpoints(quality.reader, quality.alerts),
        *alert_rules_api.endpoints(quality.alert_rules),
        *review_api.endpoints(quality.reviews.reader, quality.reviews.service, quality.reviews.appeals),
        *phones.policies.endpoints(),
        *phones.fleet.endpoints(),
        *phones.command_endpoints(ground.clock),
        *phones.uploads.endpoints(phones.gate),
        *phones.whereabouts.endpoints(phones.gate),
        *ledger_api.endpoints(ground.ledger_service),
        *timestamp_api.endpoints(ground.timestamps),
        *audit_api.endpoints(ground.audit),
        *fileops_api.endpoints(file_operations(ground)),
    ]


def providers(ground: Ground, client: CallsClient) -> list[StatusProvider]:
    """Give every part that says how it is."""
    heartbeats = HeartbeatReader(ground.database, ground.clock)
    return [
        DatabaseStatus(ground.database),
        client,
        ApprovalStatus(ground.settings.approvals),
        *(
            ProcessStatus(name, heartbeats)
            for name in PROCESSES
            if name not in {"web", "switch"}  # web answers this; switch speaks through calls
        ),
    ]


async def web(settings: Settings, stop: asyncio.Event) -> None:
    """Serve until told to stop."""
    async with AsyncExitStack() as stack:
        ground = await stack.enter_async_context(open_ground(settings))
        secret = ground.vault.secret(SECRET_NAME).reveal_text()
        client = await stack.enter_async_context(CallsClient(settings.run_dir / SOCKET_NAME, secret))
        gateway, quality = build_gateway(ground), build_quality(ground)
        messages = build_message_services(ground, gateway)
        phones = build_phones(ground)
        await asyncio.to_thread(read_words)
        permissions = registry()
        people = build_people(ground, permissions)
        parts = [*providers(ground, client), phones.waking.hub]
        app = build_app(
            settings,
            endpoints=api_endpoints(ground, gateway, quality, messages, client, phones),
            permissions=permissions,
            authenticator=people.sessions,
            pages=build_pages(
                dashboard_parts(
                    ground,
                    gateway,
                    quality,
                    messages,
                    people=people,
                    client=client,
                    phones=phones,
                    providers=parts,
                )
            ),
            providers=parts,
            registry=CollectorRegistry(),
            clock=ground.clock,
        )
        hub = phones.waking.hub
        await hub.start()
        stack.push_async_callback(hub.close)
        app.on_shutdown.append(lambda _app: hub.close())
        port = await stack.enter_async_context(serve(app, host=settings.web.host, port=settings.web.port))
        await stack.enter_async_context(beating(ground, "web"))
        _log.info("web.started", host=settings.web.host, port=port)
        await stop.wait()


def main(settings: Settings) -> None:
    """Run until SIGTERM."""
    until_told(web, settings)
    leave()
