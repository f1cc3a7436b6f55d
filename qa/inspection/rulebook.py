"""Reads the inspection rules and the scoring scheme from their YAML file."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib import resources
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from qa.inspection.errors import RulebookInvalid
from qa.lexicon.model import Category, Pack, Scene, Severity, Speaker, Term

Slug = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{1,63}$")]
Share = Annotated[float, Field(ge=0, le=1)]
Points = Annotated[int, Field(ge=0, le=100)]


class _Shape(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Words(_Shape):
    """The same in both languages."""

    zh: str
    en: str

    def in_language(self, language: str) -> str:
        return self.zh if language == "zh" else self.en


class Chats(StrEnum):
    """In which chats a rule holds. A call is between two, as a single chat is."""

    ANY = "any"
    SINGLE = "single"
    GROUP = "group"

    def holds(self, *, in_group: bool) -> bool:
        return self is Chats.ANY or in_group is (self is Chats.GROUP)


class _Rule(_Shape):
    id: Slug
    title: Words
    role: Speaker
    advice: Words | None = None
    version: str | None = None


class LexiconRule(_Rule):
    """Terms of one category, said by one role in contacts of some purposes."""

    kind: Literal["lexicon"]
    category: Category
    purposes: tuple[Scene, ...] = (Scene.ANY,)
    chats: Chats = Chats.ANY
    deducts: bool = True
    alert_from: Severity | None = None

    def covers(self, category: Category, role: str, scene: Scene) -> bool:
        return (
            self.category is category
            and self.role in {Speaker.ANY, role}
            and (Scene.ANY in self.purposes or scene in self.purposes)
        )


class RequiredRule(_Rule):
    """Something that must be said near the beginning."""

    kind: Literal["required"]
    category: Slug
    severity: Severity
    directions: tuple[str, ...]
    within_ms: int = Field(gt=0)
    fewest_sentences: int = Field(ge=1)
    texts: tuple[str, ...] = Field(min_length=1)

    def as_pack(self) -> Pack:
        """Give the wanted words as a lexicon pack, so that they are found by sound too."""
        term = Term(
            id=f"required.{self.id}",
            pack="required",
            label=self.texts[0],
            texts=self.texts,
            category=Category.INSULT,  # unused: presence is what counts
            severity=self.severity,
            speaker=Speaker.ANY,
            scenes=frozenset({Scene.ANY}),
            source=self.id,
        )
        return Pack("required", "1.0.0", self.title.zh, self.title.en, self.id, "Apache-2.0", (term,))


class Bands(_Shape):
    pass_: Points = Field(alias="pass")
    coach: Points


class Scoring(_Shape):
    """How findings cost points."""

    initial: Points
    fatal_score: Points
    deductions: dict[Severity, Points]
    suspected_below: Share
    trusted_speech: Share
    bands: Bands


class _File(_Shape):
    version: str
    source: str
    categories: dict[str, Words]
    rules: tuple[Annotated[LexiconRule | RequiredRule, Field(discriminator="kind")], ...]
    scoring: Scoring


@dataclass(frozen=True, slots=True)
class RuleTitle:
    """A rule by its name."""

    id: str
    zh: str
    en: str


@dataclass(frozen=True, slots=True)
class Rulebook:
    """All rules of one version."""

    version: str
    categories: dict[str, Words]
    lexicon_rules: tuple[LexiconRule, ...]
    required_rules: tuple[RequiredRule, ...]
    scoring: Scoring

    def rule(self, rule_id: str) -> LexiconRule | RequiredRule | None:
        """Find a rule; None for one that a former version had."""
        rules: tuple[LexiconRule | RequiredRule, ...] = (*self.lexicon_rules, *self.required_rules)
        return next((rule for rule in rules if rule.id == rule_id), None)

    def titles(self, rule_ids: Iterable[str]) -> tuple[RuleTitle, ...]:
        """Name rules; one that a former version had by its id."""
        found = ((rule_id, self.rule(rule_id)) for rule_id in rule_ids)
        return tuple(
            RuleTitle(rule_id, rule.title.zh, rule.title.en) if rule else RuleTitle(rule_id, rule_id, rule_id)
            for rule_id, rule in found
        )

    def category(self, name: str) -> Words:
        return self.categories.get(name, Words(zh=name, en=name))


def parse_rulebook(document: str) -> Rulebook:
    """Read a rulebook. Raises `RulebookInvalid` with one line for each fault."""
    try:
        file = _File.model_validate(yaml.safe_load(document))
    except yaml.YAMLError:
        raise RulebookInvalid("not valid YAML", detail_zh="不是合法的 YAML") from None
    except ValidationError as error:
        faults = "\n".join(
            f"{'.'.join(str(part) for part in fault['loc'])}: {fault['msg']}" for fault in error.errors()
        )
        raise RulebookInvalid(faults, detail_zh=faults) from None
    faults = "\n".join(_faults(file))
    if faults:
        raise RulebookInvalid(faults, detail_zh=faults)
    return Rulebook(
        file.version,
        file.categories,
        tuple(rule for rule in file.rules if isinstance(rule, LexiconRule)),
        tuple(rule for rule in file.rules if isinstance(rule, RequiredRule)),
        file.scoring,
    )


def _faults(file: _File) -> list[str]:
    ids = [rule.id for rule in file.rules]
    faults = [
        f"rules: {name!r} stands twice" for name in sorted({name for name in ids if ids.count(name) > 1})
    ]
    faults += [
        f"rules.{rule.id}: category {rule.category!r} has no title"
        for rule in file.rules
        if rule.category not in file.categories
    ]
    faults += [
        f"scoring.deductions: {level} is missing"
        for level in Severity
        if level not in file.scoring.deductions
    ]
    if file.scoring.bands.coach > file.scoring.bands.pass_:
        faults.append("scoring.bands: coach lies above pass")
    return faults


@cache
def own_rulebook() -> Rulebook:
    """The rules that come with the product."""
    return parse_rulebook((resources.files("qa.inspection") / "rules.yaml").read_text("utf-8"))
