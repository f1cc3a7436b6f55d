"""The institution's own lines: registered, suspended, retired."""

import re
import unicodedata

from sqlalchemy import exists, func, select
from sqlalchemy.exc import IntegrityError

from core.access.model import Principal
from core.clock import Clock
from core.db import Database
from core.ids import new_id
from core.ledger import Ledger
from gateway import permissions
from gateway.contact.model import Purpose
from gateway.customers.phone import PhoneInvalid, PhoneNumber
from gateway.numbers.errors import LineExists, LineInUse, LineInvalid, LineUnknown
from gateway.numbers.model import LineChange, LineDraft, LineStatus, LineUsage, LineView
from gateway.numbers.models import BindingRow, LineRow

_SHORT = re.compile(r"\d{3,15}")
_SEPARATORS = re.compile(r"[\s\-().]")


def normalise_line(number: str, region: str) -> str | None:
    """Give a line's number as it is stored: E.164, or bare digits (95…, 400…); None if it is neither."""
    text = _SEPARATORS.sub("", unicodedata.normalize("NFKC", number))
    try:
        return PhoneNumber.parse(text, region).e164
    except PhoneInvalid:
        return text if _SHORT.fullmatch(text) else None


class LineService:
    """Keeps the list of lines."""

    def __init__(self, *, database: Database, ledger: Ledger, clock: Clock, region: str) -> None:
        self._db = database
        self._ledger = ledger
        self._clock = clock
        self._region = region

    async def add(self, principal: Principal, draft: LineDraft) -> LineView:
        """Register a line; raise `LineInvalid` or `LineExists`."""
        principal.require(permissions.LINE_WRITE)
        number = normalise_line(draft.number, self._region)
        if number is None or not draft.city.strip() or not draft.owner_name.strip():
            raise LineInvalid
        now = self._clock.now()
        row = LineRow(
            id=new_id(),
            number=number,
            city=draft.city.strip(),
            status=LineStatus.ACTIVE,
            owner_name=draft.owner_name.strip(),
            registration=draft.registration.strip(),
            created_at=now,
            updated_at=now,
        )
        async with self._db.begin() as session:
            try:
                async with session.begin_nested():
                    session.add(row)
            except IntegrityError:
                raise LineExists from None
            body = {"line": row.id, "by": principal.employee_id}
            await self._ledger.append(session, "line.added", body)
        return line_view(row)

    async def set_status(self, principal: Principal, line_id: str, status: LineStatus) -> LineView:
        """Suspend, resume or retire a line. A retired one never comes back and must have no binding."""
        principal.require(permissions.LINE_WRITE)
        async with self._db.begin() as session:
            row = await session.get(LineRow, line_id, with_for_update=True)
            if row is None:
                raise LineUnknown
            if row.status is LineStatus.RETIRED and status is not LineStatus.RETIRED:
                raise LineInvalid("A retired line does not come back.", detail_zh="已注销的号线不能恢复。")
            live = exists().where(BindingRow.line_id == line_id, BindingRow.released_at.is_(None))
            if status is LineStatus.RETIRED and await session.scalar(select(live)):
                raise LineInUse
            row.status, row.updated_at = status, self._clock.now()
            await session.flush()
            body = {"line": row.id, "status": status.value, "by": principal.employee_id}
            await self._ledger.append(session, "line.status", body)
            return line_view(row)

    async def change(self, principal: Principal, line_id: str, change: LineChange) -> LineView:
        """Correct what is written down of a line; raise `LineUnknown` or `LineInvalid`."""
        principal.require(permissions.LINE_WRITE)
        if not change.city.strip() or not change.owner_name.strip():
            raise LineInvalid
        async with self._db.begin() as session:
            row = await session.get(LineRow, line_id, with_for_update=True)
            if row is None:
                raise LineUnknown
            row.city, row.owner_name = change.city.strip(), change.owner_name.strip()
            row.registration, row.updated_at = change.registration.strip(), self._clock.now()
            await session.flush()
            body = {"line": row.id, "by": principal.employee_id}
            await self._ledger.append(session, "line.changed", body)
            return line_view(row)

    async def usage(self, principal: Principal) -> dict[str, LineUsage]:
        """Say what hangs on each line now; a line without a live binding is left out."""
        principal.require(permissions.LINE_READ)
        live = (BindingRow.released_at.is_(None), BindingRow.expires_at > self._clock.now())
        by_purpose = (
            select(BindingRow.line_id, BindingRow.purpose, func.count())
            .where(*live)
            .group_by(BindingRow.line_id, BindingRow.purpose)
        )
        by_line = (
            select(BindingRow.line_id, func.count(BindingRow.employee_id.distinct()))
            .where(*live)
            .group_by(BindingRow.line_id)
        )
        purposes: dict[str, dict[Purpose, int]] = {}
        async with self._db.read() as session:
            for line_id, purpose, count in await session.execute(by_purpose):
                purposes.setdefault(line_id, {})[purpose] = count
            employees = {row[0]: row[1] for row in await session.execute(by_line)}
        return {line_id: LineUsage(found, employees[line_id]) for line_id, found in purposes.items()}

    async def list(self, principal: Principal) -> "list[LineView]":
        """List all lines by city and number."""
        principal.require(permissions.LINE_READ)
        async with self._db.read() as session:
            rows = await session.scalars(select(LineRow).order_by(LineRow.city, LineRow.number))
            return [line_view(row) for row in rows]


def line_view(row: LineRow) -> LineView:
    return LineView(
        row.id, row.number, row.city, row.status, row.owner_name, row.registration, row.created_at
    )
