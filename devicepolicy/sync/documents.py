"""What is wanted of phones as they fetch it: the heads of many in one query, and documents that are kept."""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import and_, bindparam, select

from core.db import Database
from devicepolicy.devices.model import Trust
from devicepolicy.devices.models import DeviceRow
from devicepolicy.sync.models import DesiredRow

KEPT = 256
_HEADS = (
    select(DesiredRow.device_id, DesiredRow.version, DesiredRow.sha256)
    .join(
        DeviceRow,
        and_(DeviceRow.id == DesiredRow.device_id, DeviceRow.desired_version == DesiredRow.version),
    )
    .where(
        DeviceRow.id.in_(bindparam("ids", expanding=True)),
        DeviceRow.trust == Trust.TRUSTED,
        DeviceRow.desired_stale.is_(False),
    )
)


@dataclass(frozen=True, slots=True)
class Head:
    """Which version is wanted, and the hash that names its document."""

    version: int
    sha256: str


class Heads:
    """Made to be called for many phones at once."""

    def __init__(self, database: Database) -> None:
        self._db = database

    async def __call__(self, device_ids: Sequence[str]) -> list[Head | None]:
        """Say what is wanted of each; None: it must be computed first, or the phone is not trusted."""
        rows = await self._db.run(_HEADS, {"ids": sorted(set(device_ids))})
        heads = {row.device_id: Head(row.version, row.sha256) for row in rows}
        return [heads.get(device_id) for device_id in device_ids]


class Documents:
    """The documents that were asked for last, by their hash: they never change."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, Mapping[str, Any]] = OrderedDict()

    def get(self, sha256: str) -> Mapping[str, Any] | None:
        known = self._kept.get(sha256)
        if known is not None:
            self._kept.move_to_end(sha256)
        return known

    def keep(self, sha256: str, document: Mapping[str, Any]) -> Mapping[str, Any]:
        self._kept[sha256] = document
        if len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        return document
