"""The relay process: outbox, checkpoints, sweeps."""

import asyncio

from core.config import Settings
from core.heartbeat import Report
from core.lease import Lease
from core.tasks import cancel, spawn
from core.vault.subjects import purge_remains
from devicepolicy.wake.log import purge as purge_wakes
from gateway.calls.client import CallsClient
from gateway.calls.control import SECRET_NAME, SOCKET_NAME
from gateway.messages.events import MESSAGE_SEND
from maskline.beating import beating
from maskline.celery_app import make_celery, publish
from maskline.evidence import evidence_exports
from maskline.ground import Ground, open_ground
from maskline.permissions import registry
from maskline.processes import until_told
from maskline.relay import LEASE_TTL_S, Chore, OutboxPublisher, Relay, owner
from maskline.wiring.alerts import alert_digests
from maskline.wiring.gateway import build_gateway, build_people
from maskline.wiring.messages import build_message_services
from maskline.wiring.offboarding import build_offboardings
from maskline.wiring.phones import Phones, build_phones
from maskline.wiring.silence import SilenceWatch
from maskline.wiring.unusual import unusual_watch

OUTBOX_EVERY_S = 0.2
OFFBOARDING_EVERY_S = 0.5
CALLS_TIMEOUT_S = 2.0
BINDINGS_EVERY_S = 15.0
COMMANDS_EVERY_S = 5.0
DESIRED_EVERY_S = 0.2
PHONES_EVERY_S = 30.0
SILENCES_EVERY_S = 5.0
DIGESTS_EVERY_S = 30.0
MESSAGES_EVERY_S = 60.0
ACCESS_EVERY_S = 60.0
ACCESS_LOG_EVERY_S = 60.0
EVIDENCE_EVERY_S = 600.0
APPROVALS_EVERY_S = 60.0
UPLOADS_EVERY_S = 600.0
PURGE_EVERY_S = 3600.0
STATISTICS_EVERY_S = 3600.0
TIMESTAMP_EVERY_S = 60.0
"""How often it is asked whether one is due, and how soon a refused one is tried again."""


async def relay(settings: Settings, stop: asyncio.Event) -> None:
    """Work while this process holds the lease; several may run."""
    async with open_ground(settings) as ground:
        lease = Lease(ground.database, ground.clock, "relay", owner(), ttl_s=LEASE_TTL_S)
        secret = ground.vault.secret(SECRET_NAME).reveal_text()
        calls = CallsClient(settings.run_dir / SOCKET_NAME, secret, timeout_s=CALLS_TIMEOUT_S)
        phones = build_phones(ground)
        worker = Relay(lease, _chores(ground, calls, phones))

        async def report() -> Report:
            away = {"mqtt"} if phones.waking.mqtt is not None and not phones.waking.mqtt.connected else set()
            failing = ", ".join(sorted(worker.failing | away))
            return ("degraded" if failing else "ok"), {"holds_lease": worker.holding, "failing": failing}

        async with calls, beating(ground, "relay", report):
            running = [spawn(worker.run(), name="relay")]
            if phones.waking.mqtt is not None:
                running.append(spawn(phones.waking.mqtt.run(), name="mqtt"))
            await stop.wait()
            await cancel(*running)


def _chores(ground: Ground, calls: CallsClient, phones: Phones) -> list[Chore]:
    app = make_celery(ground.settings)
    people = build_people(ground, registry())
    gateway = build_gateway(ground)
    messages = build_message_services(ground, gateway)

    async def sweep_access() -> None:
        async with ground.database.begin() as session:
            await people.sweep(session)

    async def sweep_bindings() -> None:
        while await gateway.bindings.release_expired():
            pass

    async def purge() -> None:
        await purge_remains(ground.database)
        await purge_wakes(ground.database, ground.clock)

    publisher = OutboxPublisher(
        ground.database,
        ground.outbox,
        lambda topic, outbox_id: publish(app, topic, outbox_id),
        but={MESSAGE_SEND},  # whoever holds the channel takes it from the table
    )
    checkpoint_s = ground.settings.ledger.checkpoint_interval_s
    return [
        Chore("outbox", OUTBOX_EVERY_S, publisher),
        Chore(
            "offboarding",
            OFFBOARDING_EVERY_S,
            build_offboardings(ground, gateway, messages, calls, phones).service.sweep,
        ),
        Chore("checkpoint", checkpoint_s, ground.ledger_service.sign_checkpoint),
        Chore("timestamp", TIMESTAMP_EVERY_S, ground.timestamps.stamp_due, apart=True),
        Chore("bindings", BINDINGS_EVERY_S, sweep_bindings),
        Chore("commands", COMMANDS_EVERY_S, phones.commands.sweep),
        Chore("desired", DESIRED_EVERY_S, phones.catch_up),
        Chore("phones", PHONES_EVERY_S, phones.fleet.sweep),
        Chore("silences", SILENCES_EVERY_S, SilenceWatch(ground)),
        Chore("digests", DIGESTS_EVERY_S, alert_digests(ground).tell_due),
        Chore("uploads", UPLOADS_EVERY_S, phones.uploads.sweep),
        Chore("whereabouts", UPLOADS_EVERY_S, phones.whereabouts.upkeep),
        Chore("messages", MESSAGES_EVERY_S, messages.sweep),
        Chore("access", ACCESS_EVERY_S, sweep_access),
        Chore("access-log", ACCESS_LOG_EVERY_S, ground.audit.cover),
        Chore("unusual-access", ground.settings.unusual.every_s, unusual_watch(ground)),
        Chore("evidence", EVIDENCE_EVERY_S, evidence_exports(ground).sweep),
        Chore("approvals", APPROVALS_EVERY_S, gateway.approvals.upkeep.sweep),
        Chore("purge", PURGE_EVERY_S, purge),
        Chore("statistics", STATISTICS_EVERY_S, ground.database.analyse),
    ]


def main(settings: Settings) -> None:
    """Run until SIGTERM."""
    until_told(relay, settings)
