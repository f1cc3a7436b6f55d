"""The bytes and the hash of a policy document, and the hash of each of its settings. Pure."""

from core.ledger.record import JSON
from devicepolicy.canonical import canonical_bytes, sha256_of

__all__ = ["canonical_bytes", "setting_sha256", "sha256_of"]


def setting_sha256(name: str, value: JSON) -> str:
    """Give the hash of one setting: of its name and value only, so that no other setting can change it."""
    return sha256_of([name, value])
