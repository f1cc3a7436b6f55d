"""The five processes, each a function that runs until SIGTERM or SIGINT."""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable

from core.config import Settings
from core.errors import MasklineError
from core.heartbeat import Report
from core.lease import Lease
from core.logging import configure, get_logger
from core.tasks import cancel, spawn
from gateway.calls import process as calls_process
from gateway.switch.run import run_switch as serve_switch
from maskline.beating import beating
from maskline.celery_app import make_celery, publish
from maskline.gateway_wiring import build_gateway, build_people, open_calls
from maskline.ground import Ground, open_ground
from maskline.relay import LEASE_TTL_S, Chore, OutboxPublisher, Relay, owner
from maskline.supervisor import EXIT_CONFIGURATION, die_with_supervisor
from maskline.texts import language

WORKER_NICENESS = 10
_log = get_logger(__name__)


async def calls(settings: Settings, stop: asyncio.Event) -> None:
    """Call control, media relay and recorder."""
    async with open_ground(settings) as ground, open_calls(ground, build_gateway(ground)) as parts:

        async def report() -> Report:
            connected = parts.link.connected
            return ("ok" if connected else "degraded"), {"switch": connected}

        async with beating(ground, "calls", report):
            await calls_process.run(parts, stop)


async def relay(settings: Settings, stop: asyncio.Event) -> None:
    """Outbox, checkpoints and sweeps; several may run, one holds the lease."""
    async with open_ground(settings) as ground:
        worker = Relay(
            Lease(ground.database, ground.clock, "relay", owner(), ttl_s=LEASE_TTL_S), _chores(ground)
        )

        async def report() -> Report:
            return "ok", {"holds_lease": worker.holding}

        async with beating(ground, "relay", report):
            running = spawn(worker.run(), name="relay")
            await stop.wait()
            await cancel(running)


def _chores(ground: Ground) -> list[Chore]:
    from maskline.permissions import registry

    app = make_celery(ground.settings)
    access = build_people(ground, registry())
    gateway = build_gateway(ground)

    async def sweep_access() -> None:
        async with ground.database.begin() as session:
            await access.sweep(session)

    return [
        Chore(
            "outbox",
            0.2,
            OutboxPublisher(
                ground.database, ground.outbox, lambda topic, outbox_id: publish(app, topic, outbox_id)
            ),
        ),
        Chore(
            "checkpoint", ground.settings.ledger.checkpoint_interval_s, ground.ledger_service.sign_checkpoint
        ),
        Chore("bindings", 15.0, gateway.bindings.release_expired),
        Chore("access", 60.0, sweep_access),
    ]


def run(name: str, settings: Settings) -> int:
    """Run one process in the foreground. A setting that cannot work: one clear line and code 78."""
    die_with_supervisor()
    configure(name, level=settings.log_level)
    try:
        if name == "switch":
            serve_switch(settings)
        elif name == "worker":
            from maskline.inspection_worker import run_worker

            os.nice(WORKER_NICENESS)
            run_worker(settings)
        else:
            asyncio.run(_until_told(_ASYNC[name], settings))
    except MasklineError as error:
        os.write(2, f"{name}: {error.message(language())}\n".encode())
        return EXIT_CONFIGURATION
    return 0


async def _web(settings: Settings, stop: asyncio.Event) -> None:
    from maskline.web import web

    await web(settings, stop)


_ASYNC: dict[str, Callable[[Settings, asyncio.Event], Awaitable[None]]] = {
    "web": _web,
    "calls": calls,
    "relay": relay,
}


async def _until_told(main: Callable[[Settings, asyncio.Event], Awaitable[None]], settings: Settings) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await main(settings, stop)
