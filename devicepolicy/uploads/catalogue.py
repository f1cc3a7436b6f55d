"""Reads the catalogue of uploads: what may be handed in, how bad it is, what holds outside of the hours."""

from enum import StrEnum
from functools import cache
from importlib import resources
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict

from devicepolicy.uploads.model import EventKind, RecordKind, Severity

EvidenceName = Literal[
    "counterpart", "app", "records", "members", "amount_fen", "outgoing", "sim", "platform"
]


class OutsideHours(StrEnum):
    """What becomes of something that happened outside of the permitted hours."""

    KEEP = "keep"
    CUSTOMERS = "customers"
    DROP = "drop"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class RecordEntry(_Part):
    """A kind of record."""

    zh: str
    en: str
    outside_hours: OutsideHours


class EventEntry(RecordEntry):
    """A kind of conduct. `deletes`: it marks records as deleted on the phone; they stay."""

    severity: Severity
    evidence: frozenset[EvidenceName]
    deletes: bool = False


class Catalogue(_Part):
    """All kinds of one version; both lists are complete."""

    version: str
    source: str
    records: dict[RecordKind, RecordEntry]
    events: dict[EventKind, EventEntry]


@cache
def catalogue() -> Catalogue:
    """The catalogue that comes with the product."""
    document = (resources.files("devicepolicy.uploads") / "catalogue.yaml").read_text("utf-8")
    return Catalogue.model_validate(yaml.safe_load(document))
