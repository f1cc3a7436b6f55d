"""Lays the policy that a token names on the phone that came with it: the version that is newest then."""

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from devicepolicy.devices.events import DeviceTrusted
from devicepolicy.enrolment.errors import TokenInvalid
from devicepolicy.policies.assignments import AssignmentService, Target
from devicepolicy.policies.model import Layer, TargetKind
from devicepolicy.policies.models import VersionRow


class PolicyBinding:
    """`devicepolicy.enrolment.ports.PolicyBinder` over the assignments."""

    def __init__(self, assignments: AssignmentService) -> None:
        self._assignments = assignments

    async def check(self, session: AsyncSession, policy_id: str) -> None:
        """Raise `TokenInvalid` unless the policy has a published version."""
        if await _newest(session, policy_id) is None:
            raise TokenInvalid(
                "The policy is unknown or has no published version.",
                detail_zh="策略不存在，或还没有已发布的版本。",
            )

    async def on_trusted(self, session: AsyncSession, event: DeviceTrusted) -> None:
        """Lay it on the phone as its own layer; each phone's row is new, so nothing is in the way."""
        if event.policy_id is None:
            return
        version = await _newest(session, event.policy_id)
        if version is None:
            return
        by = event.by or ""
        target = Target(TargetKind.DEVICE, event.device_id)
        row = await self._assignments.open(session, by, Layer.DEVICE, target, event.policy_id)
        row.version_id = version.id
        await session.flush()
        await self._assignments.tell(session, "policy.assigned", row, by, number=version.number)


async def _newest(session: AsyncSession, policy_id: str) -> VersionRow | None:
    newest = select(func.max(VersionRow.number)).where(VersionRow.policy_id == policy_id).scalar_subquery()
    query = select(VersionRow).where(VersionRow.policy_id == policy_id, VersionRow.number == newest)
    return await session.scalar(query)
