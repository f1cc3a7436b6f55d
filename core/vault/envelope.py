"""AES-256-GCM envelopes that say which key opens them and open only in the place they were made for."""

import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from core.errors import MasklineError
from core.sealed import HEADER_BYTES, KEY_ID_BYTES, Field, Sealed, Secret

FORMAT_VERSION = 1
AES_256_GCM = 1
KEY_BYTES = 32
NONCE_BYTES = 12
TAG_BYTES = 16


class SealBroken(MasklineError):
    """A sealed value cannot be opened: it was changed, moved, cut or sealed by another key."""

    code = "seal-broken"
    zh = "密文无法打开：已被改动、移动、截断，或不属于此密钥。"


def derive(key: Secret, purpose: str) -> bytes:
    """Derive a 32-byte key for one purpose (HKDF-SHA256, RFC 5869)."""
    return HKDF(SHA256(), KEY_BYTES, salt=None, info=b"maskline/1/" + purpose.encode()).derive(key.reveal())


class Cipher:
    """Seals and opens under one key. Random 96-bit nonces: at most 2^32 values a key (SP 800-38D §8.3)."""

    __slots__ = ("_aead", "_header", "_key")

    def __init__(self, key_id: str, key: Secret) -> None:
        raw_id = bytes.fromhex(key_id)
        if len(raw_id) != KEY_ID_BYTES:
            raise ValueError(f"a key id has {KEY_ID_BYTES} bytes")
        self._key = key
        self._header = bytes((FORMAT_VERSION, AES_256_GCM)) + raw_id
        # The stored key itself is only ever input of a derivation.
        self._aead = AESGCM(derive(key, "seal"))

    @property
    def key_id(self) -> str:
        return self._header[2:].hex()

    def seal(self, field: Field, text: str | bytes) -> Sealed:
        """Encrypt a value for its place."""
        data = text.encode() if isinstance(text, str) else text
        nonce = os.urandom(NONCE_BYTES)
        return Sealed(self._header + nonce + self._aead.encrypt(nonce, data, self._associated(field)))

    def open(self, field: Field, sealed: Sealed) -> bytes:
        """Decrypt a value.

        Raises:
            SealBroken: it was changed, belongs to another place, or to another key.
        """
        raw = sealed.raw
        body = HEADER_BYTES + NONCE_BYTES
        if len(raw) < body + TAG_BYTES or raw[:HEADER_BYTES] != self._header:
            raise SealBroken
        try:
            return self._aead.decrypt(raw[HEADER_BYTES:body], raw[body:], self._associated(field))
        except InvalidTag:
            raise SealBroken from None

    def open_text(self, field: Field, sealed: Sealed) -> str:
        """Decrypt a value that was text."""
        try:
            return self.open(field, sealed).decode()
        except UnicodeDecodeError:
            # "from None": the original error carries the plaintext.
            raise SealBroken from None

    def derive_key(self, purpose: str) -> bytes:
        """Give a 32-byte key bound to this key and `purpose`: it dies with this key."""
        return derive(self._key, f"derived/{purpose}")

    def _associated(self, field: Field) -> bytes:
        place = f"{field.table}|{field.column}|{field.row}|{self.key_id}"
        return self._header[:2] + place.encode()

    def __repr__(self) -> str:
        return f"Cipher({self.key_id})"
