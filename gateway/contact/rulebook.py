"""The rule files: read once, checked strictly, and asked which rules are in force for a contact."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, time
from enum import StrEnum
from itertools import combinations
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from gateway.contact.errors import RulesInvalid
from gateway.contact.model import Channel, Direction, Outcome, Purpose

DATA = Path(__file__).parent / "rulefiles"


class RuleKind(StrEnum):
    """The kinds in the order in which they are evaluated."""

    EMPLOYEE = "employee"
    BINDING = "binding"
    DO_NOT_CONTACT = "do-not-contact"
    CONSENT = "consent"
    HOURS = "hours"
    CAP = "cap"


ORDER = tuple(RuleKind)
NEEDED = {
    Direction.OUTBOUND: frozenset(RuleKind),
    Direction.INBOUND: frozenset({RuleKind.EMPLOYEE, RuleKind.BINDING}),
}
CODES = {
    RuleKind.EMPLOYEE: {"employee-inactive", "phone-not-compliant"},
    RuleKind.BINDING: {
        "binding-foreign", "binding-released", "binding-expired", "purpose-mismatch", "line-inactive",
        "customer-erased",
    },
    RuleKind.DO_NOT_CONTACT: {"do-not-contact"},
    RuleKind.CONSENT: {"consent-missing"},
    RuleKind.HOURS: {"quiet-hours"},
    RuleKind.CAP: {"cap-reached"},
}  # fmt: skip
MAY_HAVE = {
    RuleKind.EMPLOYEE: {"phone-not-enrolled", "phone-frozen", "phone-silent"},
}
"""Reasons that later versions tell apart; a version without them says the general one."""
FIGURES = {
    RuleKind.HOURS: {"local_time", "windows", "zone"},
    RuleKind.CAP: {"count", "limit"},
}


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Reason(_Part):
    """One reason in both languages; `{figures}` are filled in by the rule."""

    zh: str
    en: str


class Source(_Part):
    """Where a rule comes from. `standing` says how firmly: law, standard, or our own default."""

    zh: str
    en: str
    standing: Literal["standard", "industry-guideline", "house-default", "invariant"]
    url: str | None = None


class Applies(_Part):
    """To which contacts a rule applies."""

    purposes: frozenset[Purpose] = frozenset(Purpose)
    channels: frozenset[Channel] = frozenset(Channel)
    directions: frozenset[Direction] = frozenset(Direction)


class HoursParameters(_Part):
    """Windows [opens, closes) of the customer's wall clock in which a contact is allowed."""

    kind: Literal["hours"] = "hours"
    windows: tuple[tuple[time, time], ...] = Field(min_length=1)

    @field_validator("windows")
    @classmethod
    def _ordered(cls, value: tuple[tuple[time, time], ...]) -> tuple[tuple[time, time], ...]:
        if any(opens >= closes for opens, closes in value):
            raise ValueError("a window opens before it closes; write two windows to span midnight")
        return value


class CapParameters(_Part):
    """At most `limit` contacts of these outcomes to one customer in a local day, over all staff."""

    kind: Literal["cap"] = "cap"
    limit: int = Field(ge=0)
    counts: frozenset[Outcome]
    per_purpose: bool = True

    @field_validator("counts")
    @classmethod
    def _open_counts(cls, value: frozenset[Outcome]) -> frozenset[Outcome]:
        if Outcome.PENDING not in value:
            raise ValueError("an open contact must count, else two at once pass the cap")
        return value


class ConsentParameters(_Part):
    """Whether a consent is needed, or what other basis (PIPL Art. 13) stands in for it."""

    kind: Literal["consent"] = "consent"
    required: bool
    basis: str


class NoParameters(_Part):
    """A rule that needs no figures."""

    kind: Literal["none"] = "none"


Parameters = Annotated[
    HoursParameters | CapParameters | ConsentParameters | NoParameters, Field(discriminator="kind")
]


