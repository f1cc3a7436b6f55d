"""What is hashed for an entry: canonical JSON (RFC 8785) of its number, kind, time and body."""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TypeAlias

import rfc8785

from core.errors import Invalid
from core.ledger.merkle import leaf_hash
from core.ledger.models import KIND_CHARACTERS, Entry

JSON: TypeAlias = "str | int | float | bool | list[JSON] | tuple[JSON, ...] | Mapping[str, JSON] | None"

VERSION = 1
MAX_RECORD_BYTES = 64 * 1024
SHORTEST_NUMBER = 8
"""Characters of the shortest text that `_NUMBER` finds."""
LARGEST_INT = 2**53 - 1
_encode = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode
_KIND = re.compile(r"[a-z][a-z0-9_-]*(\.[a-z][a-z0-9_-]*)*")
# A phone number standing alone in a text. Hashes and ids do not match: they are one long word.
_NUMBER = re.compile(r"(?<![0-9A-Za-z])(\+\d{7,15}|(?:86)?1[3-9]\d{9}|0[1-9]\d{1,2}-?\d{7,8})(?![0-9A-Za-z])")


class LedgerBodyInvalid(Invalid):
    """The ledger does not take this: kinds are dotted words, bodies small JSON without personal data."""

    code = "ledger-body-invalid"
    zh = "账本不接受此内容：类别须为点分单词，内容须为不含个人信息的小段 JSON。"


def make_entry(seq: int, kind: str, at: datetime, body: Mapping[str, JSON]) -> Entry:
    """Build an entry and hash it.

    Raises:
        LedgerBodyInvalid: not JSON, too large, or it carries what looks like a phone number.
    """
    if len(kind) > KIND_CHARACTERS or not _KIND.fullmatch(kind):
        raise LedgerBodyInvalid("The kind is not a dotted word.", detail_zh="类别不是点分单词。")
    simple = _look_through(body)
    at = at.astimezone(UTC)
    value = {"at": at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"), "body": body, "kind": kind, "seq": seq, "v": VERSION}
    try:
        record = _encode(value).encode() if simple else rfc8785.dumps(value)  # type: ignore[arg-type]
    except (rfc8785.CanonicalizationError, UnicodeEncodeError, RecursionError):
        raise LedgerBodyInvalid("The body is not JSON.", detail_zh="内容不是合法 JSON。") from None
    if len(record) > MAX_RECORD_BYTES:
        raise LedgerBodyInvalid("The body is too large.", detail_zh="内容过大。")
    return Entry(seq, kind, at, json.loads(record)["body"], record, leaf_hash(record))


def read_entry(record: bytes) -> Entry:
    """Read a stored record back."""
    value = json.loads(record)
    at = datetime.strptime(value["at"], "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)
    return Entry(value["seq"], value["kind"], at, value["body"], record, leaf_hash(record))


def _look_through(value: object) -> bool:
    """Tell whether the standard library writes a value as RFC 8785 does, and three times as fast.

    So it does for plain types with ASCII keys (it sorts by code point, RFC 8785 by UTF-16) and without
    floats. Also stops a phone number that got here by mistake: what is in the ledger can never be taken out.
    """
    if value is None or value is True or value is False:
        return True
    if isinstance(value, str):
        if len(value) >= SHORTEST_NUMBER and _NUMBER.search(value):
            raise LedgerBodyInvalid("A text looks like a phone number.", detail_zh="文本疑似含电话号码。")
        return type(value) is str
    if isinstance(value, Mapping):
        keys = [_look_through(key) and isinstance(key, str) and key.isascii() for key in value]
        items = [_look_through(item) for item in value.values()]
        return type(value) is dict and all(keys) and all(items)
    if isinstance(value, list | tuple):
        items = [_look_through(item) for item in value]  # every one is looked at
        return all(items)
    return type(value) is int and -LARGEST_INT <= value <= LARGEST_INT
