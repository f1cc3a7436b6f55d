"""Reads the catalogue of sensitive behaviour from its YAML file."""

from functools import cache
from importlib import resources

import yaml
from pydantic import BaseModel, ConfigDict

from qa.inspection.rulebook import Slug, Words
from qa.lexicon.model import Severity

CATEGORY = "conduct"
"""The category of every alert about a behaviour."""


class _Shape(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ConductEntry(_Shape):
    """One kind of behaviour. Every kind raises an alert; the severity says how soon somebody should look."""

    title: Words
    severity: Severity
    advice: Words
    source: str


class ConductCatalogue(_Shape):
    """All kinds of one version."""

    version: str
    source: str
    unknown: ConductEntry
    kinds: dict[Slug, ConductEntry]

    def entry(self, kind: str) -> ConductEntry:
        """Give the entry of a kind; one that the catalogue does not know is never passed over."""
        return self.kinds.get(kind, self.unknown)


@cache
def own_catalogue() -> ConductCatalogue:
    """The catalogue that comes with the product."""
    document = (resources.files("qa.conduct") / "catalogue.yaml").read_text("utf-8")
    return ConductCatalogue.model_validate(yaml.safe_load(document))
