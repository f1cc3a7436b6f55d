"""How large a file may be, and by which headings its columns are known."""

import unicodedata
from collections.abc import Mapping
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, Field


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


class Layout(BaseModel):
    """Limits, for each of our columns the headings that mean it, and the columns that must be there."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    version: str
    limits: Limits
    required: tuple[str, ...]
    columns: Mapping[str, tuple[str, ...]]

    def headings(self) -> dict[str, str]:
        """Give normalised heading -> column."""
        return {fold(heading): column for column, names in self.columns.items() for heading in names}


def fold(heading: str) -> str:
    """Normalise a heading: width, case, spaces, underscores, and the star that marks a required column."""
    folded = unicodedata.normalize("NFKC", heading).casefold().replace("_", " ").strip(" *:")
    return " ".join(folded.split())


def load_layout(path: Path) -> Layout:
    """Read the file; a faulty one raises pydantic's error at start-up."""
    return Layout.model_validate(yaml.safe_load(path.read_bytes()))
