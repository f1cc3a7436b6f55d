"""Wires unbinding: the calls process, phones and the quality wing plugged into its ports."""

from core.ledger.evidence import EvidenceExporter
from gateway.messages.build import Messages
from gateway.offboarding.build import OffboardingGround, Offboardings, build_offboarding
from gateway.offboarding.phones import NoPhones
from gateway.offboarding.ports import CallEnder, PhoneFreezer
from maskline.ground import Ground
from maskline.permissions import registry
from maskline.wiring.gateway import Gateway, build_people, sip_accounts
from qa.handover import QualityHandover


def build_offboardings(
    ground: Ground,
    gateway: Gateway,
    messages: Messages,
    calls: CallEnder,
    phones: PhoneFreezer | None = None,
) -> Offboardings:
    """Build unbinding and rebinding; without `phones` none is managed."""
    return build_offboarding(
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
            phones=phones or NoPhones(),
            duties=QualityHandover(),
        )
    )
