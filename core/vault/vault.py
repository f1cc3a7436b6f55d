"""The vault: ciphers under the institution's own keys, blind indexes, and wrapping of subject keys."""

import hashlib
import hmac
from functools import lru_cache

from core.sealed import BlindIndex, Field, Sealed, Secret
from core.vault.envelope import Cipher, SealBroken, derive
from core.vault.keyring import Keyring

MAX_INDEXES = 256


class Vault:
    """Does the work of a keyring. Cheap to call: derived keys are kept, one for each key and index."""

    def __init__(self, keyring: Keyring) -> None:
        self._keyring = keyring
        self._institution = {
            key_id: Cipher(key_id, Secret(derive(key, "institution"))) for key_id, key in keyring.keys.items()
        }
        self._wrapping = {
            key_id: Cipher(key_id, Secret(derive(key, "wrap"))) for key_id, key in keyring.keys.items()
        }
        self._index_key = lru_cache(maxsize=MAX_INDEXES)(
            lambda index: derive(keyring.blind_index, f"index/{index}")
        )

    @property
    def current_key_id(self) -> str:
        return self._keyring.current

    def secret(self, name: str) -> Secret:
        """Give a named secret (bearer token of a process, pepper) of the keyring."""
        return self._keyring.secret(name)

    def generations(self, name: str) -> tuple[Secret, ...]:
        """Give all secrets of that name, the oldest first; the last is the one in use."""
        return self._keyring.generations(name)

    def cipher(self, key_id: str | None = None) -> Cipher:
        """Give the institution's cipher: the current one, or an older one to open or derive with.

        Who uses `derive_key` of it stores `cipher.key_id` beside what the derived key protects.
        """
        try:
            return self._institution[key_id or self._keyring.current]
        except KeyError:
            raise SealBroken from None

    def open(self, field: Field, sealed: Sealed) -> bytes:
        """Open what the institution's cipher sealed, under whichever of its keys."""
        return self.cipher(sealed.key_id or None).open(field, sealed)

    def open_text(self, field: Field, sealed: Sealed) -> str:
        """Open text that the institution's cipher sealed, under whichever of its keys."""
        return self.cipher(sealed.key_id or None).open_text(field, sealed)

    def blind(self, index: str, value: str, *, bits: int = 256) -> BlindIndex:
        """Hash a normalised value (E.164, not what was typed) under the key of this index alone.

        Use fewer `bits` for values of low entropy (last four digits: 7 to 12), and filter the false
        positives after decryption; all 256 where uniqueness is enforced.
        """
        if not 1 <= bits <= 256:
            raise ValueError("bits is 1 to 256")
        digest = hmac.digest(self._index_key(index), value.encode(), hashlib.sha256)
        if bits == 256:
            return BlindIndex(digest)
        length = (bits + 7) // 8
        kept = int.from_bytes(digest[:length]) >> (8 * length - bits)
        return BlindIndex(kept.to_bytes(length))

    def request_key(self, key: str | None) -> str | None:
        """Give what is kept of a caller's idempotency key: it is any text, and may be a customer's number."""
        return None if key is None else self.blind("request.key", key).raw.hex()

    def wrap(self, field: Field, key: Secret) -> Sealed:
        """Encrypt a subject's key under the current key."""
        return self._wrapping[self._keyring.current].seal(field, key.reveal())

    def unwrap(self, field: Field, wrapped: Sealed) -> Secret:
        """Decrypt a subject's key under whichever key wrapped it."""
        cipher = self._wrapping.get(wrapped.key_id)
        if cipher is None:
            raise SealBroken
        return Secret(cipher.open(field, wrapped))
