"""The words of screening: kinds of contact data, findings, decision."""

from dataclasses import dataclass
from enum import StrEnum


class DataKind(StrEnum):
    """What a detector found."""

    PHONE = "phone"
    ID_CARD = "id_card"
    BANK_CARD = "bank_card"
    NUMBER = "number"  # a run of digits that could be dialled or called an account
    WECHAT = "wechat"
    QQ = "qq"
    EMAIL = "email"
    LINK = "link"


class Action(StrEnum):
    """What becomes of a message; `rank` grows with severity."""

    DELIVER = "deliver"
    MASK = "mask"
    HOLD = "hold"
    BLOCK = "block"

    @property
    def rank(self) -> int:
        return ("deliver", "mask", "hold", "block").index(self.value)


@dataclass(frozen=True, slots=True)
class Spot:
    """Contact data at `begin` to before `end` of the original text. It never carries the text."""

    kind: DataKind
    begin: int
    end: int

    @property
    def length(self) -> int:
        return self.end - self.begin

    def overlaps(self, other: "Spot") -> bool:
        return self.begin < other.end and other.begin < self.end


@dataclass(frozen=True, slots=True)
class WordHit:
    """A sensitive term that the words' port found: where, of which category, how severe. No text."""

    term_id: str
    category: str
    severity: str
    begin: int
    end: int
    fatal: bool = False
    confidence: float = 1.0


@dataclass(frozen=True, slots=True)
class Finding:
    """Why something was decided: a category with its rule and its sentences. Safe to store and to show."""

    category: str
    action: Action
    rule_id: str
    count: int
    zh: str
    en: str
    begin: int
    end: int


@dataclass(frozen=True, slots=True)
class Screened:
    """The decision, what leaves if it is delivered, and why."""

    action: Action
    text: str
    findings: tuple[Finding, ...]
    policy_version: str

    def __repr__(self) -> str:
        return f"Screened({self.action}, {len(self.findings)} findings)"
