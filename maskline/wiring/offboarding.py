"""Wires unbinding: the calls process, phones and the quality wing plugged into its ports."""

from sqlalchemy.ext.asyncio import AsyncSession

from core.ledger.evidence import EvidenceExporter
from devicepolicy.commands.events import CommandFinished
from gateway.customers.approvals.upkeep import RequestDuties
from gateway.messages.build import Messages
from gateway.offboarding.build import OffboardingGround, Offboardings, build_offboarding
from gateway.offboarding.ports import AllDuties, CallEnder
from maskline.ground import Ground
from maskline.permissions import registry
from maskline.wiring.freezer import FleetFreezer
from maskline.wiring.gateway import Gateway, build_people, sip_accounts
from maskline.wiring.phones import Phones
from qa.handover import QualityHandover


def build_offboardings(
    ground: Ground,
    gateway: Gateway,
    messages: Messages,
    calls: CallEnder,
    phones: Phones,
) -> Offboardings:
    """Build unbinding and rebinding, and let it hear how orders to phones end."""
    parts = build_offboarding(
        OffboardingGround(
            database=ground.database,
            clock=ground.clock,
            ledger=ground.ledger,
            bus=ground.bus,
            settings=ground.settings.offboarding,
            employees=build_people(ground, registry()).employees,
            accounts=sip_accounts(ground),
            messages=messages.review,
            policy=gateway.bindings.policy,
            exporter=EvidenceExporter(
                database=ground.database, ledger=ground.ledger_service, clock=ground.clock
            ),
            calls=calls,
            phones=FleetFreezer(phones.commands.service, phones.fleet.enrolment),
            duties=AllDuties(QualityHandover(), RequestDuties()),
        )
    )

    async def ended(session: AsyncSession, event: CommandFinished) -> None:
        await parts.service.runner.hasten(session, event.command_id)

    ground.bus.subscribe(CommandFinished, ended)
    return parts
