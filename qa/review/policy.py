"""Reads the review policy, and draws the sample of clean inspections: random, even, and reproducible."""

import hashlib
import hmac
from datetime import timedelta
from fractions import Fraction
from functools import cache
from importlib import resources
from math import ceil
from typing import Annotated

import yaml
from pydantic import BaseModel, ConfigDict, Field

SECRET_NAME = "review-sample"  # noqa: S105 - the name of a secret


class ReviewPolicy(BaseModel):
    """How much is reviewed, and how long one may object."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: str
    source: str
    appeal_days: Annotated[int, Field(ge=1, le=30)]
    claim_minutes: Annotated[int, Field(ge=1, le=24 * 60)]
    clean_percent: Annotated[int, Field(ge=0, le=100)]

    @property
    def appeal_span(self) -> timedelta:
        return timedelta(days=self.appeal_days)

    @property
    def claim_span(self) -> timedelta:
        return timedelta(minutes=self.claim_minutes)


@cache
def own_policy() -> ReviewPolicy:
    """The policy that comes with the product."""
    document = (resources.files("qa.review") / "policy.yaml").read_text("utf-8")
    return ReviewPolicy.model_validate(yaml.safe_load(document))


class Sampler:
    """Draws a share of each employee's clean inspections.

    They are numbered from 1 for each employee and cut into stretches so long that one of each falls to the
    sample; which one, a keyed hash of employee and stretch says. So everybody is sampled at the same rate,
    nobody can foresee which contact it will be, and who has the key can draw the same sample again.
    """

    def __init__(self, key: bytes, percent: int) -> None:
        self._key = key
        self._rate = Fraction(percent, 100)

    def takes(self, employee_id: str, number: int) -> bool:
        """Say whether the employee's clean inspection of this number (from 1) is in the sample."""
        if not self._rate:
            return False
        # The stretch that `number` lies in holds the numbers whose share of the sample rounds to the same.
        stretch = int((number - 1) * self._rate)
        first = ceil(stretch / self._rate) + 1
        length = ceil((stretch + 1) / self._rate) + 1 - first
        digest = hmac.digest(self._key, f"{employee_id}/{stretch}".encode(), hashlib.sha256)
        return number == first + int.from_bytes(digest[:8]) % length
