"""Wires the phones: policies, enrolment, devices, commands, uploads."""

from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import Clock
from core.web.endpoint import Endpoint
from devicepolicy.commands import agent_api as commands_agent_api
from devicepolicy.commands import api as commands_api
from devicepolicy.commands.build import Commands, build_commands
from devicepolicy.commands.ending import EndedByCommand
from devicepolicy.commands.events import CommandFinished
from devicepolicy.commands.lost import LostByCommand
from devicepolicy.commands.queries import commands_waiting
from devicepolicy.enrolment.policy_binding import PolicyBinding
from devicepolicy.fleet import Fleet, build_fleet
from devicepolicy.identity.gate import DeviceGate
from devicepolicy.policies.build import Policies, build_policies
from devicepolicy.sync.desired import BATCH
from devicepolicy.uploads.build import UploadPorts, Uploads, build_uploads
from devicepolicy.wake.build import Waking, build_waking
from devicepolicy.wake.service import policy_waiting
from devicepolicy.whereabouts.build import Whereabouts, build_whereabouts, location_terms
from gateway.customers.events import CustomerErased
from maskline.ground import Ground
from maskline.wiring.uploads import intake_ports
from maskline.wiring.whereabouts import location_ports

BATCHES = 3
"""At most so many transactions of a push in one turn of the relay's chore."""


@dataclass(frozen=True, slots=True)
class Phones:
    """The wing's services."""

    policies: Policies
    fleet: Fleet
    waking: Waking
    commands: Commands
    uploads: Uploads
    whereabouts: Whereabouts

    @property
    def gate(self) -> DeviceGate:
        return self.fleet.gate

    async def catch_up(self) -> None:
        """Compute what is wanted of some phones that a wide change left marked. A chore of the relay.

        Some at a time: they are woken by it, others write in between, and the relay has other chores.
        """
        for _ in range(BATCHES):
            room = await self.waking.pace.room()
            if not room or not await self.fleet.desired.catch_up(limit=min(room, BATCH)):
                break

    def command_endpoints(self, clock: Clock) -> list[Endpoint]:
        """Give the API of commands and waking, for administrators and for phones."""
        return [
            *commands_api.endpoints(self.commands),
            *commands_agent_api.endpoints(self.commands.queue, clock, self.gate),
            *self.waking.endpoints(self.gate),
        ]


def build_phones(ground: Ground, ports: UploadPorts | None = None) -> Phones:
    """Build the services of the phones. `ports`: where what they hand in goes; else it is only taken in."""
    policies = build_policies(
        database=ground.database, clock=ground.clock, ledger=ground.ledger, bus=ground.bus
    )
    fleet = build_fleet(
        ground.settings,
        database=ground.database,
        clock=ground.clock,
        vault=ground.vault,
        ledger=ground.ledger,
        bus=ground.bus,
        table=policies.table,
        policies=policies.effective,
        watch=policies.rollouts,
        binder=PolicyBinding(policies.assignments),
    )
    settings = ground.settings.phones
    waking = build_waking(
        database=ground.database,
        clock=ground.clock,
        vault=ground.vault,
        bus=ground.bus,
        settings=settings,
        places=[commands_waiting, policy_waiting],
    )
    commands = build_commands(
        database=ground.database,
        clock=ground.clock,
        vault=ground.vault,
        ledger=ground.ledger,
        bus=ground.bus,
        waker=waking.wakes,
        signer=fleet.signer,
        settings=settings.commands,
    )
    ground.bus.subscribe(CommandFinished, EndedByCommand(fleet.enrolment))
    ground.bus.subscribe(CommandFinished, LostByCommand(fleet.desired))
    uploads = build_uploads(
        database=ground.database,
        clock=ground.clock,
        vault=ground.vault,
        subject_keys=ground.subject_keys,
        ledger=ground.ledger,
        outbox=ground.outbox,
        blobs=ground.blobs,
        register=fleet.register,
        consent=fleet.consent,
        time_zone=ground.settings.timezone,
        settings=settings.uploads,
        ports=ports or intake_ports(ground),
    )

    whereabouts = build_whereabouts(
        database=ground.database,
        clock=ground.clock,
        ledger=ground.ledger,
        bus=ground.bus,
        subject_keys=ground.subject_keys,
        blobs=ground.blobs,
        register=fleet.register,
        uploads=uploads,
        book=location_terms(ground.settings.institution),
        notes=ground.access_log,
        ports=location_ports(ground),
        time_zone=ground.settings.timezone,
        settings=settings.whereabouts,
    )

    async def forget(session: AsyncSession, event: CustomerErased) -> None:
        await uploads.forget_customer(session, event.customer_id)
        await whereabouts.forget_customer(session, event.customer_id)

    ground.bus.subscribe(CustomerErased, forget)
    return Phones(
        policies=policies,
        fleet=fleet,
        waking=waking,
        commands=commands,
        uploads=uploads,
        whereabouts=whereabouts,
    )
