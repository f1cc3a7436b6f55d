"""The vault: keys, sealed values, blind indexes, and a key for each subject that erasure destroys."""

from core.sealed import BlindIndex, Field, Sealed, Secret
from core.vault.envelope import Cipher, SealBroken
from core.vault.keyring import Keyring, KeyringExists, KeyringInvalid, KeyringMissing
from core.vault.subjects import (
    DestroyedKey,
    SubjectErased,
    SubjectKeyExists,
    SubjectKeyRow,
    SubjectKeys,
    SubjectUnknown,
    purge_remains,
)
from core.vault.vault import Vault

__all__ = [
    "BlindIndex",
    "Cipher",
    "DestroyedKey",
    "Field",
    "Keyring",
    "KeyringExists",
    "KeyringInvalid",
    "KeyringMissing",
    "SealBroken",
    "Sealed",
    "Secret",
    "SubjectErased",
    "SubjectKeyExists",
    "SubjectKeyRow",
    "SubjectKeys",
    "SubjectUnknown",
    "Vault",
    "purge_remains",
]
