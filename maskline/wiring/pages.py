"""Hands the pages every service that they stand on."""

from collections.abc import Sequence

from core.access.build import Access
from core.status import StatusProvider
from dashboard.parts import DashboardParts
from gateway.calls.desk import CallDesk, CallsProcess
from gateway.customers.sealing import CustomerSealing
from gateway.messages.build import Messages
from gateway.messages.listing import MessageListing
from maskline.evidence import evidence_exports
from maskline.ground import Ground
from maskline.wiring.file_operations import file_operations
from maskline.wiring.gateway import Gateway, sip_accounts
from maskline.wiring.offboarding import build_offboardings
from maskline.wiring.phones import Phones
from maskline.wiring.quality import Quality
from maskline.wiring.unusual import unusual_reader


def dashboard_parts(
    ground: Ground,
    gateway: Gateway,
    quality: Quality,
    messages: Messages,
    *,
    people: Access,
    client: CallsProcess,
    phones: Phones,
    providers: Sequence[StatusProvider],
) -> DashboardParts:
    """Gather them."""
    return DashboardParts(
        settings=ground.settings,
        clock=ground.clock,
        database=ground.database,
        access=people,
        ledger=ground.ledger_service,
        timestamps=ground.timestamps,
        audit=ground.audit,
        unusual=unusual_reader(ground),
        exports=evidence_exports(ground),
        file_operations=file_operations(ground),
        providers=providers,
        customers=gateway.customers,
        approvals=gateway.approvals,
        consent=gateway.consent,
        notes=gateway.notes,
        worklist=gateway.worklist,
        importer=gateway.importer,
        lines=gateway.lines,
        bindings=gateway.bindings,
        contacts=gateway.contact_queries,
        dry_runs=gateway.dry_runs,
        rules=gateway.rules,
        desk=call_desk(ground, gateway, client),
        accounts=sip_accounts(ground),
        calls=gateway.calls,
        recordings=gateway.recordings,
        messages=messages,
        message_listing=MessageListing(
            ground.database, subject_keys=ground.subject_keys, sealing=CustomerSealing(ground.vault)
        ),
        inspections=quality.reader,
        alerts=quality.alerts,
        alert_rules=quality.alert_rules,
        reviews=quality.reviews,
        offboardings=build_offboardings(ground, gateway, messages, client, phones),
        fleet=phones.fleet,
        commands=phones.commands,
        uploads=phones.uploads,
        whereabouts=phones.whereabouts,
        policies=phones.policies,
    )


def call_desk(ground: Ground, gateway: Gateway, client: CallsProcess) -> CallDesk:
    """Give the way to place and end calls."""
    return CallDesk(ground.database, queries=gateway.calls, process=client, ledger=ground.ledger)
