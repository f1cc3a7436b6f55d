"""Table of imports: what became of each file, row by row, without a single value of it."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, String
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base, Id


class ImportRow(Base):
    """One import. `refusals` name rows, columns and reasons; the file and its name are kept nowhere."""

    __tablename__ = "gw_imports"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    at: Mapped[datetime]
    by: Mapped[str] = mapped_column(Id, index=True)
    department_id: Mapped[str | None] = mapped_column(Id, index=True)
    owner_id: Mapped[str | None] = mapped_column(Id)
    mode: Mapped[str] = mapped_column(String(24))
    dry_run: Mapped[bool]
    rows_read: Mapped[int]
    good: Mapped[int]
    written: Mapped[int]
    refusals: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    ignored_columns: Mapped[list[int]] = mapped_column(JSON)
