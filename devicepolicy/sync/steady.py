"""Reports that say nothing new of policy: most of them. Many are written down in one statement.

A report is steady when the phone's row was judged from the very same words, against what is wanted now and by
the same table, and nothing about the phone itself changed but what it measures. Judging it again would give
the same. Whatever is not sure goes the long way: see `Reports.take`.
"""

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, TextClause, and_, bindparam, exists, select, text

from core.clock import Clock
from core.db import Database, UtcDateTime
from devicepolicy.devices.model import Trust
from devicepolicy.devices.models import DeviceRow
from devicepolicy.policies.models import RolloutRow
from devicepolicy.sync.models import DesiredRow
from devicepolicy.sync.told import Stands, Told, measured

_BEFORE = (
    select(
        DeviceRow.id,
        DeviceRow.report_seq,
        DeviceRow.desired_version,
        DeviceRow.compliance,
        DeviceRow.settings,
        DeviceRow.applied_state,
        DeviceRow.api_level,
        DeviceRow.mode,
        DeviceRow.backends,
        DeviceRow.os_version,
        DeviceRow.security_patch,
        DeviceRow.agent_version,
        DesiredRow.sha256,
    )
    .join(
        DesiredRow,
        and_(DesiredRow.device_id == DeviceRow.id, DesiredRow.version == DeviceRow.desired_version),
    )
    .where(
        DeviceRow.id.in_(bindparam("ids", expanding=True)),
        DeviceRow.trust == Trust.TRUSTED,
        DeviceRow.offline.is_(False),
        DeviceRow.desired_stale.is_(False),
        # A roll-out counts its phones by their reports, so it has to hear each.
        ~exists().where(RolloutRow.ended_at.is_(None)),
    )
)
_SET = """
    report_seq = told.seq, report_hash = told.hash, last_report_at = :now, last_seen_at = :now
"""
_STILL = """
    d.report_seq = told.before AND d.desired_version = told.version AND d.trust = 'TRUSTED'
    AND NOT d.desired_stale AND NOT d.offline
"""
_WRITE = {
    "sqlite": f"""
        WITH told AS (
            SELECT json_extract(value, '$[0]') AS id, json_extract(value, '$[1]') AS before,
                   json_extract(value, '$[2]') AS seq, json_extract(value, '$[3]') AS hash,
                   json_extract(value, '$[4]') AS version, json_extract(value, '$[5]') AS status
            FROM json_each(:told)
        )
        UPDATE dp_devices AS d SET status = told.status, {_SET}
        FROM told WHERE d.id = told.id AND {_STILL} RETURNING id
    """,  # noqa: S608 - of constants
    # Who is locked is being changed: that report goes the long way, and waits there for itself alone.
    "postgresql": f"""
        WITH told AS (
            SELECT value ->> 0 AS id, CAST(value ->> 1 AS bigint) AS before,
                   CAST(value ->> 2 AS bigint) AS seq, value ->> 3 AS hash,
                   CAST(value ->> 4 AS bigint) AS version, CAST(value ->> 5 AS json) AS status
            FROM json_array_elements(CAST(:told AS json))
        ), free AS (
            SELECT d.id FROM dp_devices AS d JOIN told ON told.id = d.id WHERE {_STILL}
            ORDER BY d.id FOR UPDATE OF d SKIP LOCKED
        )
        UPDATE dp_devices AS d SET status = told.status, {_SET}
        FROM told JOIN free ON free.id = told.id WHERE d.id = told.id RETURNING d.id
    """,  # noqa: S608 - of constants
}


class SteadyReports:
    """Made to be called for many reports at once."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._db = database
        self._clock = clock
        self._write = _writing(database)

    async def __call__(self, told: Sequence[Told]) -> list[Stands | None]:
        """Write steady reports down; None where one must go the long way; nothing of it is written."""
        first = {one.device_id: one for one in reversed(told)}  # of two of one phone, the other has to wait
        found = await self._db.run(_BEFORE, {"ids": sorted(first)})
        rows = {row.id: row for row in found if _is_steady(row, first[row.id])}
        written: set[str] = set()
        if rows:
            lines = [_line(rows[device_id], first[device_id]) for device_id in sorted(rows)]
            given = {"told": json.dumps(lines), "now": self._clock.now()}
            written = {row.id for row in await self._db.run(self._write, given)}
        return [
            _stands(rows[one.device_id]) if one.device_id in written and first[one.device_id] is one else None
            for one in told
        ]


def _is_steady(row: Row[Any], told: Told) -> bool:
    report = told.report
    return (
        report.seq > row.report_seq
        and row.settings.get("judged") == told.mark
        and row.settings.get("version") == row.desired_version
        and row.applied_state is report.state
        and row.api_level == report.facts.api_level
        and row.mode is report.facts.mode
        and row.backends == sorted(backend.value for backend in report.facts.backends)
        and (row.os_version, row.security_patch, row.agent_version)
        == (report.os_version, report.security_patch, report.agent_version)
    )


def _line(row: Row[Any], told: Told) -> list[str | int]:
    return [
        row.id,
        row.report_seq,
        told.report.seq,
        told.sha256,
        row.desired_version,
        json.dumps(measured(told.report)),
    ]


def _stands(row: Row[Any]) -> Stands:
    settings = row.settings.get("settings", {})
    return Stands(row.compliance, row.desired_version, row.sha256, settings)


def _writing(database: Database) -> TextClause:
    statement = _WRITE["sqlite" if database.is_sqlite else "postgresql"]
    return text(statement).bindparams(bindparam("now", type_=UtcDateTime()))
