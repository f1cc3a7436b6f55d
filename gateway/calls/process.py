"""The `calls` process: recovers, opens its two sockets, drives calls until it is told to stop."""

import asyncio
import gc
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry

from core.access.permissions import PermissionRegistry
from core.alone import alone
from core.blobs import BlobStore
from core.clock import Clock
from core.config import Settings
from core.db import Database
from core.ledger import Ledger
from core.logging import get_logger
from core.outbox import Outbox
from core.status import DatabaseStatus
from core.tasks import cancel, spawn
from core.vault import SubjectKeys, Vault
from core.web.app import build_app
from core.web.server import serve
from core.web.system import SYSTEM_PERMISSIONS
from gateway.calls.accounts import SipAccountService
from gateway.calls.books import Books
from gateway.calls.control import (
    CONTROL_PERMISSIONS,
    SECRET_NAME,
    SOCKET_NAME,
    SecretHolder,
    control_endpoints,
)
from gateway.calls.errors import AlreadyRunning
from gateway.calls.gear import Gear, StepLimits
from gateway.calls.live import LiveCalls
from gateway.calls.metrics import CallMetrics
from gateway.calls.ports import Bindings, Contacts, MediaPlane, SwitchLink, Timers
from gateway.calls.presence import Presence
from gateway.calls.recovery import Recovery
from gateway.calls.registrar import Registrar
from gateway.calls.service import CallService
from gateway.calls.switchboard import Switchboard

_log = get_logger(__name__)
SWEEP_S = 60.0
GRACE_S = 15.0


@dataclass(frozen=True, slots=True)
class CallsParts:
    """The collaborators of the process; the roof makes them."""

    settings: Settings
    database: Database
    clock: Clock
    vault: Vault
    subject_keys: SubjectKeys
    ledger: Ledger
    outbox: Outbox
    blobs: BlobStore
    contacts: Contacts
    bindings: Bindings
    media: MediaPlane
    link: SwitchLink
    node: str = "calls"
    timers: Timers | None = None
    limits: StepLimits = field(default_factory=StepLimits)


@dataclass(frozen=True, slots=True)
class RunningCalls:
    """What runs: for `/status` and for tests."""

    service: CallService
    switchboard: Switchboard
    live: LiveCalls
    presence: Presence
    registrar: Registrar
    accounts: SipAccountService
    metrics: CallMetrics
    recovered: int
    hearing: asyncio.Task[None]
    """Ends when the link is closed, or breaks; then no call can come any more."""


@asynccontextmanager
async def running(parts: CallsParts) -> AsyncIterator[RunningCalls]:
    """Recover, then hear the switch and serve the control API until the block ends.

    At its end calls that go on are ended and their records written. The link must already listen; it stays
    open, its owner closes it. Raises `AlreadyRunning` if another process holds this data folder's calls.
    """
    run_dir = parts.settings.run_dir
    run_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    async with AsyncExitStack() as stack:
        stack.enter_context(alone(run_dir / "calls.lock", AlreadyRunning))
        calls = await _build(parts)
        secret = parts.vault.secret(SECRET_NAME).reveal_text()
        app = build_app(
            parts.settings,
            endpoints=control_endpoints(calls.service),
            permissions=PermissionRegistry(CONTROL_PERMISSIONS, SYSTEM_PERMISSIONS),
            authenticator=SecretHolder(secret, parts.clock),
            providers=(calls.service, DatabaseStatus(parts.database)),
            registry=calls.metrics.registry,
            clock=parts.clock,
            api_prefix="",
        )
        await stack.enter_async_context(serve(app, path=run_dir / SOCKET_NAME))
        sweeping = spawn(_sweep(calls.registrar), name="registrations")
        watching = spawn(calls.presence.run(), name="presence")
        try:
            yield calls
        finally:
            calls.switchboard.closed = calls.service.closed = True
            await calls.live.stop(GRACE_S)
            await cancel(sweeping, watching, calls.hearing)


async def run(parts: CallsParts, stop: asyncio.Event) -> None:
    """Run until `stop` is set. If the switchboard breaks, so does the process: the supervisor starts anew."""
    async with running(parts) as calls:
        # What the start has made stays: a full collection would only stop all calls to look at it again.
        gc.collect()
        gc.freeze()
        _log.info("calls.started", count=calls.recovered, node=parts.node)
        stopping = spawn(stop.wait(), name="stop")
        await asyncio.wait({stopping, calls.hearing}, return_when=asyncio.FIRST_COMPLETED)
        await cancel(stopping)
        if calls.hearing.done():
            calls.hearing.result()


async def _build(parts: CallsParts) -> RunningCalls:
    books = Books(
        parts.database,
        parts.clock,
        contacts=parts.contacts,
        bindings=parts.bindings,
        subject_keys=parts.subject_keys,
        ledger=parts.ledger,
        outbox=parts.outbox,
        node=parts.node,
    )
    recovery = Recovery(
        parts.database, parts.clock, books=books, subject_keys=parts.subject_keys, blobs=parts.blobs
    )
    recovered = await recovery.run()
    sip = parts.settings.sip
    accounts = SipAccountService(
        parts.database, parts.clock, vault=parts.vault, ledger=parts.ledger, realm=sip.realm
    )
    registrar = Registrar(parts.database, parts.clock, accounts=accounts, settings=sip)
    metrics = CallMetrics(CollectorRegistry())
    gear = Gear(
        link=parts.link,
        media=parts.media,
        books=books,
        phones=registrar,
        clock=parts.clock,
        timers=parts.timers or asyncio.get_running_loop(),
        sip=sip,
        metrics=metrics,
        limits=parts.limits,
    )
    live = LiveCalls(gear)
    metrics.live.set_function(lambda: live.counts().live)
    metrics.unfiled.set_function(lambda: live.counts().unfiled)
    switchboard = Switchboard(
        parts.link,
        registrar,
        live,
        region=parts.settings.default_region,
        metrics=metrics,
        identify_s=parts.limits.identify_s,
    )
    presence = Presence(parts.database, live)
    service = CallService(
        live, books, link=parts.link, phones=registrar, media=parts.media, presence=presence
    )
    hearing = spawn(switchboard.run(), name="switchboard")
    return RunningCalls(
        service, switchboard, live, presence, registrar, accounts, metrics, recovered, hearing
    )


async def _sweep(registrar: Registrar) -> None:
    while True:
        await asyncio.sleep(SWEEP_S)
        try:
            await registrar.forget_expired()
        except Exception as error:  # noqa: BLE001 - what ran out is not used anyway; the next sweep removes it
            _log.warning("calls.sweep_failed", error_type=type(error).__name__)
