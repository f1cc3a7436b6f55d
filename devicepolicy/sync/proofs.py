"""Keeps what phones signed where they say something new of policy, with an entry in the ledger: the proof."""

from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import Clock
from core.ids import new_id
from core.ledger import JSON, Ledger
from core.sealed import Field
from core.vault import Vault
from devicepolicy.devices.models import DeviceRow, ReportRow
from devicepolicy.sync.told import Told


class Proofs:
    """Written in the transaction that judges the reports, after the rows of their phones."""

    def __init__(self, clock: Clock, *, vault: Vault, ledger: Ledger) -> None:
        self._clock = clock
        self._vault = vault
        self._ledger = ledger

    async def keep(self, session: AsyncSession, judged: Sequence[tuple[DeviceRow, Told]]) -> None:
        """Keep the reports whose words are not those that their phone said last. One of each phone."""
        last = (
            select(func.max(ReportRow.id))
            .where(ReportRow.device_id.in_([row.id for row, _ in judged]))
            .group_by(ReportRow.device_id)
        )
        query = select(ReportRow.device_id, ReportRow.content_hash).where(ReportRow.id.in_(last))
        before = {row.device_id: row.content_hash for row in await session.execute(query)}
        new = [self._row(row, told) for row, told in judged if before.get(row.id) != told.content_hash]
        session.add_all(new)
        await session.flush()
        for kept in new:
            facts: dict[str, JSON] = {
                "device": kept.device_id,
                "report": kept.id,
                "seq": kept.seq,
                "applied": kept.applied_version,
                "content_sha256": kept.content_hash,
                "compliance": kept.compliance.value,
            }
            await self._ledger.append(session, "device.report", facts)

    def _row(self, row: DeviceRow, told: Told) -> ReportRow:
        report_id = new_id()
        return ReportRow(
            id=report_id,
            device_id=row.id,
            seq=told.report.seq,
            received_at=self._clock.now(),
            content_hash=told.content_hash,
            content=told.content,
            applied_version=told.report.reported.version,
            compliance=row.compliance,
            signature_base=told.proof.base,
            signature=told.proof.signature,
            body=self._vault.cipher().seal(Field("dp_reports", "body", report_id), told.body),
        )
