"""Reads the rules from their YAML file, and an institution's own limits from another."""

from datetime import date, time
from enum import StrEnum
from fnmatch import fnmatchcase
from functools import cache, cached_property
from importlib import resources
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from core.audit.model import GROUP_OF
from core.faults import SettingsInvalid

Act = tuple[str, str | None]
DAY_S = 86_400
ActText = Annotated[str, Field(pattern=r"^[a-z][a-z.-]*\*?(:[A-Za-z_-]+)?$")]
RuleId = Annotated[str, Field(pattern=r"^access_[a-z_]{3,17}$")]  # a column holds 24 characters
Limit = Annotated[int, Field(ge=0, le=10_000)]


class Judge(StrEnum):
    """How a rule judges; the file of rules says what each means."""

    MANY = "many"
    HOURS = "hours"
    STREAK = "streak"
    ROUNDABOUT = "roundabout"
    ADDRESS = "address"


class Counts(StrEnum):
    """What a rule counts."""

    ACTS = "acts"
    CUSTOMERS = "customers"
    TARGETS = "targets"
    AMOUNT = "amount"


class Severity(StrEnum):
    """As everywhere in alerts."""

    SEVERE = "severe"
    MODERATE = "moderate"
    MINOR = "minor"


class _Shape(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Words(_Shape):
    """One text in both languages."""

    zh: str = Field(min_length=1)
    en: str = Field(min_length=1)


class Usual(_Shape):
    """What is asked beyond the limit."""

    factor: float = Field(ge=1, le=100)
    floor: int = Field(ge=0, le=10_000)
    always: int = Field(ge=1, le=100_000)


class Networks(_Shape):
    """How many bits of an address make its network."""

    v4: int = Field(ge=8, le=32)
    v6: int = Field(ge=16, le=128)


class Rule(_Shape):
    """One rule; `acts` and `then` as they stand in the file."""

    id: RuleId
    judge: Judge
    acts: tuple[ActText, ...] = Field(min_length=1)
    then: tuple[ActText, ...] = ()
    counts: Counts
    window_s: int = Field(default=DAY_S, ge=60, le=366 * DAY_S)
    limit: Limit
    usual: Usual | None = None
    begins: time | None = None
    ends: time | None = None
    networks: Networks | None = None
    severity: Severity
    title: Words
    saw: Words
    advice: Words
    reason: str = Field(min_length=1)
    source: str = Field(min_length=1)
    enabled: bool = True

    @model_validator(mode="after")
    def _fits_its_judge(self) -> "Rule":
        needs = {
            Judge.HOURS: self.begins is not None and self.ends is not None and self.begins != self.ends,
            Judge.STREAK: bool(self.then),
            Judge.ROUNDABOUT: bool(self.then),
            Judge.ADDRESS: self.networks is not None,
        }
        if not needs.get(self.judge, True):
            raise ValueError(f"a rule of {self.judge.value} lacks what it judges by")
        if self.judge is Judge.MANY and self.window_s > 7 * DAY_S:
            raise ValueError("a window is a week at most")
        if self.usual is not None and self.usual.always < self.limit:
            raise ValueError("always must not be below the limit")
        if any("{seen}" not in text for text in (self.saw.zh, self.saw.en)):
            raise ValueError("the text does not say how many were seen")
        return self

    @cached_property
    def acts_told(self) -> tuple[Act, ...]:
        """The kinds of lines that it counts, patterns resolved."""
        return _resolved(self.acts)

    @cached_property
    def then_told(self) -> tuple[Act, ...]:
        return _resolved(self.then)

    @cached_property
    def all_told(self) -> tuple[Act, ...]:
        return (*self.acts_told, *self.then_told)


class OnCall(_Shape):
    """Somebody who may work at night; without dates always. `until` counts."""

    username: str = Field(min_length=1, max_length=64)
    since: date = date.min
    until: date = date.max


class Change(_Shape):
    """What an institution changes of a rule."""

    limit: Limit | None = None
    window_s: int | None = Field(default=None, ge=60, le=366 * DAY_S)
    usual: Usual | None = None
    begins: time | None = None
    ends: time | None = None
    networks: Networks | None = None
    severity: Severity | None = None
    enabled: bool | None = None


class OwnLimits(_Shape):
    """An institution's file."""

    version: str = Field(min_length=1, max_length=16, pattern=r"^[\w.-]+$")
    effective: date
    changes: dict[RuleId, Change] = Field(default_factory=dict)
    on_call: tuple[OnCall, ...] = ()


class Rulebook(_Shape):
    """All rules of one version."""

    version: str = Field(min_length=1, max_length=32)
    effective: date
    rules: tuple[Rule, ...]
    on_call: tuple[OnCall, ...] = ()

    @model_validator(mode="after")
    def _names_are_unique(self) -> "Rulebook":
        if len({rule.id for rule in self.rules}) != len(self.rules):
            raise ValueError("two rules have the same id")
        return self

    def rule(self, rule_id: str) -> Rule | None:
        """Find a rule; None for one that is not in force any more."""
        return next((rule for rule in self.rules if rule.id == rule_id), None)

    @property
    def enabled(self) -> tuple[Rule, ...]:
        return tuple(rule for rule in self.rules if rule.enabled)

    def with_own(self, own: OwnLimits) -> "Rulebook":
        """Change what the institution changes; the version then names both files.

        Raises:
            ValueError: it changes a rule that there is not, or into one that cannot be.
        """
        unknown = own.changes.keys() - {rule.id for rule in self.rules}
        if unknown:
            raise ValueError(f"no such rule: {', '.join(sorted(unknown))}")
        rules = []
        for rule in self.rules:
            changed = own.changes[rule.id].model_dump(exclude_none=True) if rule.id in own.changes else {}
            rules.append(Rule.model_validate({**rule.model_dump(), **changed}))
        return Rulebook(
            version=f"{self.version}+{own.version}",
            effective=max(self.effective, own.effective),
            rules=tuple(rules),
            on_call=own.on_call,
        )


@cache
def own_rules() -> Rulebook:
    """The rules that come with the product."""
    document = (resources.files("core.audit.unusual") / "rules.yaml").read_text("utf-8")
    return Rulebook.model_validate(yaml.safe_load(document))


def load_rules(own: Path | None) -> Rulebook:
    """Give the rules with the institution's own limits.

    Raises:
        SettingsInvalid: the file cannot be read, or does not say what can be.
    """
    if own is None:
        return own_rules()
    try:
        document: Any = yaml.safe_load(own.read_text("utf-8"))
        return own_rules().with_own(OwnLimits.model_validate(document))
    except ValidationError as error:
        places = ", ".join(sorted({".".join(map(str, fault["loc"])) or "*" for fault in error.errors()}))
        raise _invalid(places) from None
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise _invalid(type(error).__name__ if isinstance(error, OSError) else str(error)) from None


def _invalid(what: str) -> SettingsInvalid:
    return SettingsInvalid(
        f"unusual.rules_file: {what}", detail_zh=f"unusual.rules_file：异常访问规则文件有误（{what}）。"
    )


def _resolved(texts: tuple[str, ...]) -> tuple[Act, ...]:
    """Name the kinds that a pattern stands for: those that the access log knows."""
    found: list[Act] = []
    for text in texts:
        kind, _, detail = text.partition(":")
        kinds = [kind] if "*" not in kind else [one for one in sorted(GROUP_OF) if fnmatchcase(one, kind)]
        found += [(one, detail or None) for one in kinds]
    return tuple(dict.fromkeys(found))
