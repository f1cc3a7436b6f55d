"""Judges contacts under a lock, writes them down, lets a number out once, and closes them."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from gateway.contact.model import ContactRequest, OpenContact, Outcome, Verdict
from gateway.customers.phone import PhoneNumber


class ContactService:
    """Signatures first; the bodies follow."""

    async def judge(self, session: AsyncSession, request: ContactRequest) -> Verdict:
        """Lock the customer, count, decide, write the contact and the ledger entry (also for a deny).

        `session` must come from `db.begin()`. Raises NotFound (no such binding), Unavailable (fail closed).
        """
        raise NotImplementedError

    async def dry_run(self, session: AsyncSession, request: ContactRequest) -> Verdict:
        """Answer with the same rules and write nothing."""
        raise NotImplementedError

    async def recheck(self, session: AsyncSession, contact_id: str) -> Verdict:
        """Judge an open contact again, before the customer leg. A deny closes it as refused."""
        raise NotImplementedError

    async def reveal_for_dialling(self, session: AsyncSession, contact_id: str) -> PhoneNumber:
        """Give the number, once, for an open outbound contact whose recheck just allowed it."""
        raise NotImplementedError

    async def close(
        self, session: AsyncSession, contact_id: str, outcome: Outcome, *, answered_at: datetime | None = None
    ) -> None:
        """Write how the contact ended. Idempotent: the first outcome stays."""
        raise NotImplementedError

    async def open_contacts(
        self, session: AsyncSession, *, node: str | None = None, before: datetime | None = None
    ) -> list[OpenContact]:
        """List contacts nobody has closed: of one call process, or requested before a moment."""
        raise NotImplementedError
