"""Builds the slice of commands."""

from dataclasses import dataclass

from core.clock import Clock
from core.db import Database
from core.events import EventBus
from core.ledger import Ledger
from core.phone_settings import CommandSettings
from core.vault import Vault
from devicepolicy.commands.books import CommandBooks
from devicepolicy.commands.ports import PhoneWaker, Signer
from devicepolicy.commands.queries import CommandQueries
from devicepolicy.commands.queue import CommandQueue
from devicepolicy.commands.service import CommandService
from devicepolicy.commands.sweep import CommandSweep
from devicepolicy.devices.events import DeviceEnded


@dataclass(frozen=True, slots=True)
class Commands:
    """The services of the slice."""

    service: CommandService
    queries: CommandQueries
    queue: CommandQueue
    sweep: CommandSweep


def build_commands(
    *,
    database: Database,
    clock: Clock,
    vault: Vault,
    ledger: Ledger,
    bus: EventBus,
    waker: PhoneWaker,
    signer: Signer,
    settings: CommandSettings,
) -> Commands:
    """Build the services, and take back what phones that are gone had to do."""
    books = CommandBooks(clock=clock, vault=vault, ledger=ledger, bus=bus, waker=waker, settings=settings)
    service = CommandService(
        database=database,
        clock=clock,
        vault=vault,
        ledger=ledger,
        bus=bus,
        books=books,
        settings=settings,
    )
    bus.subscribe(DeviceEnded, service.on_device_ended)
    return Commands(
        service=service,
        queries=CommandQueries(database, vault),
        queue=CommandQueue(database=database, clock=clock, vault=vault, books=books, signer=signer),
        sweep=CommandSweep(database, clock, books),
    )
