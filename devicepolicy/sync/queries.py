"""Reads what is wanted of a phone now: the version with its hash, and each setting's value."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from core.access.model import Principal
from core.access.scope import scope_clause
from core.db import Database
from core.ledger.record import JSON
from devicepolicy import permissions
from devicepolicy.capabilities.table import CapabilityTable
from devicepolicy.devices.models import DeviceRow
from devicepolicy.policies.settings import flatten
from devicepolicy.sync.desired import latest


@dataclass(frozen=True, slots=True)
class WantedView:
    """The newest version for one phone. `values` are the settings in words of the policy."""

    version: int
    sha256: str
    state: str
    cause: str
    created_at: datetime
    values: Mapping[str, JSON]


class WantedReader:
    """Reads within the reader's scope."""

    def __init__(self, database: Database, table: CapabilityTable) -> None:
        self._db = database
        self._table = table

    async def of(self, principal: Principal, device_id: str) -> WantedView | None:
        """Give what is wanted; None if nothing is yet, any more, or if the phone is out of reach."""
        within = scope_clause(
            principal,
            permissions.DEVICE_READ,
            owner=DeviceRow.employee_id,
            department=DeviceRow.department_id,
        )
        async with self._db.read() as session:
            if await session.scalar(select(DeviceRow.id).where(DeviceRow.id == device_id, within)) is None:
                return None
            row = await latest(session, device_id)
        if row is None:
            return None
        document = row.document
        values = flatten(document["policy"], self._table)
        return WantedView(row.version, row.sha256, document["state"], row.cause, row.created_at, values)
