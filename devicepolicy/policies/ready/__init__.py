"""Ready policies to begin with: data beside this file, put in by an administrator as drafts."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict


class ReadyPolicy(BaseModel):
    """A document with a name; it is checked like any other when it is used."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    key: str
    zh: str
    en: str
    about_zh: str
    about_en: str
    document: Mapping[str, Any]


@cache
def ready_policies() -> tuple[ReadyPolicy, ...]:
    """Read them, ordered by file name."""
    files = sorted(Path(__file__).parent.glob("*.yaml"))
    return tuple(ReadyPolicy.model_validate(yaml.safe_load(file.read_text("utf-8"))) for file in files)
