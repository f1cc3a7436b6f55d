"""One form of bytes for a JSON value (RFC 8785), and its SHA-256. Pure."""

import hashlib

import rfc8785

from core.ledger.record import JSON


def canonical_bytes(value: JSON) -> bytes:
    """Give the RFC 8785 bytes; raise `ValueError` for what has none (integers beyond 2^53)."""
    try:
        return rfc8785.dumps(value)
    except (rfc8785.CanonicalizationError, UnicodeEncodeError, RecursionError) as error:
        raise ValueError("this value has no canonical form") from error


def sha256_of(value: JSON) -> str:
    """Give the SHA-256 of the canonical bytes, in hexadecimal."""
    return hashlib.sha256(canonical_bytes(value)).hexdigest()
