"""The words of the lexicon: packs, terms, and the hits that a search gives."""

import re
from dataclasses import dataclass
from enum import StrEnum


class Category(StrEnum):
    """What kind of misconduct a term points to."""

    THREAT = "threat"
    INSULT = "insult"
    OVER_PROMISE = "over_promise"
    PRIVATE_DEAL = "private_deal"
    DISCLOSURE = "disclosure"


class Severity(StrEnum):
    """How bad it is; `rank` grows with it."""

    SEVERE = "severe"
    MODERATE = "moderate"
    MINOR = "minor"

    @property
    def rank(self) -> int:
        return {"severe": 3, "moderate": 2, "minor": 1}[self.value]


class Speaker(StrEnum):
    """Whose words a term looks at."""

    STAFF = "staff"
    CUSTOMER = "customer"
    ANY = "any"


class Scene(StrEnum):
    """In which kind of contact a term counts."""

    SALES = "sales"
    COLLECTION = "collection"
    SERVICE = "service"
    ANY = "any"


class MatchedBy(StrEnum):
    """How the text was recognised as the term."""

    EXACT = "exact"
    FOLDED = "folded"  # width, case, traditional, digit form
    INSERTED = "inserted"  # signs, emoji, spaces between the characters
    REPEATED = "repeated"  # characters drawn out
    PINYIN = "pinyin"  # other characters, same syllables
    PINYIN_LATIN = "pinyin_latin"  # syllables in Latin letters
    PINYIN_FUZZY = "pinyin_fuzzy"  # zh/z, ch/c, sh/s, n/l, ng/n taken as one
    INITIALS = "initials"  # first letters of the syllables


@dataclass(frozen=True, slots=True)
class Term:
    """One meaning with all its spellings."""

    id: str
    pack: str
    label: str
    texts: tuple[str, ...]
    category: Category
    severity: Severity
    speaker: Speaker
    scenes: frozenset[Scene]
    source: str
    unless: tuple[str, ...] = ()
    pinyin: bool | None = None
    """Match by sound: True or False; None lets the number of syllables decide."""
    fatal: bool = False

    def applies(self, speaker: Speaker, scene: Scene) -> bool:
        """Whether words of `speaker` in a contact of `scene` can be this term."""
        return (speaker is Speaker.ANY or self.speaker in {Speaker.ANY, speaker}) and (
            scene is Scene.ANY or Scene.ANY in self.scenes or scene in self.scenes
        )


@dataclass(frozen=True, slots=True)
class Context:
    """Words around a hit that make it no hit; they look at the hit's own clause, folded."""

    before: tuple[re.Pattern[str], ...] = ()
    after: tuple[re.Pattern[str], ...] = ()
    revoked_by: tuple[re.Pattern[str], ...] = ()
    """Words after the hit that take the exception back (不会告诉你家人吗)."""

    def denies(self, before: str, after: str) -> bool:
        """Whether the clause speaks against the hit."""
        if any(pattern.search(before) for pattern in self.before):
            return not any(pattern.search(after) for pattern in self.revoked_by)
        return any(pattern.search(after) for pattern in self.after)


@dataclass(frozen=True, slots=True)
class Pack:
    """A versioned set of terms with the contexts in which they mean nothing bad."""

    id: str
    version: str
    title_zh: str
    title_en: str
    source: str
    licence: str
    terms: tuple[Term, ...]
    context: Context = Context()


@dataclass(frozen=True, slots=True)
class Hit:
    """A term found in a text; `begin` and `end` count characters of the original text."""

    term: Term
    begin: int
    end: int
    text: str
    matched_by: MatchedBy
    confidence: float
    """0 to 1: how sure it is that the text means the term."""

    def __repr__(self) -> str:
        return f"Hit({self.term.id}, {self.begin}:{self.end}, {self.matched_by}, {self.confidence:.2f})"
