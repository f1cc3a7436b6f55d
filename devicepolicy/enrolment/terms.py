"""The terms of use: versioned texts that an employee reads and agrees to before anything is collected."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field

from devicepolicy.canonical import canonical_bytes

DATA = Path(__file__).parent / "terms"
Language = Literal["zh", "en"]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Section(_Part):
    """One paragraph under its heading."""

    title: str
    text: str


class TermsText(_Part):
    """The terms in one language."""

    title: str
    sections: tuple[Section, ...] = Field(min_length=1)


class LegalNote(_Part):
    """An article of law that a text rests on."""

    zh: str
    en: str


class _File(_Part):
    version: str = Field(pattern=r"^[0-9][0-9A-Za-z.-]{0,19}$")
    effective_from: date
    zh: TermsText
    en: TermsText
    legal: tuple[LegalNote, ...]


@dataclass(frozen=True, slots=True)
class Terms:
    """One version. `sha256` of each language is that of the RFC 8785 bytes of `{version, text}`."""

    version: str
    effective_from: date
    texts: Mapping[Language, TermsText]
    sha256: Mapping[Language, str]
    legal: tuple[LegalNote, ...]


class TermsBook:
    """All versions; the newest that is in effect is asked for."""

    def __init__(self, versions: Iterable[Terms]) -> None:
        self._versions = sorted(versions, key=lambda terms: terms.effective_from)
        if len({terms.version for terms in self._versions}) != len(self._versions) or not self._versions:
            raise ValueError("there is at least one version of the terms, and each has its own name")

    def current(self, on: date) -> Terms:
        """Give the version that is asked for on a day: the first one before its time, too."""
        begun = [terms for terms in self._versions if terms.effective_from <= on]
        return begun[-1] if begun else self._versions[0]


def load_terms(institution: str, folder: Path = DATA) -> TermsBook:
    """Read all `*.yaml` of a folder and put the institution's name in."""
    return TermsBook(_terms(path, institution) for path in sorted(folder.glob("*.yaml")))


def _terms(path: Path, institution: str) -> Terms:
    told = _File.model_validate(yaml.safe_load(path.read_text("utf-8")))
    texts: dict[Language, TermsText] = {
        "zh": _filled(told.zh, institution, joint=""),
        "en": _filled(told.en, institution, joint=" "),
    }
    hashes: dict[Language, str] = {
        language: hashlib.sha256(
            canonical_bytes({"version": told.version, "text": text.model_dump(mode="json")})
        ).hexdigest()
        for language, text in texts.items()
    }
    return Terms(told.version, told.effective_from, texts, hashes, told.legal)


def _filled(text: TermsText, institution: str, *, joint: str) -> TermsText:
    """Put the name in. YAML folds lines with a space, which Chinese does not want."""
    return TermsText(
        title=text.title,
        sections=tuple(
            Section(
                title=section.title,
                text=joint.join(section.text.split()).replace("{institution}", institution),
            )
            for section in text.sections
        ),
    )
