"""Tables of the ledger: entries, inner nodes of the tree, its growing edge, checkpoints, timestamps."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, LargeBinary, SmallInteger, String
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base

KIND_CHARACTERS = 64


class EntryRow(Base):
    """One entry. `record` is what was hashed; `kind` and `created_at` repeat it for queries only."""

    __tablename__ = "core_ledger_entries"

    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    kind: Mapped[str] = mapped_column(String(KIND_CHARACTERS), index=True)
    record: Mapped[bytes] = mapped_column(LargeBinary)
    leaf_hash: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime]


class NodeRow(Base):
    """The hash of a complete subtree above the leaves, so that a proof reads O(log n) rows."""

    __tablename__ = "core_ledger_nodes"

    level: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    position: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    hash: Mapped[bytes] = mapped_column(LargeBinary)


class HeadRow(Base):
    """The one row that appends lock: the tree's size and the hashes of its growing edge."""

    __tablename__ = "core_ledger_head"

    id: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    size: Mapped[int] = mapped_column(BigInteger)
    frontier: Mapped[bytes] = mapped_column(LargeBinary)


class CheckpointRow(Base):
    """A signed statement of the tree's size and root."""

    __tablename__ = "core_ledger_checkpoints"

    size: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    note: Mapped[str] = mapped_column(String(4096))
    created_at: Mapped[datetime]


class TimestampRow(Base):
    """A TimeStampResp (RFC 3161, DER) over the note of the checkpoint of this size."""

    __tablename__ = "core_ledger_timestamps"

    size: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    reply: Mapped[bytes] = mapped_column(LargeBinary)
    at: Mapped[datetime]
    authority: Mapped[str] = mapped_column(String(253))
    received_at: Mapped[datetime]


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of the ledger; `record` is its canonical JSON (RFC 8785), `body` what the caller said."""

    seq: int
    kind: str
    at: datetime
    body: dict[str, Any]
    record: bytes
    leaf_hash: bytes
