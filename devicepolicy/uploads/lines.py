"""Opens uploads for people's eyes: whoever is at the other end masked, and nothing of what was written."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from core.masking import mask_name, mask_number
from core.sealed import Field
from core.vault import Cipher, SubjectKeys, Vault
from devicepolicy.uploads import conduct, recordings, records
from devicepolicy.uploads.models import UploadEventRow, UploadRecordingRow, UploadRecordRow

_TABLES: Mapping[type, str] = {
    UploadRecordRow: records.TABLE,
    UploadEventRow: conduct.TABLE,
    UploadRecordingRow: recordings.TABLE,
}
_SHOWN = ("app", "members", "amount_fen", "outgoing", "sim", "platform")
"""Of an event's evidence: what names nobody."""


@dataclass(frozen=True, slots=True)
class Line:
    """An upload and what of its content may be shown."""

    row: Any = field(repr=False)
    counterpart: str
    evidence: Mapping[str, Any]


class Lines:
    """Makes lines of rows; of an erased customer only what is not sealed is left."""

    def __init__(self, vault: Vault, subject_keys: SubjectKeys) -> None:
        self._vault = vault
        self._keys = subject_keys

    async def of(self, session: AsyncSession, rows: Sequence[Any]) -> list[Line]:
        """Open them in their order."""
        customers = {row.customer_id for row in rows if row.customer_id is not None}
        ciphers = await self._keys.ciphers(session, customers)
        return [self._line(row, ciphers) for row in rows]

    def _line(self, row: Any, ciphers: Mapping[str, Cipher]) -> Line:
        place = Field(_TABLES[type(row)], "body", row.id)
        if row.customer_id is None:
            opened = self._vault.open(place, row.body)
        elif row.customer_id in ciphers:
            opened = ciphers[row.customer_id].open(place, row.body)
        else:
            return Line(row, "", {})
        body: dict[str, Any] = json.loads(opened)
        said = body.get("evidence", body)
        evidence = {name: said[name] for name in _SHOWN if said.get(name) is not None}
        return Line(row, _masked(said), evidence)


def _masked(said: Mapping[str, Any]) -> str:
    """Mask whoever is at the other end: a number by its rule, an app's name as a person's."""
    name = said.get("number") or said.get("counterpart") or said.get("contact")
    if not name:
        return ""
    digits = sum(character.isdigit() for character in str(name))
    return mask_number(str(name)) if digits >= 5 else mask_name(str(name))
