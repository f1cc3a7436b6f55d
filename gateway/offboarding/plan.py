"""The plan of an unbinding: pure. What becomes of each binding, the digest, what changed, the words."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import cache
from importlib import resources
from typing import Any

import rfc8785
import yaml
from pydantic import BaseModel, ConfigDict

from gateway.offboarding.model import Change, Effect, Facts, Held, Move, Person, StepKind

FORMAT = "maskline-unbinding/1"
CALLING_ROLES = frozenset({"agent", "supervisor"})
"""Who can hold customers: those who may place calls."""


class StepText(BaseModel):
    """What a step does, in both languages, and whether it can be undone."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    zh: str
    en: str
    undo: str


def moves(bindings: Iterable[Held], others: Iterable[Held], now: datetime) -> dict[str, Move]:
    """Decide what becomes of each binding of the leaver; `others` are the successor's live ones.

    One employee has one live binding with a customer for a purpose, and dials a line to one customer only.
    """
    theirs = list(others)
    pairs = {(one.customer_id, one.purpose) for one in theirs}
    dialled = {one.line_id for one in theirs if one.direct_dial}
    found: dict[str, Move] = {}
    for one in bindings:
        if one.expires_at <= now:
            found[one.id] = Move.EXPIRE
        elif (one.customer_id, one.purpose) in pairs:
            found[one.id] = Move.RELEASE
        elif one.direct_dial and one.line_id in dialled:
            found[one.id] = Move.BY_TOKEN
        else:
            found[one.id] = Move.MOVE
    return found


def moved(bindings: Mapping[str, Move]) -> frozenset[str]:
    """Give the bindings that go to the successor."""
    return frozenset(one for one, move in bindings.items() if move in {Move.MOVE, Move.BY_TOKEN})


def fits(person: Person) -> bool:
    """Tell whether somebody can take over customers."""
    return person.active and bool(person.roles & CALLING_ROLES)


def needs_successor(facts: Facts) -> bool:
    """Tell whether there is something to hand over."""
    return bool(facts.customers or facts.threads or moved(facts.bindings))


def plan_bytes(facts: Facts, *, wipe: bool) -> bytes:
    """Write the plan as canonical JSON (RFC 8785): what the preview showed and the act does. Ids only."""
    document: dict[str, Any] = {
        "format": FORMAT,
        "employee": _person(facts.employee),
        "successor": None if facts.successor is None else _person(facts.successor),
        "customers": sorted(facts.customers),
        "bindings": {one: move.value for one, move in facts.bindings.items()},
        "threads": sorted(facts.threads),
        "messages": sorted(facts.messages),
        "duties": {kind: sorted(ids) for kind, ids in facts.duties.items()},
        "phones": sorted(facts.phones),
        "wipe": wipe,
    }
    return rfc8785.dumps(document)


def digest_of(plan: bytes) -> str:
    """Give the plan's SHA-256 in hexadecimal: the ledger's entry names it."""
    return hashlib.sha256(plan).hexdigest()


def changes(before: bytes, after: bytes) -> tuple[Change, ...]:
    """Compare two plans part by part."""
    old, new, none = _parts(json.loads(before)), _parts(json.loads(after)), frozenset[str]()
    found = []
    for part in sorted({*old, *new}):
        was, now = old.get(part, none), new.get(part, none)
        if was != now:
            found.append(Change(part, len(now - was), len(was - now)))
    return tuple(found)


def effects(facts: Facts, *, wipe: bool) -> tuple[Effect, ...]:
    """Say what will happen, line by line; what concerns nothing is left out."""
    return tuple(
        effect(kind, count) for kind, count in counts(facts, wipe=wipe).items() if count or kind in _ALWAYS
    )


def counts(facts: Facts, *, wipe: bool) -> dict[StepKind, int]:
    """Count what each step touches."""
    phones = len(facts.phones)
    return {
        StepKind.ACCOUNT: 1,
        StepKind.SESSIONS: facts.passing.sessions,
        StepKind.REGISTRATION: int(facts.passing.registered),
        StepKind.CALLS: facts.passing.live_calls,
        StepKind.CUSTOMERS: len(facts.customers),
        StepKind.BINDINGS: len(facts.bindings),
        StepKind.THREADS: len(facts.threads),
        StepKind.MESSAGES: len(facts.messages),
        StepKind.DUTIES: sum(len(ids) for ids in facts.duties.values()),
        StepKind.FREEZE: phones,
        StepKind.WIPE: phones if wipe else 0,
        StepKind.HOLD: 1,
    }


_ALWAYS = frozenset(
    {StepKind.ACCOUNT, StepKind.SESSIONS, StepKind.REGISTRATION, StepKind.CALLS, StepKind.HOLD}
)


def effect(kind: StepKind, count: int) -> Effect:
    """Say one thing in words."""
    text = texts()[kind]
    return Effect(kind, count, text.zh.format(count=count), text.en.format(count=count), text.undo)


@cache
def texts() -> Mapping[StepKind, StepText]:
    """Read the words; a step without words stops the start."""
    document = yaml.safe_load((resources.files("gateway.offboarding") / "steps.yaml").read_text("utf-8"))
    found = {StepKind(kind): StepText.model_validate(text) for kind, text in document.items()}
    missing: Sequence[str] = [kind for kind in StepKind if kind not in found]
    if missing:
        raise LookupError(f"steps.yaml lacks {missing}")
    return found


def told(found: Sequence[Change]) -> tuple[str, str]:
    """Say in words what changed, in Chinese and in English."""
    names = _part_names()
    sentences = []
    for language, comma in (("zh", "，"), ("en", ", ")):
        words = [
            f"{names.get(one.part, {}).get(language, one.part)} +{one.added} −{one.removed}" for one in found
        ]
        sentences.append(comma.join(words))
    return sentences[0], sentences[1]


@cache
def _part_names() -> Mapping[str, Mapping[str, str]]:
    document: dict[str, dict[str, str]] = yaml.safe_load(
        (resources.files("gateway.offboarding") / "parts.yaml").read_text("utf-8")
    )
    return document


def _person(person: Person) -> dict[str, Any]:
    return {
        "id": person.id,
        "active": person.active,
        "department": person.department_id,
        "roles": sorted(person.roles),
    }


def _parts(document: dict[str, Any]) -> dict[str, frozenset[str]]:
    """Flatten a plan into named sets that can be compared."""
    parts: dict[str, frozenset[str]] = {}
    for name, value in document.items():
        if isinstance(value, list):
            parts[name] = frozenset(value)
        elif name == "duties":
            parts |= {f"duties.{kind}": frozenset(ids) for kind, ids in value.items()}
        elif isinstance(value, dict):
            parts[name] = frozenset(f"{key}={item}" for key, item in value.items())
        else:
            parts[name] = frozenset({str(value)})
    return parts
