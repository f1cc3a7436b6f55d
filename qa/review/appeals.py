"""Objecting (申诉): the inspected employee says once, within days, why a finding is wrong."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from core.access.model import Principal
from core.clock import Clock
from core.db import Database
from core.events import EventBus
from core.ids import new_id
from core.ledger import Ledger
from qa.inspection.models import InspectionRow
from qa.inspection.sealing import Sealer
from qa.permissions import FINDING_APPEAL
from qa.review.book import FindingCase, ReviewBook
from qa.review.errors import AppealLate, AppealPointless, AppealTwice
from qa.review.events import AppealRaised
from qa.review.model import AppealState, Ruling
from qa.review.models import AppealRow, DecisionRow
from qa.review.policy import ReviewPolicy
from qa.review.sealing import reason_field, seal_text


class AppealService:
    """What the inspected employee can do. Reviewers settle an appeal by deciding on the finding."""

    def __init__(
        self,
        *,
        database: Database,
        clock: Clock,
        bus: EventBus,
        ledger: Ledger,
        sealer: Sealer,
        book: ReviewBook,
    ) -> None:
        self._database = database
        self._clock = clock
        self._bus = bus
        self._ledger = ledger
        self._sealer = sealer
        self._book = book

    async def appeal(self, principal: Principal, finding_id: str, reason: str) -> None:
        """Object to a finding in one's own inspection.

        Raises:
            AppealTwice, AppealLate, AppealPointless: it was overturned. FindingUnknown, NotInspected.
        """
        principal.require(FINDING_APPEAL)
        now = self._clock.now()
        own = InspectionRow.employee_id == principal.employee_id
        async with self._database.begin() as session:
            one = await self._book.lock_finding(session, finding_id, own)
            if one.appeal is not None:
                raise AppealTwice
            if one.ruling.ruling == Ruling.OVERTURN:
                raise AppealPointless
            until = appeal_until(self._book.policy, one.case.inspection, one.history, one.ruling.decision_id)
            if now > until:
                raise AppealLate
            await self._write(session, principal, one, reason.strip(), now)

    async def _write(
        self, session: AsyncSession, principal: Principal, one: FindingCase, reason: str, now: datetime
    ) -> None:
        inspection = one.case.inspection
        appeal = AppealRow(
            id=new_id(),
            finding_id=one.finding.id,
            inspection_id=inspection.id,
            employee_id=principal.employee_id,
            state=AppealState.OPEN,
            after=one.ruling.revision,
            raised_at=now,
        )
        appeal.reason, reason_hash = await seal_text(
            self._sealer, session, inspection.subject_id, reason_field(appeal.id), reason
        )
        session.add(appeal)
        one.case.review.open_appeals += 1
        await session.flush()
        await self._ledger.append(
            session,
            "appeal.raised",
            {
                "appeal_id": appeal.id,
                "finding_id": one.finding.id,
                "inspection_id": inspection.id,
                "contact_id": inspection.contact_id,
                "rule_id": one.finding.rule_id,
                "revision": appeal.after,
                "by": principal.employee_id,
                "reason_hash": reason_hash,
            },
        )
        await self._bus.publish(
            session, AppealRaised(appeal.id, one.finding.id, inspection.id, principal.employee_id)
        )


def appeal_until(
    policy: ReviewPolicy,
    inspection: InspectionRow,
    history: "tuple[DecisionRow, ...]",
    decision_id: str | None,
) -> datetime:
    """Give the last moment to object: days after the inspection or the decision in force, the later one."""
    begun = inspection.finished_at or inspection.created_at
    decided = next((entry.decided_at for entry in history if entry.id == decision_id), begun)
    return max(begun, decided) + policy.appeal_span
