"""The gate for phones: every request of theirs passes here, and nothing else admits one.

In an endpoint:  `@endpoint("GET", "/agent/desired", **phone_endpoint(gate), summary_zh=…, summary_en=…)` on
`async def desired(*, caller: Admitted) -> …`. The web kit calls the gate before it parses the body.
"""

import json
from collections import OrderedDict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypedDict

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy import bindparam, select

from core.batches import Batches
from core.clock import Clock
from core.db import Database
from core.errors import MasklineError
from core.web.endpoint import PUBLIC, Public
from core.web.wire import Challenge, Guard, WireRequest
from devicepolicy.devices.model import Phone, Trust
from devicepolicy.devices.models import DeviceRow
from devicepolicy.identity.errors import (
    REFUSALS,
    ClockSkewed,
    DevicePending,
    DeviceRejected,
    DeviceReleased,
    DeviceUnknown,
    KeyNotProved,
)
from devicepolicy.identity.keys import key_id_of, read_key
from devicepolicy.identity.nonces import Nonces
from devicepolicy.identity.requests import Claim, Proof, challenge, read_claim, verify_request

WINDOW = timedelta(minutes=5)
"""How far a request's time may be from ours."""
TRUSTED = frozenset({Trust.TRUSTED})
_NO = {Trust.PENDING: DevicePending, Trust.REJECTED: DeviceRejected, Trust.RELEASED: DeviceReleased}
_KEY = select(DeviceRow.public_key).where(DeviceRow.id == bindparam("id"))
KEYS_KEPT = 50_000


@dataclass(frozen=True, slots=True)
class Admitted:
    """A phone, and the proof that this request is its own."""

    phone: Phone
    proof: Proof


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key that proved itself by signing the request that brings it."""

    key: Ed25519PublicKey


class PhoneEndpoint(TypedDict):
    """What every endpoint for phones says to the web kit."""

    permission: Public
    public_reason: str
    guard: Guard
    challenge: Challenge
    errors: tuple[type[MasklineError], ...]
    tags: tuple[str, ...]


class DeviceGate:
    """Admits a phone by the signature of its request."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._db = database
        self._clock = clock
        self._keys: OrderedDict[str, Ed25519PublicKey] = OrderedDict()
        self._nonces = Nonces(database, clock)
        self._use_up = Batches(self._nonces.use_up, name="nonces of phones")

    async def admit(self, request: WireRequest, *, trust: Collection[Trust] = TRUSTED) -> Admitted:
        """Say which phone sent this request; it is then used up.

        `trust` lists which phones may: others are told that they wait, are rejected or released.

        Raises:
            SignatureMissing, SignatureMalformed, DeviceUnknown, SignatureForged, ClockSkewed,
            RequestReplayed, DevicePending, DeviceRejected, DeviceReleased
        """
        claim = read_claim(request)
        proof = verify_request(request, claim, await self._key(claim.key_id))
        self.check_time(claim)
        phone = await self._use_up(claim)
        if isinstance(phone, Exception):
            raise phone
        if phone.trust not in trust:
            raise _NO.get(phone.trust, DeviceUnknown)
        return Admitted(phone, proof)

    async def new_key(self, request: WireRequest) -> NewKey:
        """Admit a phone that is not enrolled: it signs with the key in the body, whose name is `keyid`.

        No nonce is kept: the token in the body works once, and the same request again tells nothing new.

        Raises:
            SignatureMissing, SignatureMalformed, SignatureForged, ClockSkewed, KeyNotProved
        """
        claim = read_claim(request)
        try:
            key = read_key(json.loads(request.body)["public_key"])
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            raise KeyNotProved from None
        if key_id_of(key) != claim.key_id:
            raise KeyNotProved
        verify_request(request, claim, key)
        self.check_time(claim)
        return NewKey(key)

    def check_time(self, claim: Claim) -> None:
        """Refuse what was signed too long ago or in the future; the answer carries the server's time."""
        now = self._clock.now()
        if abs(now - claim.created) > WINDOW:
            raise ClockSkewed(
                server_time=now.isoformat(timespec="milliseconds"), window_s=int(WINDOW.total_seconds())
            )

    async def _key(self, device_id: str) -> Ed25519PublicKey:
        """Give a phone's key. It never changes; how the phone stands is asked anew for each request."""
        known = self._keys.get(device_id)
        if known is None:
            rows = await self._db.run(_KEY, {"id": device_id})
            if not rows:
                raise DeviceUnknown
            known = self._keys[device_id] = Ed25519PublicKey.from_public_bytes(rows[0].public_key)
            if len(self._keys) > KEYS_KEPT:
                self._keys.popitem(last=False)
        return known

    async def forget_nonces(self) -> None:
        """Drop nonces whose requests would be too old by now. A chore of the relay."""
        await self._nonces.forget(self.forget_before())

    def forget_before(self) -> datetime:
        """A request signed at the edge of the future window stays good for two windows."""
        return self._clock.now() - 2 * WINDOW - timedelta(minutes=1)


def phone_endpoint(
    gate: DeviceGate,
    *errors: type[MasklineError],
    trust: Collection[Trust] = TRUSTED,
    more_tags: tuple[str, ...] = (),
) -> PhoneEndpoint:
    """Give what an endpoint for phones passes to `@endpoint`; its handler takes `caller: Admitted`."""

    async def guard(request: WireRequest) -> Admitted:
        return await gate.admit(request, trust=trust)

    return PhoneEndpoint(
        permission=PUBLIC,
        public_reason="a phone signs the request with its own key (RFC 9421); the gate for phones checks it",
        guard=guard,
        challenge=challenge,
        errors=(*REFUSALS, *errors),
        tags=("agent", *more_tags),
    )
