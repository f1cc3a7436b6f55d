"""Wires the phones: policies, enrolment, devices, commands."""

from dataclasses import dataclass

from devicepolicy.policies.build import Policies, build_policies
from maskline.ground import Ground


@dataclass(frozen=True, slots=True)
class Phones:
    """The wing's services."""

    policies: Policies


def build_phones(ground: Ground) -> Phones:
    """Build the services of the phones."""
    policies = build_policies(
        database=ground.database, clock=ground.clock, ledger=ground.ledger, bus=ground.bus
    )
    return Phones(policies=policies)
