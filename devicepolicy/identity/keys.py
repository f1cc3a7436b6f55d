"""Ed25519 public keys: how one is written, read and named."""

import base64
import binascii
import hashlib
import json

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


class KeyMalformed(ValueError):
    """It is not base64url without padding of the 32 bytes of an Ed25519 public key."""


def key_text(key: Ed25519PublicKey) -> str:
    """Write a public key as the member `x` of a JWK: base64url without padding (RFC 8037 §2)."""
    return base64.urlsafe_b64encode(key.public_bytes_raw()).rstrip(b"=").decode()


def read_key(text: str) -> Ed25519PublicKey:
    """Read what `key_text` wrote; raise `KeyMalformed`."""
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        key = Ed25519PublicKey.from_public_bytes(raw)
    except (binascii.Error, ValueError):
        raise KeyMalformed from None
    if key_text(key) != text:
        raise KeyMalformed
    return key


def jwk(key: Ed25519PublicKey) -> dict[str, str]:
    """Give the required members of a JWK (RFC 8037 §2)."""
    return {"crv": "Ed25519", "kty": "OKP", "x": key_text(key)}


def key_id_of(key: Ed25519PublicKey) -> str:
    """Name a key by its SHA-256 thumbprint (RFC 7638 §3, RFC 8037 appendix A.3), 43 characters."""
    text = json.dumps(jwk(key), separators=(",", ":"), sort_keys=True)
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
