"""Reads findings, and names the very lines of the access log that one is about."""

from collections.abc import Collection
from datetime import timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from core.access.model import Principal
from core.audit.model import ExactLines
from core.audit.permissions import AUDIT_READ
from core.audit.unusual.findings import view
from core.audit.unusual.hours import nights_between
from core.audit.unusual.model import Finding
from core.audit.unusual.models import UnusualRow
from core.audit.unusual.rulebook import Judge, Rulebook
from core.audit.unusual.telling import Told, tell
from core.db import Database
from core.errors import NotFound


class UnusualUnknown(NotFound):
    """There is no such finding."""

    code = "unusual-access-unknown"
    zh = "没有这条异常访问。"


class UnusualReader:
    """Queries. It changes nothing."""

    def __init__(self, database: Database, *, rulebook: Rulebook, zone: ZoneInfo) -> None:
        self._database = database
        self._rules = rulebook
        self._zone = zone

    async def get(self, principal: Principal, finding_id: str) -> Finding:
        """Give one finding; raise `UnusualUnknown`."""
        principal.require(AUDIT_READ)
        async with self._database.read() as session:
            row = await session.get(UnusualRow, finding_id)
        if row is None:
            raise UnusualUnknown
        return view(row)

    def told(self, finding: Finding) -> Told:
        """Put it into words."""
        return tell(finding, self._rules.rule(finding.rule_id))

    def lines(self, finding: Finding) -> ExactLines:
        """Name its lines: of a night those of its nights only."""
        rule = self._rules.rule(finding.rule_id)
        until = finding.until + timedelta(microseconds=1)
        if rule is None:
            return ExactLines(finding.employee_id, (), ((finding.since, until),))
        spans = [(finding.since, until)]
        if rule.judge is Judge.HOURS and rule.begins is not None and rule.ends is not None:
            nights = nights_between(finding.since, finding.until, self._zone, rule.begins, rule.ends)
            spans = [(max(begin, finding.since), min(end, until)) for begin, end in nights]
        return ExactLines(finding.employee_id, rule.all_told, tuple(spans), finding.other_id)


async def findings_of(session: AsyncSession, finding_ids: Collection[str]) -> dict[str, Finding]:
    """Give findings by id; the caller knows that its reader may see them."""
    rows = await session.scalars(select(UnusualRow).where(UnusualRow.id.in_(finding_ids)))
    return {row.id: view(row) for row in rows}
