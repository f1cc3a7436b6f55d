"""How positions are sealed, and opened again as long as their key lives."""

import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from core.ledger.record import JSON
from core.sealed import Field, Sealed
from core.vault import Cipher, SubjectErased, SubjectKeys, SubjectUnknown
from devicepolicy.canonical import canonical_bytes
from devicepolicy.whereabouts.model import Position, Provider

FIXES, CHECK_INS = "dp_location_fixes", "dp_check_ins"


def seal(cipher: Cipher, table: str, row_id: str, original: Mapping[str, JSON]) -> Sealed:
    """Seal what the phone sent, word for word: its hash can be computed again."""
    return cipher.seal(Field(table, "body", row_id), canonical_bytes(original))


def position(cipher: Cipher, table: str, row_id: str, sealed: Sealed) -> Position:
    """Open a position."""
    told: dict[str, Any] = json.loads(cipher.open(Field(table, "body", row_id), sealed))
    return Position(
        latitude=float(told["lat"]),
        longitude=float(told["lon"]),
        accuracy_m=float(told["accuracy_m"]),
        provider=Provider(told["provider"]),
        mock=bool(told["mock"]),
    )


async def cipher_of(session: AsyncSession, keys: SubjectKeys, subject_id: str) -> Cipher | None:
    """Give a cipher; None once its key was destroyed."""
    try:
        return await keys.cipher(session, subject_id)
    except (SubjectErased, SubjectUnknown):
        return None


def photo_key(cipher: Cipher, check_in_id: str) -> bytes:
    """Derive the key of a check-in's picture: it dies with the check-ins' key."""
    return cipher.derive_key(f"check-in/{check_in_id}")
