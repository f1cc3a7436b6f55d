"""Signatures over a phone's requests: HTTP Message Signatures (RFC 9421) with Ed25519.

One signature, labelled as the agent likes, with the parameters `created`, `nonce`, `keyid`, `alg="ed25519"`
and `tag="maskline-agent"`. It covers `@method`, `@path`, `@query`, and `content-digest` (RFC 9530) whenever
there is a body. `@authority` is left out on purpose: behind a proxy the server does not know what the phone
wrote there, and the key belongs to this server alone.
"""

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import http_sf
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from http_message_signatures import HTTPMessageSigner, HTTPMessageVerifier, MappingKeyResolver, algorithms
from http_message_signatures.exceptions import HTTPMessageSignaturesException
from multidict import CIMultiDict

from core.web.wire import WireRequest
from devicepolicy.identity.errors import SignatureForged, SignatureMalformed, SignatureMissing

TAG = "maskline-agent"
COVERED = ("@method", "@path", "@query")
DIGEST = "content-digest"
_MAY_COVER = frozenset({*COVERED, DIGEST, "content-type"})
_PARAMETERS = frozenset({"created", "nonce", "keyid", "alg", "tag"})
_KEY_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_NONCE = re.compile(r"[A-Za-z0-9_-]{16,64}")
_TARGET = re.compile(r"/[!-~]*")
_HOST = "http://phone.invalid"  # nothing that is covered depends on it


@dataclass(frozen=True, slots=True)
class Claim:
    """What a signature says of itself, before it is verified."""

    key_id: str
    created: datetime
    nonce: str


@dataclass(frozen=True, slots=True)
class Proof:
    """A verified signature and the very text that it covers (RFC 9421 §2.5): evidence that can be kept."""

    claim: Claim
    base: str = field(repr=False)
    signature: bytes = field(repr=False)


@dataclass(slots=True)
class _Message:
    method: str
    url: str
    headers: CIMultiDict[str]


class _Verifier(HTTPMessageVerifier):
    """The library's, but it is not asked what time it is: the gate judges times by its own clock."""

    def validate_created_and_expires(self, sig_input: Any, max_age: Any = None) -> None:
        del sig_input, max_age


def read_claim(request: WireRequest) -> Claim:
    """Read whose signature it claims to be.

    Raises:
        SignatureMissing: there is none.
        SignatureMalformed: not one signature, or with other parameters or another coverage than agreed.
    """
    inputs, signatures = _dictionary(request, "Signature-Input"), _dictionary(request, "Signature")
    if len(inputs) != 1 or inputs.keys() != signatures.keys():
        raise SignatureMalformed(reason="not one signature")
    ((members, parameters),) = inputs.values()
    if not isinstance(members, list) or any(extra for _, extra in members):
        raise SignatureMalformed(reason="covered components")
    covered = [name for name, _ in members]
    needed = {*COVERED, DIGEST} if request.body else {*COVERED}
    if not needed <= set(covered) <= _MAY_COVER or len(set(covered)) != len(covered):
        raise SignatureMalformed(reason="covered components")
    if set(parameters) != _PARAMETERS or parameters["tag"] != TAG or parameters["alg"] != "ed25519":
        raise SignatureMalformed(reason="parameters")
    key_id, nonce, created = parameters["keyid"], parameters["nonce"], parameters["created"]
    if not (isinstance(key_id, str) and _KEY_ID.fullmatch(key_id)):
        raise SignatureMalformed(reason="keyid")
    if not (isinstance(nonce, str) and _NONCE.fullmatch(nonce)):
        raise SignatureMalformed(reason="nonce")
    if type(created) is not int or not 0 <= created < 2**33:
        raise SignatureMalformed(reason="created")
    return Claim(key_id, datetime.fromtimestamp(created, UTC), nonce)


def challenge(request: WireRequest) -> dict[str, str]:
    """Say in a 401 how to sign this request: `Accept-Signature` (RFC 9421 §5.1).

    A 401 must have a challenge (RFC 9110 §15.5.2), and no authentication scheme is registered for these
    signatures: `Signature` only points to the other header. Nonce and key are the phone's own.
    """
    covered = (*COVERED, DIGEST) if request.body else COVERED
    components = " ".join(f'"{name}"' for name in covered)
    wanted = f'phone=({components});created;alg="ed25519";tag="{TAG}"'
    return {"WWW-Authenticate": "Signature", "Accept-Signature": wanted}


def verify_request(request: WireRequest, claim: Claim, key: Ed25519PublicKey) -> Proof:
    """Check the signature and the digest of the body; raise `SignatureForged` or `SignatureMalformed`."""
    verifier = _Verifier(
        signature_algorithm=algorithms.ED25519,
        key_resolver=MappingKeyResolver(public_keys={claim.key_id: key}, private_keys={}),
    )
    try:
        (result,) = verifier.verify(_message(request), max_age=None, body=request.body)
    except HTTPMessageSignaturesException:
        raise SignatureForged from None
    base = "\n".join(f"{name}: {value}" for name, value in result.covered_components.items())
    (value, _), *_ = _dictionary(request, "Signature").values()
    return Proof(claim, base, bytes(value))


def sign_request(
    key: Ed25519PrivateKey,
    key_id: str,
    *,
    method: str,
    target: str,
    created: datetime,
    nonce: str,
    body: bytes = b"",
) -> dict[str, str]:
    """Give the headers that an agent adds to a request: digest (with a body), signature input, signature."""
    signer = HTTPMessageSigner(
        signature_algorithm=algorithms.ED25519,
        key_resolver=MappingKeyResolver(public_keys={}, private_keys={key_id: key}),
    )
    message = _Message(method, _HOST + target, CIMultiDict())
    signer.sign(
        message,
        key_id=key_id,
        created=created,
        nonce=nonce,
        label="phone",
        tag=TAG,
        covered_component_ids=COVERED,
        body=body or None,
    )
    return dict(message.headers)


def _message(request: WireRequest) -> _Message:
    if not _TARGET.fullmatch(request.target):
        raise SignatureMalformed(reason="target")
    return _Message(request.method.upper(), _HOST + request.target, CIMultiDict(request.headers))


def _dictionary(request: WireRequest, name: str) -> dict[str, Any]:
    value = request.header(name)
    if value is None:
        raise SignatureMissing

    def refuse(_key: str, _context: str) -> None:
        raise ValueError

    try:
        found = http_sf.parse(value.encode("ascii"), tltype="dictionary", on_duplicate_key=refuse)
    except (ValueError, TypeError):
        raise SignatureMalformed(reason=name) from None
    if not isinstance(found, dict):
        raise SignatureMalformed(reason=name)
    return found
