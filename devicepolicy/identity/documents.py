"""What the server tells a phone, signed for that phone alone: a JWS that cannot be replayed or swapped.

The form is JWS Compact Serialization (RFC 7515 §7.1) with Ed25519 (`alg` EdDSA, RFC 8037): three parts of
base64url without padding, joined by dots. The signature covers the first two exactly as they stand, so an
agent verifies before it parses and needs no canonical JSON. The payload:

    {"aud": device id, "seq": integer, "iat": seconds, "nbf": seconds, "exp": seconds, "doc": {...}}

An agent accepts a token only if `typ` is the kind it asked for, `kid` one of the server's keys, `aud` its own
id, `nbf <= now < exp` by the server's clock (RFC 7519 §4.1), and `seq` not behind what it has seen.
"""

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from core.errors import Invalid
from core.ledger.record import JSON
from devicepolicy.identity.keys import key_id_of

ALGORITHM = "EdDSA"
ANY_DEVICE = "*"
"""`aud` of what is stated to every phone; no phone has this id."""
_HEADER = frozenset({"alg", "kid", "typ"})
_PAYLOAD = frozenset({"aud", "seq", "iat", "nbf", "exp", "doc"})


class DocumentKind(StrEnum):
    """What is signed; it stands in the header's `typ`, so that one kind never passes for another."""

    DESIRED = "maskline-desired"
    COMMAND = "maskline-command"
    NOTICE = "maskline-notice"
    KEY = "maskline-key"
    """The key that comes after the one that signed this; for every phone."""


class DocumentRefused(Invalid):
    """This document is not what the server signed for this phone now."""

    code = "document-refused"
    zh = "该文件不是服务器此刻签发给本机的内容。"


@dataclass(frozen=True, slots=True)
class SignedDocument:
    """A token and what it says."""

    token: str
    key_id: str


@dataclass(frozen=True, slots=True)
class VerifiedDocument:
    """What a token says, once its signature holds."""

    device_id: str
    sequence: int
    issued_at: datetime
    expires_at: datetime
    document: Mapping[str, JSON]


def sign_document(
    key: Ed25519PrivateKey,
    kind: DocumentKind,
    document: Mapping[str, JSON],
    *,
    device_id: str,
    sequence: int,
    issued_at: datetime,
    expires_at: datetime,
) -> SignedDocument:
    """Sign `document` for one device. Times are cut to whole seconds.

    `sequence` is the desired version or the command's number. The same input gives the same token.
    """
    if sequence < 0 or expires_at <= issued_at:
        raise ValueError("a sequence is not negative, and a document expires after it was issued")
    key_id = key_id_of(key.public_key())
    issued = int(issued_at.timestamp())
    payload = {
        "aud": device_id,
        "seq": sequence,
        "iat": issued,
        "nbf": issued,
        "exp": int(expires_at.timestamp()),
        "doc": dict(document),
    }
    header = {"alg": ALGORITHM, "kid": key_id, "typ": kind.value}
    signed = f"{_encode(_dump(header))}.{_encode(_dump(payload))}"
    return SignedDocument(f"{signed}.{_encode(key.sign(signed.encode()))}", key_id)


def verify_document(
    token: str,
    kind: DocumentKind,
    *,
    keys: Mapping[str, Ed25519PublicKey],
    device_id: str,
    now: datetime,
    not_behind: int = 0,
) -> VerifiedDocument:
    """Give what a token says, as an agent must before it believes a word of it.

    `keys` are the server's by key id. `not_behind` is the highest sequence seen of this kind.

    Raises:
        DocumentRefused: `reason` is malformed, wrong-kind, unknown-key, forged, wrong-device, not-yet-valid,
            expired or behind, checked in this order.
    """
    parts = token.split(".")
    if len(parts) != 3 or not token.isascii():
        raise DocumentRefused(reason="malformed")
    header, raw, signature = _object(parts[0], _HEADER), _decode(parts[1]), _decode(parts[2])
    if header["typ"] != kind.value or header["alg"] != ALGORITHM:
        raise DocumentRefused(reason="wrong-kind")
    key = keys.get(str(header["kid"]))
    if key is None:
        raise DocumentRefused(reason="unknown-key")
    try:
        key.verify(signature, f"{parts[0]}.{parts[1]}".encode())
    except InvalidSignature:
        raise DocumentRefused(reason="forged") from None
    payload = _members(raw, _PAYLOAD)
    found = _verified(payload)
    if found.device_id != device_id:
        raise DocumentRefused(reason="wrong-device")
    if now < datetime.fromtimestamp(payload["nbf"], UTC):
        raise DocumentRefused(reason="not-yet-valid")
    if now >= found.expires_at:
        raise DocumentRefused(reason="expired")
    if found.sequence < not_behind:
        raise DocumentRefused(reason="behind")
    return found


def _verified(payload: Mapping[str, Any]) -> VerifiedDocument:
    numbers = [payload[name] for name in ("seq", "iat", "nbf", "exp")]
    if any(type(number) is not int for number in numbers):
        raise DocumentRefused(reason="malformed")
    if not isinstance(payload["aud"], str) or not isinstance(payload["doc"], dict):
        raise DocumentRefused(reason="malformed")
    try:
        issued, _, expires = (datetime.fromtimestamp(number, UTC) for number in numbers[1:])
    except (ValueError, OverflowError, OSError):
        raise DocumentRefused(reason="malformed") from None
    return VerifiedDocument(payload["aud"], payload["seq"], issued, expires, payload["doc"])


def _object(part: str, names: frozenset[str]) -> dict[str, Any]:
    return _members(_decode(part), names)


def _members(raw: bytes, names: frozenset[str]) -> dict[str, Any]:
    try:
        found = json.loads(raw, object_pairs_hook=_unique)
    except (ValueError, RecursionError):
        raise DocumentRefused(reason="malformed") from None
    if not isinstance(found, dict) or set(found) != names:
        raise DocumentRefused(reason="malformed")
    return found


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Two members of one name mean two things to two readers (RFC 7515 §4)."""
    if len({name for name, _ in pairs}) != len(pairs):
        raise ValueError
    return dict(pairs)


def _dump(value: Mapping[str, Any]) -> bytes:
    return json.dumps(
        value, ensure_ascii=False, separators=(",", ":"), sort_keys=True, allow_nan=False
    ).encode()


def _encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _decode(part: str) -> bytes:
    """Read base64url without padding, in its one right spelling."""
    try:
        raw = base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise DocumentRefused(reason="malformed") from None
    if _encode(raw) != part:
        raise DocumentRefused(reason="malformed")
    return raw