class Rule(_Part):
    """One version of one rule."""

    id: str = Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")
    version: str = Field(pattern=r"^[0-9][0-9.-]*$")
    kind: RuleKind
    jurisdiction: str
    effective_from: date
    effective_until: date | None = None
    title: Reason
    source: Source
    applies: Applies = Applies()
    parameters: Parameters
    reasons: Mapping[str, Reason]

    @model_validator(mode="before")
    @classmethod
    def _tag(cls, value: dict[str, Any]) -> dict[str, Any]:
        kind = value.get("kind")
        tag = kind if kind in {"hours", "cap", "consent"} else "none"
        return {**value, "parameters": {**(value.get("parameters") or {}), "kind": tag}}

    @model_validator(mode="after")
    def _complete(self) -> "Rule":
        further = MAY_HAVE.get(self.kind, set())
        if set(self.reasons) - further != CODES[self.kind]:
            raise ValueError(f"reasons must be exactly {sorted(CODES[self.kind])}")
        figures = dict.fromkeys(FIGURES.get(self.kind, set()), "")
        for reason in self.reasons.values():
            for template in (reason.zh, reason.en):
                try:
                    template.format_map(figures)
                except (KeyError, ValueError, IndexError) as error:
                    raise ValueError(f"a reason may only use the figures {sorted(figures)}") from error
        if self.effective_until is not None and self.effective_until <= self.effective_from:
            raise ValueError("effective_until (exclusive) must be after effective_from")
        return self

    def in_force(self, on: date) -> bool:
        return self.effective_from <= on and (self.effective_until is None or on < self.effective_until)

    def covers(self, purpose: Purpose, channel: Channel, direction: Direction) -> bool:
        applies = self.applies
        return purpose in applies.purposes and channel in applies.channels and direction in applies.directions


@dataclass(frozen=True, slots=True)
class RuleBook:
    """All versions of all rules, and a digest of the files for the ledger."""

    rules: tuple[Rule, ...]
    digest: str

    def in_force(self, on: date) -> tuple[Rule, ...]:
        """Give the rules in force on a day, in the order of evaluation."""
        live = (rule for rule in self.rules if rule.in_force(on))
        return tuple(sorted(live, key=lambda rule: (ORDER.index(rule.kind), rule.id)))

    def chain(self, on: date, purpose: Purpose, channel: Channel, direction: Direction) -> tuple[Rule, ...]:
        """Give the rules for a contact; raise `RulesInvalid` if a kind that must speak has no rule."""
        rules = tuple(rule for rule in self.in_force(on) if rule.covers(purpose, channel, direction))
        missing = NEEDED[direction] - {rule.kind for rule in rules}
        if missing:
            names = ", ".join(sorted(missing))
            raise RulesInvalid(f"No rule of kind {names} covers {direction} {purpose} by {channel}.")
        return rules

    def check(self, on: date) -> None:
        """Raise `RulesInvalid` unless every kind of contact is covered on that day."""
        for purpose in Purpose:
            for channel in Channel:
                for direction in Direction:
                    self.chain(on, purpose, channel, direction)


def load(folder: Path = DATA, *, jurisdiction: str = "CN") -> RuleBook:
    """Read all `*.yaml` of a folder; keep those of the jurisdiction and those for everywhere ("*")."""
    digest = hashlib.sha256()
    rules = []
    for path in sorted(folder.glob("*.yaml")):
        raw = path.read_bytes()
        try:
            rule = Rule.model_validate(yaml.safe_load(raw))
        except (ValidationError, yaml.YAMLError, TypeError, AttributeError) as error:
            raise RulesInvalid(f"{path.name}: {error}", detail_zh=f"{path.name}：{error}") from error
        if rule.jurisdiction in {"*", jurisdiction}:
            digest.update(len(raw).to_bytes(8, "big") + raw)
            rules.append(rule)
    _refuse_overlaps(rules)
    return RuleBook(tuple(rules), digest.hexdigest())


def _refuse_overlaps(rules: Iterable[Rule]) -> None:
    for one, other in combinations(rules, 2):
        if one.id != other.id:
            continue
        early, late = sorted((one, other), key=lambda rule: rule.effective_from)
        if early.effective_until is None or early.effective_until > late.effective_from:
            raise RulesInvalid(f"{one.id}: versions {one.version} and {other.version} overlap.")
