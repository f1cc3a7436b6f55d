"""The limits of bindings, from a versioned file."""

from datetime import date, timedelta
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, Field

DATA = Path(__file__).with_name("policy.yaml")


class PolicySource(BaseModel):
    """Where the figures come from."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    zh: str
    en: str
    standing: str


class BindingPolicy(BaseModel):
    """How long a binding may live and how many an employee may hold at once."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    version: str
    effective_from: date
    source: PolicySource
    max_life_days: int = Field(ge=1)
    min_life_s: int = Field(ge=1)
    max_active_per_employee: int = Field(ge=1)

    @property
    def max_life(self) -> timedelta:
        return timedelta(days=self.max_life_days)

    @property
    def min_life(self) -> timedelta:
        return timedelta(seconds=self.min_life_s)


def load_policy(path: Path = DATA) -> BindingPolicy:
    """Read the policy file; a faulty one raises pydantic's error at start-up."""
    return BindingPolicy.model_validate(yaml.safe_load(path.read_bytes()))
