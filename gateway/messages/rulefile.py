"""Reads the versioned data of this folder: screening policy, opt-out words, wording, delivery figures."""

from collections.abc import Mapping
from datetime import date
from functools import cache
from pathlib import Path
from typing import Literal, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field

from gateway.contact.model import Purpose
from gateway.messages.model import ChannelKind
from gateway.messages.screening.model import Action, DataKind

DATA = Path(__file__).with_name("data")
F = TypeVar("F", bound="RuleFile")


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Source(_Part):
    """Where the figures and words come from."""

    zh: str
    en: str
    standing: str


class RuleFile(_Part):
    """What every file has."""

    id: str
    version: str
    effective_from: date
    source: Source

    @property
    def label(self) -> str:
        return f"{self.id}@{self.version}"


class Consequence(_Part):
    """What follows from a finding, and the sentence for people."""

    action: Action
    zh: str
    en: str


class TemplatesOnly(_Part):
    """A purpose that may use no free text over a channel."""

    purpose: Purpose
    channel: ChannelKind


class ScreeningPolicy(RuleFile):
    """What follows from what is found in a message of staff."""

    contact_data: Mapping[DataKind, Consequence]
    words: Mapping[str, Mapping[str, Consequence]]
    unknown_word: Consequence
    fatal_word: Consequence
    unsure_below: float = Field(ge=0, le=1)
    attachment: Mapping[Literal["picture", "voice", "file"], Consequence]
    templates_only: tuple[TemplatesOnly, ...]


class Effect(_Part):
    """What an opt-out ends."""

    purposes: Literal["all", "same"]
    channels: Literal["all", "message"]
    withdraw_consent: bool


class Sentence(_Part):
    zh: str
    en: str


class OptOutWords(RuleFile):
    """Words by which a customer ends contacts."""

    whole: tuple[str, ...]
    contains: tuple[str, ...]
    unless: tuple[str, ...]
    effect: Mapping[Purpose, Effect]
    confirmation: Sentence


class RequiredWording(_Part):
    """One thing that a template must say: at least one of the texts."""

    id: str
    any_of: tuple[str, ...]
    zh: str
    en: str


class Wording(RuleFile):
    """What templates must say, by purpose."""

    required: Mapping[Purpose, tuple[RequiredWording, ...]]
    opt_out_note: Sentence
    house_variables: tuple[str, ...]
    max_length: int = Field(ge=1)


class DeliveryPolicy(RuleFile):
    """Retries, waiting and limits."""

    retry_pauses_s: tuple[float, ...] = Field(min_length=1)
    jitter: float = Field(ge=0, le=1)
    give_up_after_s: float = Field(gt=0)
    receipt_wait_s: float = Field(gt=0)
    day_grace_s: float = Field(ge=0)
    max_text: int = Field(ge=1)
    max_attachment_bytes: int = Field(ge=1)
    chat_token_days: int = Field(ge=1)


def read(kind: type[F], path: Path) -> F:
    """Read one file; a faulty one raises pydantic's error at start-up."""
    return kind.model_validate(yaml.safe_load(path.read_bytes()))


@cache
def screening_policy() -> ScreeningPolicy:
    return read(ScreeningPolicy, DATA / "screening.v1.yaml")


@cache
def optout_words() -> OptOutWords:
    return read(OptOutWords, DATA / "optout.v1.yaml")


@cache
def wording() -> Wording:
    return read(Wording, DATA / "wording.v1.yaml")


@cache
def delivery_policy() -> DeliveryPolicy:
    return read(DeliveryPolicy, DATA / "delivery.v1.yaml")
