"""What became of an import file."""

from dataclasses import dataclass
from enum import StrEnum

from core.sheets.faults import RowRefusal


class ImportMode(StrEnum):
    """all_or_nothing: one bad row stops the file. good_rows: the good rows are written."""

    ALL_OR_NOTHING = "all_or_nothing"
    GOOD_ROWS = "good_rows"


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What became of a file. `good` rows could be written, `written` were."""

    import_id: str
    dry_run: bool
    mode: ImportMode
    rows_read: int
    good: int
    written: int
    refusals: tuple[RowRefusal, ...]
    ignored_columns: tuple[int, ...]
