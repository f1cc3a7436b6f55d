"""Wires the phones: policies, enrolment, devices, commands."""

from dataclasses import dataclass

from core.clock import Clock
from core.web.endpoint import Endpoint
from devicepolicy.commands import agent_api as commands_agent_api
from devicepolicy.commands import api as commands_api
from devicepolicy.commands.build import Commands, build_commands
from devicepolicy.commands.ending import EndedByCommand
from devicepolicy.commands.events import CommandFinished
from devicepolicy.commands.queries import commands_waiting
from devicepolicy.enrolment.policy_binding import PolicyBinding
from devicepolicy.fleet import Fleet, build_fleet
from devicepolicy.identity.gate import DeviceGate
from devicepolicy.policies.build import Policies, build_policies
from devicepolicy.wake.build import Waking, build_waking
from devicepolicy.wake.service import policy_waiting
from maskline.ground import Ground


@dataclass(frozen=True, slots=True)
class Phones:
    """The wing's services."""

    policies: Policies
    fleet: Fleet
    waking: Waking
    commands: Commands

    @property
    def gate(self) -> DeviceGate:
        return self.fleet.gate

    def command_endpoints(self, clock: Clock) -> list[Endpoint]:
        """Give the API of commands and waking, for administrators and for phones."""
        return [
            *commands_api.endpoints(self.commands),
            *commands_agent_api.endpoints(self.commands.queue, clock, self.gate),
            *self.waking.endpoints(self.gate),
        ]


def build_phones(ground: Ground) -> Phones:
    """Build the services of the phones."""
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
    return Phones(
        policies=policies,
        fleet=fleet,
        waking=waking,
        commands=commands,
    )
