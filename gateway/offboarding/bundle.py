"""The audit bundle of an unbinding: its entries with their proofs, and the plan that they name."""

import io

from sqlalchemy import or_, select

from core.access.model import Principal
from core.db import Database
from core.ledger import JSON, Ledger
from core.ledger.evidence import Attachment, EvidenceExporter
from core.ledger.models import EntryRow
from gateway.offboarding.models import StepRow
from gateway.offboarding.reading import fetch
from gateway.permissions import OFFBOARDING_READ

PLAN_NAME = "plan.json"


class OffboardingBundles:
    """Makes a bundle when it is asked for: it is small, and always of the latest state."""

    def __init__(self, *, database: Database, ledger: Ledger, exporter: EvidenceExporter) -> None:
        self._db = database
        self._ledger = ledger
        self._exporter = exporter

    async def make(self, principal: Principal, offboarding_id: str) -> bytes:
        """Write a zip that the offline verifier checks; who took it is in the ledger.

        Raises:
            OffboardingUnknown
        """
        async with self._db.read() as session:
            row = await fetch(session, principal, OFFBOARDING_READ, offboarding_id)
            of_steps = select(StepRow.ledger_seq).where(
                StepRow.offboarding_id == row.id, StepRow.ledger_seq.is_not(None)
            )
            of_act = EntryRow.seq.between(row.first_seq, row.last_seq)
            query = select(EntryRow.seq).where(
                or_(of_act, EntryRow.seq == row.undo_seq, EntryRow.seq.in_(of_steps))
            )
            seqs = list(await session.scalars(query.order_by(EntryRow.seq)))
            plan = Attachment(PLAN_NAME, row.plan)
        target = io.BytesIO()
        await self._exporter.write(target, seqs, [plan])
        async with self._db.begin() as session:
            body: dict[str, JSON] = {"offboarding": row.id, "entries": len(seqs), "by": principal.employee_id}
            await self._ledger.append(session, "offboarding.bundle-taken", body)
        return target.getvalue()
