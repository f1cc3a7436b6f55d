"""Notes who searches and who tries numbers, without what they tried: enough to tell that somebody probes.

A blind index shows no number, but whoever may search can try one ending after the other. The log holds a
hash under a key that this process forgets: it tells tries apart as long as the process lives, nothing else.
"""

import hashlib
import hmac
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from core.access.model import Principal
from core.audit import AccessNotes, Seen
from gateway.customers.errors import CustomerExists
from gateway.customers.model import CustomerFilter

FOUND, MISSED = "found", "missed"
_KEY = secrets.token_bytes(32)


class Probes:
    """Writes to the access log, outside of any transaction."""

    def __init__(self, notes: AccessNotes) -> None:
        self._notes = notes

    async def searched(self, principal: Principal, wanted: CustomerFilter, *, hits: bool) -> None:
        """Note a search by name or last digits. Filters by tag and owner try nothing."""
        for value in (wanted.last_four, wanted.name):
            if value:
                detail = FOUND if hits else MISSED
                await self._notes.note(principal, Seen.SEARCH, _told_apart(value), detail=detail)

    @asynccontextmanager
    async def trying(self, principal: Principal, phone: str | None) -> AsyncIterator[None]:
        """Note it where a number is refused because it is known: the refusal says that it is."""
        try:
            yield
        except CustomerExists:
            await self._notes.note(principal, Seen.KNOWN_NUMBER, _told_apart(phone or ""))
            raise


def _told_apart(value: str) -> str:
    return hmac.new(_KEY, value.strip().encode(), hashlib.sha256).hexdigest()[:32]
