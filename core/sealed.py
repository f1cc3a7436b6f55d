"""Values that must not be seen: secrets, sealed bytes and blind indexes, all with a masked repr."""

import base64
import hmac
from dataclasses import dataclass
from typing import NoReturn, final

HEADER_BYTES = 10
KEY_ID_BYTES = 8


@final
class Secret:
    """Key material in memory. It prints masked, does not pickle, and compares in constant time."""

    __slots__ = ("__raw",)

    def __init__(self, raw: bytes) -> None:
        self.__raw = bytes(raw)

    def reveal(self) -> bytes:
        """Hand out the bytes. Keep the result out of logs, errors and long-lived objects."""
        return self.__raw

    def reveal_text(self) -> str:
        """Hand out the secret as URL-safe text, for bearer tokens."""
        return base64.urlsafe_b64encode(self.__raw).rstrip(b"=").decode()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and hmac.compare_digest(self.__raw, other.reveal())

    def __hash__(self) -> int:
        return hash((Secret, self.__raw))

    def __repr__(self) -> str:
        return "Secret(****)"

    __str__ = __repr__

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret does not leave the process by serialisation")


@dataclass(frozen=True, slots=True)
class Field:
    """The place of a sealed value. It is authenticated, so a value moved elsewhere does not open."""

    table: str
    column: str
    row: str

    def __post_init__(self) -> None:
        for part in (self.table, self.column, self.row):
            if not part or "|" in part:
                raise ValueError("table, column and row are not empty and hold no '|'")


@final
@dataclass(frozen=True, slots=True, repr=False)
class Sealed:
    """An envelope: version (1 byte), algorithm (1), key id (8), nonce (12), ciphertext and tag (16)."""

    raw: bytes

    @property
    def key_id(self) -> str:
        """The id of the key that opens it, 16 hexadecimal characters; empty if the header is cut."""
        return self.raw[2:HEADER_BYTES].hex() if len(self.raw) >= HEADER_BYTES else ""

    def __repr__(self) -> str:
        return "Sealed(****)"

    __str__ = __repr__


@final
@dataclass(frozen=True, slots=True, repr=False)
class BlindIndex:
    """A keyed hash of a value, for equality search only. Who holds the index key can try all numbers."""

    raw: bytes

    def __repr__(self) -> str:
        return "BlindIndex(****)"

    __str__ = __repr__
