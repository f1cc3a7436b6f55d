"""Digest access authentication for SIP: hashes, nonces, replay (RFC 7616, RFC 8760; qop=auth only)."""

import base64
import binascii
import hashlib
import hmac
import secrets
import struct
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal
from urllib.parse import unquote

from core.clock import Clock
from gateway.switch.protocol import DigestCredentials

NONCE_TTL_S = 300
MAX_USES = 4096
MAX_NONCES = 50_000
_STAMP = struct.Struct(">d8s")
_MAC_BYTES = 16

Algorithm = Literal["MD5", "SHA-256"]


def _md5(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


_HASHES: dict[str, Callable[[bytes], str]] = {"MD5": _md5, "SHA-256": _sha256}


@dataclass(frozen=True, slots=True)
class Ha1:
    """H(user:realm:password) in each algorithm: all that is kept of a password."""

    md5: str = field(repr=False)
    sha256: str = field(repr=False)

    @classmethod
    def of(cls, username: str, realm: str, password: str) -> "Ha1":
        data = f"{username}:{realm}:{password}".encode()
        return cls(_md5(data), _sha256(data))


def algorithm_of(credentials: DigestCredentials) -> Algorithm | None:
    """Give the algorithm the phone used, or None if we do not offer it."""
    name = credentials.algorithm.upper()
    return name if name in {"MD5", "SHA-256"} else None  # type: ignore[return-value]


def response(credentials: DigestCredentials, algorithm: Algorithm, ha1: Ha1) -> str:
    """Compute what the phone had to answer (RFC 7616 section 3.4.1)."""
    hashed = _HASHES[algorithm]
    secret = ha1.md5 if algorithm == "MD5" else ha1.sha256
    request = hashed(f"{credentials.method}:{credentials.uri}".encode())
    parts = (secret, credentials.nonce, credentials.nc, credentials.cnonce, "auth", request)
    return hashed(":".join(str(part) for part in parts).encode())


def answers(credentials: DigestCredentials, ha1: Ha1) -> bool:
    """Tell whether the phone knows the password; constant time in the digest."""
    algorithm = algorithm_of(credentials)
    if algorithm is None or credentials.qop != "auth" or not credentials.nc or not credentials.cnonce:
        return False
    expected = response(credentials, algorithm, ha1).encode()
    return hmac.compare_digest(expected, credentials.response.lower().encode())


def uri_user(uri: str) -> str:
    """Give the user part of a SIP URI, decoded; empty if it has none."""
    scheme, _, rest = uri.partition(":")
    if scheme.lower() not in {"sip", "sips"} or "@" not in rest:
        return ""
    return unquote(rest.partition("@")[0].partition(";")[0].partition(":")[0])


class NonceState(StrEnum):
    """What a nonce is worth: only `fresh` lets a phone in."""

    FRESH = "fresh"
    STALE = "stale"  # ours but too old, or of a process before this one: ask again, the password may be right
    REPLAYED = "replayed"


class Nonces:
    """Issues nonces that carry their own time under an HMAC, and remembers which counts were used.

    A nonce costs no memory before a phone has proved its password with it. The key lives as long as the
    process: after a restart phones are asked again with `stale`, and answer without their user.
    """

    def __init__(self, clock: Clock, *, ttl_s: float = NONCE_TTL_S, key: bytes | None = None) -> None:
        self._clock = clock
        self._ttl_s = ttl_s
        self._key = key or secrets.token_bytes(32)
        self._used: OrderedDict[str, set[int]] = OrderedDict()

    def issue(self) -> str:
        stamp = _STAMP.pack(self._clock.monotonic(), secrets.token_bytes(8))
        return base64.urlsafe_b64encode(stamp + self._mac(stamp)).decode().rstrip("=")

    def use(self, nonce: str, nc: str) -> NonceState:
        """Spend one count of a nonce whose answer was right."""
        age_s = self._age(nonce)
        try:
            count = int(nc, 16)
        except ValueError:
            return NonceState.REPLAYED
        if age_s is None or not 0 <= age_s <= self._ttl_s or count > MAX_USES:
            self._used.pop(nonce, None)
            return NonceState.STALE
        used = self._used.setdefault(nonce, set())
        if count < 1 or count in used:
            return NonceState.REPLAYED
        used.add(count)
        self._forget_old()
        return NonceState.FRESH

    def _forget_old(self) -> None:
        while self._used:
            oldest = next(iter(self._used))
            age_s = self._age(oldest)
            if len(self._used) <= MAX_NONCES and age_s is not None and age_s <= self._ttl_s:
                return
            del self._used[oldest]

    def _age(self, nonce: str) -> float | None:
        """Give the age in seconds of a nonce of ours, None for any other text."""
        try:
            raw = base64.urlsafe_b64decode(nonce + "=" * (-len(nonce) % 4))
        except (binascii.Error, ValueError):
            return None
        stamp, mac = raw[: _STAMP.size], raw[_STAMP.size :]
        if len(stamp) != _STAMP.size or not hmac.compare_digest(mac, self._mac(stamp)):
            return None
        issued: float = _STAMP.unpack(stamp)[0]
        return self._clock.monotonic() - issued

    def _mac(self, stamp: bytes) -> bytes:
        return hmac.digest(self._key, b"sip-nonce" + stamp, hashlib.sha256)[:_MAC_BYTES]
