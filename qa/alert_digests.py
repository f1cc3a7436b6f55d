"""The day's digest: gathers the alerts of rules that are told once a day, and tells them together.

A digest is of the last set hour that is over, so that after days of standing still one tells all. A day has
at most one; its row and what it tells are written in one transaction.
"""

from collections import Counter
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import Clock
from core.db import Database
from core.events import EventBus
from core.ids import new_id
from core.ledger import JSON, Ledger
from core.logging import get_logger
from qa.inspection.events import AlertsDigested
from qa.inspection.model import AlertState
from qa.inspection.models import AlertDigestRow, AlertRow

LEDGER_KIND = "alert.digest"
_log = get_logger(__name__)


def last_due(now: datetime, hour: int, zone: ZoneInfo) -> tuple[date, datetime]:
    """Give the last local day whose hour of telling is over, and that moment."""
    day = now.astimezone(zone).date()
    moment = datetime.combine(day, time(hour), zone)
    if moment > now:
        day -= timedelta(days=1)
        moment = datetime.combine(day, time(hour), zone)
    return day, moment


class AlertDigests:
    """The use case. A chore calls it; without anything to tell it writes nothing."""

    def __init__(
        self, *, database: Database, clock: Clock, ledger: Ledger, bus: EventBus, hour: int, zone: ZoneInfo
    ) -> None:
        self._database = database
        self._clock = clock
        self._ledger = ledger
        self._bus = bus
        self._hour = hour
        self._zone = zone

    async def tell_due(self) -> str | None:
        """Tell what was gathered until the last set hour; give the digest's id, None if there is none."""
        now = self._clock.now()
        day, until = last_due(now, self._hour, self._zone)
        waiting = _waiting(now, until)
        async with self._database.read() as session:
            known = await session.scalar(select(AlertDigestRow.id).where(AlertDigestRow.day == day))
            if known is not None or await session.scalar(select(AlertRow.id).where(waiting).limit(1)) is None:
                return None
        async with self._database.begin() as session:
            return await self._make(session, day, until, now)

    async def _make(self, session: AsyncSession, day: date, until: datetime, now: datetime) -> str | None:
        digest_id = new_id()
        values = {"id": digest_id, "day": day, "until": until, "made_at": now, "alerts": 0, "rules": {}}
        insert = (postgresql if session.get_bind().dialect.name == "postgresql" else sqlite).insert
        once = insert(AlertDigestRow).values(**values).on_conflict_do_nothing().returning(AlertDigestRow.id)
        if await session.scalar(once) is None:  # another process was faster
            return None
        query = select(AlertRow).where(_waiting(now, until)).order_by(AlertRow.id).with_for_update()
        alerts = (await session.scalars(query.execution_options(populate_existing=True))).all()
        for alert in alerts:
            alert.gathered, alert.digest_id = False, digest_id
        hit = Counter(rule_id for alert in alerts for rule_id in alert.rules)
        row = await session.get_one(AlertDigestRow, digest_id)
        row.alerts, row.rules = len(alerts), dict(sorted(hit.items()))
        await session.flush()
        await self._bus.publish(session, AlertsDigested(digest_id, day, len(alerts), tuple(sorted(hit))))
        body: dict[str, JSON] = {"digest_id": digest_id, "day": day.isoformat(), "alerts": len(alerts)}
        await self._ledger.append(session, LEDGER_KIND, body)
        _log.info("alerts.digested", count=len(alerts))
        return digest_id


def _waiting(now: datetime, until: datetime) -> ColumnElement[bool]:
    """Select what waits; what a clock that was ahead has written is not left until that day comes."""
    return and_(
        AlertRow.gathered,
        AlertRow.state != AlertState.CLOSED,
        or_(AlertRow.created_at < until, AlertRow.created_at > now),
    )
