"""Puts the services of policies together."""

from dataclasses import dataclass

from core.clock import Clock
from core.db import Database
from core.events import EventBus
from core.ledger import Ledger
from core.web.endpoint import Endpoint
from devicepolicy.capabilities.table import CapabilityTable, table
from devicepolicy.policies import api, assignment_api
from devicepolicy.policies.assignments import AssignmentService
from devicepolicy.policies.document import Documents
from devicepolicy.policies.effective import EffectivePolicyService
from devicepolicy.policies.previews import PreviewService
from devicepolicy.policies.rollouts import RolloutService
from devicepolicy.policies.schema import schemas
from devicepolicy.policies.service import PolicyGround, PolicyService


@dataclass(frozen=True, slots=True)
class Policies:
    """Everything of policies. `effective` and `rollouts` answer to the ports of this folder."""

    table: CapabilityTable
    service: PolicyService
    assignments: AssignmentService
    rollouts: RolloutService
    effective: EffectivePolicyService
    previews: PreviewService

    def endpoints(self) -> list[Endpoint]:
        return [
            *api.endpoints(self.service, self.table),
            *assignment_api.endpoints(self.assignments, self.rollouts, self.previews),
        ]


def build_policies(*, database: Database, clock: Clock, ledger: Ledger, bus: EventBus) -> Policies:
    """Build the services; reads table and schemas, which takes about a tenth of a second."""
    known = table()
    ground = PolicyGround(database, clock, ledger, Documents(schemas(), known), known)
    assignments = AssignmentService(ground, bus)
    effective = EffectivePolicyService(known)
    return Policies(
        table=known,
        service=PolicyService(ground),
        assignments=assignments,
        rollouts=RolloutService(ground, assignments),
        effective=effective,
        previews=PreviewService(ground, effective),
    )
