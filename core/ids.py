"""Identifiers: UUIDv7 as 32 hexadecimal characters, so that they sort by time of birth."""

from uuid_utils import uuid7


def new_id() -> str:
    """Make a fresh identifier. It is not a secret (ASVS 11.5.1): never use it as one."""
    return uuid7().hex
