"""A data key for each subject (customer): destroying it makes everything sealed under it unreadable.

Unwrapped keys are not cached. The row is read in the caller's transaction each time, so erasure takes
effect at once in every process, and unwrapping costs microseconds beside that read.
"""

import hashlib
import os
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from sqlalchemy import CheckConstraint, String, Table, bindparam, func, select, text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from core.clock import Clock
from core.columns import SealedColumn
from core.db import Base, Database, Id
from core.errors import Conflict, NotFound
from core.sealed import KEY_ID_BYTES, Field, Sealed, Secret
from core.vault.envelope import KEY_BYTES, Cipher
from core.vault.vault import Vault

BATCH = 500


class SubjectUnknown(NotFound):
    """There is no key for this subject."""

    code = "subject-unknown"
    zh = "没有该主体的密钥。"


class SubjectErased(NotFound):
    """This subject's data was erased for good."""

    code = "subject-erased"
    zh = "该主体的数据已被永久删除。"


class SubjectKeyExists(Conflict):
    """This subject already has a key."""

    code = "subject-key-exists"
    zh = "该主体已有密钥。"


class SubjectKeyRow(Base):
    """The wrapped key of a subject; after erasure only that there was one, and when it died."""

    __tablename__ = "core_subject_keys"
    __table_args__ = (CheckConstraint("(wrapped_key IS NULL) = (destroyed_at IS NOT NULL)", name="erased"),)

    subject_id: Mapped[str] = mapped_column(Id, primary_key=True)
    key_id: Mapped[str] = mapped_column(String(2 * KEY_ID_BYTES))
    wrapped_key: Mapped[Sealed | None] = mapped_column(SealedColumn)
    wrapped_by: Mapped[str] = mapped_column(String(2 * KEY_ID_BYTES), index=True)
    created_at: Mapped[datetime]
    destroyed_at: Mapped[datetime | None]


_KEYS = cast("Table", SubjectKeyRow.__table__).c
_ONE = select(_KEYS.key_id, _KEYS.wrapped_key).where(_KEYS.subject_id == bindparam("subject"))


@dataclass(frozen=True, slots=True)
class DestroyedKey:
    """What an erasure leaves for the books: ids and a fingerprint of the wrapped key, nothing personal."""

    subject_id: str
    key_id: str
    wrapped_key_sha256: str
    destroyed_at: datetime


