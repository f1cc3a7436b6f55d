"""The server's signature over what it tells phones."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from core.ledger.record import JSON
from core.vault import Vault
from core.vault.envelope import derive
from devicepolicy.identity.documents import ANY_DEVICE, DocumentKind, SignedDocument, sign_document
from devicepolicy.identity.keys import key_id_of, key_text

SECRET_NAME = "device-signing"  # noqa: S105 - the name of one
SUCCESSION_HOLDS = timedelta(days=7)
"""How long a statement about a key holds; it is made anew for whoever asks."""


class DocumentSigner:
    """Signs with the institution's key, which is derived from the keyring and never stored.

    After a rotation the newest key signs, and each older one only states which key came after it: a phone
    that was away for several rotations follows from one to the next.
    """

    def __init__(self, vault: Vault) -> None:
        self._all = [
            Ed25519PrivateKey.from_private_bytes(derive(secret, "ed25519"))
            for secret in vault.generations(SECRET_NAME)
        ]
        self._key = self._all[-1]
        self.key_id = key_id_of(self._key.public_key())

    @property
    def current(self) -> Ed25519PublicKey:
        """The key that signs; the QR code carries it."""
        return self._key.public_key()

    @property
    def keys(self) -> Mapping[str, Ed25519PublicKey]:
        """The public keys that phones may believe, by key id, the oldest first."""
        public = [key.public_key() for key in self._all]
        return {key_id_of(key): key for key in public}

    def successions(self, now: datetime) -> list[str]:
        """Give each key after the first, stated by the one before it. The sequence counts the keys."""
        tokens = []
        for number, (old, new) in enumerate(zip(self._all, self._all[1:], strict=False), 2):
            public = new.public_key()
            signed = sign_document(
                old,
                DocumentKind.KEY,
                {"kid": key_id_of(public), "x": key_text(public)},
                device_id=ANY_DEVICE,
                sequence=number,
                issued_at=now,
                expires_at=now + SUCCESSION_HOLDS,
            )
            tokens.append(signed.token)
        return tokens

    def sign(
        self,
        kind: DocumentKind,
        document: Mapping[str, JSON],
        *,
        device_id: str,
        sequence: int,
        issued_at: datetime,
        expires_at: datetime,
    ) -> SignedDocument:
        """Sign for one device; see `sign_document`."""
        return sign_document(
            self._key,
            kind,
            document,
            device_id=device_id,
            sequence=sequence,
            issued_at=issued_at,
            expires_at=expires_at,
        )
