"""Keys, signatures and hashes of the protocol: RFC 9421, 9530, 7515, 8037, 7638 and 8785. Pure."""

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import rfc8785
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

JSON: TypeAlias = Any
TAG = "maskline-agent"
LABEL = "phone"
DESIRED, COMMAND, KEY = "maskline-desired", "maskline-command", "maskline-key"
ANY_DEVICE = "*"
_HEADER = {"alg", "kid", "typ"}
_PAYLOAD = {"aud", "seq", "iat", "nbf", "exp", "doc"}
_PART = re.compile(r"[A-Za-z0-9_-]*")


class Refused(Exception):
    """A document that must not be believed. `reason` is one of the words of the test vectors."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Document:
    """What the server signed for this phone. Times are seconds since 1970 (UTC)."""

    sequence: int
    issued: int
    expires: int
    doc: Mapping[str, JSON]


def b64u(raw: bytes) -> str:
    """Write base64url without padding."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def unb64u(text: str) -> bytes:
    """Read base64url without padding in its one right spelling; raise `ValueError`."""
    if not _PART.fullmatch(text):
        raise ValueError("not base64url")
    try:
        raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except binascii.Error:
        raise ValueError("not base64url") from None
    if b64u(raw) != text:
        raise ValueError("a second spelling")
    return raw


def key_text(key: Ed25519PublicKey) -> str:
    """Write a public key as the member `x` of a JWK (RFC 8037 §2)."""
    return b64u(key.public_bytes_raw())


def thumbprint(key: Ed25519PublicKey) -> str:
    """Name a key (RFC 7638 §3)."""
    return b64u(hashlib.sha256(f'{{"crv":"Ed25519","kty":"OKP","x":"{key_text(key)}"}}'.encode()).digest())


def sign_request(
    key: Ed25519PrivateKey,
    key_id: str,
    *,
    method: str,
    target: str,
    created: int,
    nonce: str,
    body: bytes = b"",
) -> dict[str, str]:
    """Give the headers to add to a request. `target` is path and query exactly as sent."""
    path, _, query = target.partition("?")
    lines = [("@method", method), ("@path", path), ("@query", f"?{query}")]
    headers = {}
    if body:
        digest = base64.b64encode(hashlib.sha256(body).digest()).decode()
        headers["Content-Digest"] = f"sha-256=:{digest}:"
        lines.append(("content-digest", headers["Content-Digest"]))
    covered = " ".join(f'"{name}"' for name, _ in lines)
    parameters = f'({covered});created={created};keyid="{key_id}";alg="ed25519";nonce="{nonce}";tag="{TAG}"'
    base = "\n".join([*(f'"{name}": {value}' for name, value in lines), f'"@signature-params": {parameters}'])
    signature = base64.b64encode(key.sign(base.encode())).decode()
    return headers | {
        "Signature-Input": f"{LABEL}={parameters}",
        "Signature": f"{LABEL}=:{signature}:",
    }


def verify(
    token: str, kind: str, *, keys: Mapping[str, str], device_id: str, now: float, not_behind: int = 0
) -> Document:
    """Give what the server signed, or raise `Refused`: nothing of it may be believed.

    `keys` are the server's public keys by key id; `now` is the server's time; `not_behind` the highest
    sequence of this kind that was seen.
    """
    parts = token.split(".")
    if len(parts) != 3:
        raise Refused("malformed")
    try:
        header, raw, signature = _object(unb64u(parts[0]), _HEADER), unb64u(parts[1]), unb64u(parts[2])
    except ValueError:
        raise Refused("malformed") from None
    if header["typ"] != kind or header["alg"] != "EdDSA":
        raise Refused("wrong-kind")
    if not isinstance(header["kid"], str) or header["kid"] not in keys:
        raise Refused("unknown-key")
    try:
        key = Ed25519PublicKey.from_public_bytes(unb64u(keys[header["kid"]]))
        key.verify(signature, f"{parts[0]}.{parts[1]}".encode())
    except InvalidSignature:
        raise Refused("forged") from None
    try:
        payload = _object(raw, _PAYLOAD)
    except ValueError:
        raise Refused("malformed") from None
    _judge(payload, device_id, now, not_behind)
    return Document(payload["seq"], payload["iat"], payload["exp"], payload["doc"])


def _judge(payload: Mapping[str, JSON], device_id: str, now: float, not_behind: int) -> None:
    if any(type(payload[name]) is not int for name in ("seq", "iat", "nbf", "exp")):
        raise Refused("malformed")
    if not isinstance(payload["doc"], dict):
        raise Refused("malformed")
    if payload["aud"] != device_id:
        raise Refused("wrong-device")
    if now < payload["nbf"]:
        raise Refused("not-yet-valid")
    if now >= payload["exp"]:
        raise Refused("expired")
    if payload["seq"] < not_behind:
        raise Refused("behind")


def key_id_in(token: str) -> str:
    """Give the key that a token names, believed or not; empty if it cannot even be read."""
    try:
        header = json.loads(unb64u(token.partition(".")[0]))
    except (ValueError, RecursionError):
        return ""
    kid = header.get("kid") if isinstance(header, dict) else None
    return kid if isinstance(kid, str) else ""


def unverified(token: str) -> Mapping[str, JSON]:
    """Give what a token claims, for a complaint about it; empty if it cannot even be read."""
    try:
        payload = json.loads(unb64u(token.split(".")[1]))
    except (ValueError, IndexError, RecursionError):
        return {}
    doc = payload.get("doc") if isinstance(payload, dict) else None
    return doc if isinstance(doc, dict) else {}


def sha256_of(value: JSON) -> str:
    """Give the SHA-256 of a value's RFC 8785 bytes, in hexadecimal; raise `ValueError` if it has none."""
    try:
        return hashlib.sha256(rfc8785.dumps(value)).hexdigest()
    except (rfc8785.CanonicalizationError, UnicodeEncodeError, RecursionError):
        raise ValueError("this value has no canonical form") from None


def setting_sha256(name: str, value: JSON) -> str:
    """Give the hash of one setting: of `[name, value]`."""
    return sha256_of([name, value])


def document_sha256(document: Mapping[str, JSON]) -> str:
    """Give the hash of a desired state: of its three members `state`, `policy` and `settings`."""
    return sha256_of({name: document.get(name) for name in ("state", "policy", "settings")})


def _object(raw: bytes, names: set[str]) -> dict[str, JSON]:
    """Read a JSON object with exactly these members, none twice; raise `ValueError`."""

    def unique(pairs: list[tuple[str, JSON]]) -> dict[str, JSON]:
        if len({name for name, _ in pairs}) != len(pairs):
            raise ValueError("a member twice")
        return dict(pairs)

    try:
        found = json.loads(raw, object_pairs_hook=unique)
    except RecursionError:
        raise ValueError("too deep") from None
    if not isinstance(found, dict) or set(found) != names:
        raise ValueError("not these members")
    return found