class SubjectKeys:
    """Creates, opens, rewraps and destroys subject keys in the caller's transaction."""

    def __init__(self, vault: Vault, clock: Clock) -> None:
        self._vault = vault
        self._clock = clock

    @property
    def vault(self) -> Vault:
        """The institution's own keys, which wrap those of the subjects."""
        return self._vault

    async def create(self, session: AsyncSession, subject_id: str) -> Cipher:
        """Make a key for a new subject and give its cipher. A subject gets a key once, ever."""
        key, key_id = Secret(os.urandom(KEY_BYTES)), os.urandom(KEY_ID_BYTES).hex()
        row = SubjectKeyRow(
            subject_id=subject_id,
            key_id=key_id,
            wrapped_key=self._vault.wrap(_place(subject_id), key),
            wrapped_by=self._vault.current_key_id,
            created_at=self._clock.now(),
        )
        try:
            async with session.begin_nested():
                session.add(row)
        except IntegrityError:
            raise SubjectKeyExists from None
        return Cipher(key_id, key)

    async def cipher(self, session: AsyncSession, subject_id: str) -> Cipher:
        """Give a subject's cipher.

        Raises:
            SubjectErased: the key was destroyed.
            SubjectUnknown: there never was one.
        """
        row = (await session.execute(_ONE, {"subject": subject_id})).one_or_none()
        if row is None:
            raise SubjectUnknown
        if row.wrapped_key is None:
            raise SubjectErased
        return Cipher(row.key_id, self._vault.unwrap(_place(subject_id), row.wrapped_key))

    async def ciphers(self, session: AsyncSession, subject_ids: Collection[str]) -> dict[str, Cipher]:
        """Give the ciphers of many subjects in few queries; who is erased or unknown is left out."""
        ciphers: dict[str, Cipher] = {}
        wanted = list(dict.fromkeys(subject_ids))
        for start in range(0, len(wanted), BATCH):
            rows = await session.execute(
                select(SubjectKeyRow.subject_id, SubjectKeyRow.key_id, SubjectKeyRow.wrapped_key).where(
                    SubjectKeyRow.subject_id.in_(wanted[start : start + BATCH]),
                    SubjectKeyRow.destroyed_at.is_(None),
                )
            )
            for subject_id, key_id, wrapped in rows:
                if wrapped is not None:
                    ciphers[subject_id] = Cipher(key_id, self._vault.unwrap(_place(subject_id), wrapped))
        return ciphers

    async def destroy(self, session: AsyncSession, subject_id: str) -> DestroyedKey:
        """Erase a subject: overwrite its wrapped key. Everything sealed or derived under it is lost.

        Call `purge_remains` after the commit, and let backups of the key table expire.
        """
        row = (
            await session.execute(
                select(SubjectKeyRow.key_id, SubjectKeyRow.wrapped_key, SubjectKeyRow.destroyed_at)
                .where(SubjectKeyRow.subject_id == subject_id)
                .with_for_update()
            )
        ).one_or_none()
        if row is None:
            raise SubjectUnknown
        if row.wrapped_key is None:
            raise SubjectErased
        now = self._clock.now()
        await session.execute(
            update(SubjectKeyRow)
            .where(SubjectKeyRow.subject_id == subject_id)
            .values(wrapped_key=None, destroyed_at=now)
        )
        fingerprint = hashlib.sha256(row.wrapped_key.raw).hexdigest()
        return DestroyedKey(subject_id, row.key_id, fingerprint, now)

    async def rewrap(self, session: AsyncSession, limit: int = BATCH) -> int:
        """Move up to `limit` keys from old key encryption keys to the current one; 0 when all are moved."""
        current = self._vault.current_key_id
        rows = await session.execute(
            select(SubjectKeyRow.subject_id, SubjectKeyRow.wrapped_key)
            .where(SubjectKeyRow.wrapped_by != current, SubjectKeyRow.destroyed_at.is_(None))
            .order_by(SubjectKeyRow.subject_id)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        moved = 0
        for subject_id, wrapped in rows.all():
            if wrapped is None:
                continue
            place = _place(subject_id)
            await session.execute(
                update(SubjectKeyRow)
                .where(SubjectKeyRow.subject_id == subject_id)
                .values(
                    wrapped_key=self._vault.wrap(place, self._vault.unwrap(place, wrapped)),
                    wrapped_by=current,
                )
            )
            moved += 1
        return moved

    async def count_by_wrapping_key(self, session: AsyncSession) -> dict[str, int]:
        """Count living subject keys under each key encryption key: one with none left can be retired."""
        rows = await session.execute(
            select(SubjectKeyRow.wrapped_by, func.count())
            .where(SubjectKeyRow.destroyed_at.is_(None))
            .group_by(SubjectKeyRow.wrapped_by)
        )
        return dict(rows.all())


async def purge_remains(database: Database) -> None:
    """Drop what the database keeps of overwritten keys: SQLite's write-ahead log, PostgreSQL's dead rows.

    Needs no open transaction of the caller's. PostgreSQL's own archive of its log is the operator's.
    """
    statement = "PRAGMA wal_checkpoint(TRUNCATE)" if database.is_sqlite else "VACUUM core_subject_keys"
    async with database.engine.connect() as connection:
        autocommit = await connection.execution_options(isolation_level="AUTOCOMMIT")
        await autocommit.execute(text(statement))


def _place(subject_id: str) -> Field:
    return Field("core_subject_keys", "wrapped_key", subject_id)
