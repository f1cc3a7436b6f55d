"""Checks that a kept report is the phone's own word. Pure: whoever has the four values can do the same."""

import base64
import hashlib

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


def holds(public_key: bytes, signature_base: str, signature: bytes, body: bytes) -> bool:
    """Say whether the key signed the base (RFC 9421 §3.2), and the base the body (RFC 9530 §2)."""
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, signature_base.encode())
    except (InvalidSignature, ValueError):
        return False
    digest = base64.b64encode(hashlib.sha256(body).digest()).decode()
    return any(
        line.startswith('"content-digest"') and f"sha-256=:{digest}:" in line
        for line in signature_base.split("\n")
    )
