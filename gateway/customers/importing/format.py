"""The limits and column names of an import, from a versioned file."""

import unicodedata
from collections.abc import Mapping
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, Field

DATA = Path(__file__).with_name("import.yaml")
REQUIRED = ("phone", "name")
COLUMNS = ("phone", "name", "id_number", "tags", "external_id", "time_zone", "city", "owner")


class Limits(BaseModel):
    """How large a file may be, packed and unpacked."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_bytes: int = Field(ge=1)
    max_rows: int = Field(ge=1)
    max_columns: int = Field(ge=1)
    max_cell: int = Field(ge=1)
    max_unpacked_bytes: int = Field(ge=1)
    max_ratio: int = Field(ge=1)
    max_entries: int = Field(ge=1)
    max_tags: int = Field(ge=1)


class ImportFormat(BaseModel):
    """Limits, and for each of our columns the headings that mean it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    version: str
    limits: Limits
    columns: Mapping[str, tuple[str, ...]]

    def headings(self) -> dict[str, str]:
        """Give normalised heading -> column."""
        return {fold(heading): column for column in COLUMNS for heading in self.columns[column]}


def fold(heading: str) -> str:
    """Normalise a heading: width, case, spaces, underscores, and the star that marks a required column."""
    folded = unicodedata.normalize("NFKC", heading).casefold().replace("_", " ").strip(" *:")
    return " ".join(folded.split())


def load_format(path: Path = DATA) -> ImportFormat:
    """Read the file; a faulty one raises pydantic's error at start-up."""
    return ImportFormat.model_validate(yaml.safe_load(path.read_bytes()))
