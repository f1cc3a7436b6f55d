"""Seals what reviewers and employees write, under the customer's key, and hashes it for the ledger."""

import hmac

from sqlalchemy.ext.asyncio import AsyncSession

from core.sealed import Field, Sealed
from core.vault import SubjectErased
from qa.inspection.sealing import Sealer

_PURPOSE = "qa/comment-hash"


def comment_field(decision_id: str) -> Field:
    return Field("qa_decisions", "comment", decision_id)


def reason_field(appeal_id: str) -> Field:
    return Field("qa_appeals", "reason", appeal_id)


async def seal_text(
    sealer: Sealer, session: AsyncSession, subject_id: str | None, field: Field, text: str
) -> tuple[Sealed | None, str | None]:
    """Give the sealed text and its keyed hash; of an erased customer nothing more is written down."""
    if not text:
        return None, None
    try:
        cipher = await sealer.cipher(session, subject_id)
    except SubjectErased:
        return None, None
    digest = hmac.digest(cipher.derive_key(_PURPOSE), text.encode(), "sha256").hex()
    return cipher.seal(field, text), digest
