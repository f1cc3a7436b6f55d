"""Uses up the nonces of many requests in one statement, and says how their phones stand at that moment.

A nonce is in the database before its request is acted on: a replay is refused by any process, and after a
restart. Requests that come at the same time share the write (docs/decisions/0020).
"""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import TextClause, bindparam, delete, func, select, text, update

from core.clock import Clock
from core.db import Database, UtcDateTime
from devicepolicy.devices.model import SEEN_EVERY, Phone
from devicepolicy.devices.models import DeviceRow
from devicepolicy.identity.errors import DeviceUnknown, RequestReplayed
from devicepolicy.identity.models import NonceRow
from devicepolicy.identity.requests import Claim

FORGET_AT_ONCE = 5000

_KEEP = "INSERT INTO dp_nonces (key_id, nonce, created_at) {} ON CONFLICT DO NOTHING RETURNING key_id, nonce"
# Always in one order: two processes with the same captured requests would else wait for each other.
_GIVEN = {
    "sqlite": """
        SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]'), :now
        FROM json_each(:claims) WHERE true ORDER BY 1, 2
    """,
    "postgresql": """
        SELECT value ->> 0, value ->> 1, CAST(:now AS timestamptz)
        FROM json_array_elements(CAST(:claims AS json)) ORDER BY 1, 2
    """,
}
_STANDING = select(
    DeviceRow.id,
    DeviceRow.trust,
    DeviceRow.employee_id,
    DeviceRow.department_id,
    DeviceRow.terms_version,
    DeviceRow.last_seen_at,
).where(DeviceRow.id.in_(bindparam("ids", expanding=True)))
# Who is locked just now is being dealt with: their report says itself that they were seen.
_FREE = (
    select(DeviceRow.id)
    .where(DeviceRow.id.in_(bindparam("ids", expanding=True)))
    .order_by(DeviceRow.id)
    .with_for_update(skip_locked=True)
)
_SEEN = (
    update(DeviceRow)
    .where(DeviceRow.id.in_(_FREE))
    .values(last_seen_at=bindparam("now", type_=UtcDateTime()))
)
_OLD = (
    select(NonceRow.created_at)
    .where(NonceRow.created_at < bindparam("before", type_=UtcDateTime()))
    .order_by(NonceRow.created_at)
    .limit(FORGET_AT_ONCE)
    .subquery()
)
_UNTIL = select(func.max(_OLD.c.created_at))


class Nonces:
    """`use_up` is made to be called for many requests at once."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._db = database
        self._clock = clock
        self._keep = _keeping(database)

    async def use_up(self, claims: Sequence[Claim]) -> list[Phone | Exception]:
        """Write nonces down; give the phone of each request as it stands now, or why it is refused."""
        now = self._clock.now()
        asked = {(claim.key_id, claim.nonce) for claim in claims}
        given = {"claims": json.dumps(sorted(asked)), "now": now}
        fresh = {(row.key_id, row.nonce) for row in await self._db.run(self._keep, given)}
        phones = await self._phones({key_id for key_id, _ in fresh}, now)
        answers: list[Phone | Exception] = []
        for claim in claims:
            if (claim.key_id, claim.nonce) in fresh:
                fresh.remove((claim.key_id, claim.nonce))  # the same request twice in one batch counts once
                answers.append(phones.get(claim.key_id) or DeviceUnknown())
            else:
                answers.append(RequestReplayed())
        return answers

    async def _phones(self, ids: set[str], now: datetime) -> dict[str, Phone]:
        """Read phones, and note that they were heard of."""
        if not ids:
            return {}
        rows = await self._db.run(_STANDING, {"ids": sorted(ids)})
        late = sorted(row.id for row in rows if _is_late(row.last_seen_at, now))
        if late:
            await self._db.run(_SEEN, {"ids": late, "now": now})
        return {
            row.id: Phone(row.id, row.trust, row.employee_id, row.department_id, row.terms_version)
            for row in rows
        }

    async def forget(self, before: datetime) -> None:
        """Drop nonces of before, some thousands at a time: requests must not wait for it."""
        while (until := (await self._db.run(_UNTIL, {"before": before}))[0][0]) is not None:
            await self._db.run(delete(NonceRow).where(NonceRow.created_at <= until))


def _is_late(seen: datetime | None, now: datetime) -> bool:
    return seen is None or not timedelta(0) <= now - seen < SEEN_EVERY


def _keeping(database: Database) -> TextClause:
    given = _GIVEN["sqlite" if database.is_sqlite else "postgresql"]
    return text(_KEEP.format(given)).bindparams(bindparam("now", type_=UtcDateTime()))
