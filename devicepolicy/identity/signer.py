"""The server's signature over what it tells phones."""

from collections.abc import Mapping
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from core.ledger.record import JSON
from core.vault import Vault
from core.vault.envelope import derive
from devicepolicy.identity.documents import DocumentKind, SignedDocument, sign_document
from devicepolicy.identity.keys import key_id_of

SECRET_NAME = "device-signing"  # noqa: S105 - the name of one


class DocumentSigner:
    """Signs with the institution's key, which is derived from the keyring and never stored."""

    def __init__(self, vault: Vault) -> None:
        seed = derive(vault.secret(SECRET_NAME), "ed25519")
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self.key_id = key_id_of(self._key.public_key())

    @property
    def keys(self) -> Mapping[str, Ed25519PublicKey]:
        """The public keys that phones may believe, by key id."""
        return {self.key_id: self._key.public_key()}

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
