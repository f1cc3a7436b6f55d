"""The limits and column names of an import, from a versioned file."""

from pathlib import Path

from core.sheets.layout import Layout, load_layout

DATA = Path(__file__).with_name("import.yaml")
REQUIRED = ("phone", "name")
COLUMNS = ("phone", "name", "id_number", "tags", "external_id", "time_zone", "city", "owner")


def load_format(path: Path = DATA) -> Layout:
    """Read the file; a faulty one raises pydantic's error at start-up."""
    return load_layout(path)
