"""Signed checkpoints: C2SP tlog-checkpoint, a signed note with an Ed25519 line and a timestamped one.

The first signature line is the log's own (signed-note type 0x01). The second is a cosignature/v1 line
(type 0x04) by the same key, which adds the time of signing; any other tool ignores it.
"""

import base64
import hashlib
import re
import struct
from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from core.errors import MasklineError
from core.ledger.merkle import HASH_BYTES
from core.sealed import Secret

ED25519 = 0x01
TIMESTAMPED_ED25519 = 0x04
SIGNATURE_BYTES = 64
_ORIGIN = re.compile(r"[^\s+\x00-\x1f]+")


class CheckpointInvalid(MasklineError):
    """A checkpoint is malformed, or its signature is not this ledger's."""

    code = "ledger-checkpoint-invalid"
    zh = "检查点格式不符，或签名不属于本账本。"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A signed statement: at `at` (whole seconds) the log had `size` entries with the root hash `root`."""

    origin: str
    size: int
    root: bytes
    at: datetime
    note: str


@dataclass(frozen=True, slots=True)
class LedgerVerifier:
    """The public side of a ledger's key."""

    origin: str
    public_key: bytes

    @property
    def vkey(self) -> str:
        """The key as text: `<origin>+<key id>+<base64 of type and key>` (C2SP signed-note verifier key)."""
        key = bytes((ED25519,)) + self.public_key
        return f"{self.origin}+{self.key_id(ED25519).hex()}+{base64.b64encode(key).decode()}"

    def key_id(self, kind: int) -> bytes:
        named = self.origin.encode() + b"\n" + bytes((kind,)) + self.public_key
        return hashlib.sha256(named).digest()[:4]

    def read(self, note: str) -> Checkpoint:
        """Check both signatures of a checkpoint and read it.

        Raises:
            CheckpointInvalid: it is malformed or not this key's.
        """
        text, found, signatures = note.rpartition("\n\n")
        lines = text.split("\n")
        if not found or len(lines) != 3 or lines[0] != self.origin or not signatures.endswith("\n"):
            raise CheckpointInvalid
        text += "\n"
        lines_by_id = _signature_lines(self.origin, signatures)
        try:
            plain = lines_by_id[self.key_id(ED25519)]
            timed = lines_by_id[self.key_id(TIMESTAMPED_ED25519)]
            (moment,) = struct.unpack_from(">Q", timed)
            key = Ed25519PublicKey.from_public_bytes(self.public_key)
            key.verify(plain, text.encode())
            key.verify(timed[8:], _timed_text(moment, text))
            size, root = int(lines[1]), base64.b64decode(lines[2], validate=True)
            at = datetime.fromtimestamp(moment, UTC)
        except (KeyError, ValueError, OverflowError, struct.error, InvalidSignature):
            raise CheckpointInvalid from None
        if len(root) != HASH_BYTES or str(size) != lines[1] or size < 0:
            raise CheckpointInvalid
        return Checkpoint(self.origin, size, root, at, note)


class LedgerSigner:
    """Signs checkpoints. The key stays inside."""

    def __init__(self, origin: str, seed: Secret) -> None:
        if not _ORIGIN.fullmatch(origin):
            raise ValueError("an origin has no spaces, control characters or '+'")
        self._key = Ed25519PrivateKey.from_private_bytes(seed.reveal())
        self.verifier = LedgerVerifier(origin, self._key.public_key().public_bytes_raw())

    def sign(self, size: int, root: bytes, at: datetime) -> Checkpoint:
        """Sign a tree head at a time, which is cut to whole seconds."""
        origin, moment = self.verifier.origin, int(at.timestamp())
        text = f"{origin}\n{size}\n{base64.b64encode(root).decode()}\n"
        plain = self.verifier.key_id(ED25519) + self._key.sign(text.encode())
        timed = (
            self.verifier.key_id(TIMESTAMPED_ED25519)
            + struct.pack(">Q", moment)
            + self._key.sign(_timed_text(moment, text))
        )
        lines = "".join(f"— {origin} {base64.b64encode(line).decode()}\n" for line in (plain, timed))
        return Checkpoint(origin, size, root, datetime.fromtimestamp(moment, UTC), f"{text}\n{lines}")


def _timed_text(moment: int, text: str) -> bytes:
    return f"cosignature/v1\ntime {moment}\n{text}".encode()


def _signature_lines(name: str, text: str) -> dict[bytes, bytes]:
    """Give the signatures of lines with this name by key id; others are ignored, as the note format asks."""
    found: dict[bytes, bytes] = {}
    for line in text.removesuffix("\n").split("\n"):
        mark, _, rest = line.partition(" ")
        signer, _, encoded = rest.rpartition(" ")
        if mark != "—":
            raise CheckpointInvalid
        if signer != name:
            continue
        try:
            raw = base64.b64decode(encoded, validate=True)
        except ValueError:
            raise CheckpointInvalid from None
        if base64.b64encode(raw).decode() != encoded:  # one signature, one spelling
            raise CheckpointInvalid
        found[raw[:4]] = raw[4:]
    return found
