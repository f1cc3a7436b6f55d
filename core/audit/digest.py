"""What covers the log's own lines in the ledger: one entry with the SHA-256 of many lines."""

import hashlib
from collections.abc import Iterable

import rfc8785
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from core.audit.models import AccessRow
from core.ledger import Ledger

DIGEST_KIND = "access-log.digest"
BATCH = 500


async def digest_batch(session: AsyncSession, ledger: Ledger) -> int:
    """Cover the oldest lines that nothing covers yet with one ledger entry; gives how many there were."""
    query = select(AccessRow).where(AccessRow.digest_seq.is_(None), AccessRow.ledger_seq.is_(None))
    rows = list(await session.scalars(query.order_by(AccessRow.id).limit(BATCH)))
    if not rows:
        return 0
    entry = await ledger.append(session, DIGEST_KIND, {"lines": len(rows), "sha256": hash_of(rows)})
    await session.execute(
        update(AccessRow).where(AccessRow.id.in_([row.id for row in rows])).values(digest_seq=entry.seq)
    )
    return len(rows)


def hash_of(rows: Iterable[AccessRow]) -> str:
    """Hash lines in the order of their ids: each as canonical JSON (RFC 8785) with a line feed."""
    digest = hashlib.sha256()
    for row in sorted(rows, key=lambda one: one.id):
        line = {
            "id": row.id,
            "at": row.at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            "kind": row.kind,
            "actor": row.actor_id,
            "session": row.session_id,
            "target": row.target_id,
            "contact": row.contact_id,
            "customer": row.customer_id,
            "detail": row.detail,
        }
        digest.update(rfc8785.dumps(line) + b"\n")
    return digest.hexdigest()
