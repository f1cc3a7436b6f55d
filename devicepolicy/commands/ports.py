"""What commands need of others."""

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncSession

from core.ledger.record import JSON
from devicepolicy.identity.documents import DocumentKind, SignedDocument


class PhoneWaker(Protocol):
    """Tells a phone to look for its commands as soon as the caller's transaction has committed."""

    async def look_for_commands(self, session: AsyncSession, device_id: str, version: int) -> None: ...


class Signer(Protocol):
    """Signs a document for one device; `devicepolicy.identity.signer.DocumentSigner` is the real one."""

    def sign(
        self,
        kind: DocumentKind,
        document: Mapping[str, JSON],
        *,
        device_id: str,
        sequence: int,
        issued_at: datetime,
        expires_at: datetime,
    ) -> SignedDocument: ...
