"""Checks a request's signature by what the protocol's document says; independent of who made it."""

import base64
import hashlib
import re
from collections.abc import Mapping

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from ..signing import TAG

_INPUT = re.compile(r'([A-Za-z][A-Za-z0-9_-]*)=\(((?:"[a-z@-]+" ?)+)\)((?:;[a-z]+=(?:"[^"]*"|\d+))+)')
_PARAMETER = re.compile(r';([a-z]+)=(?:"([^"]*)"|(\d+))')


class Unsigned(Exception):
    """What is wrong with a request."""


def check_request(
    method: str, target: str, headers: Mapping[str, str], body: bytes, key: Ed25519PublicKey
) -> dict[str, str]:
    """Give the signature's parameters, or raise `Unsigned`."""
    match = _INPUT.fullmatch(headers.get("Signature-Input", ""))
    if match is None:
        raise Unsigned("Signature-Input is missing or malformed")
    label, members, tail = match.groups()
    covered = re.findall(r'"([^"]+)"', members)
    needed = {"@method", "@path", "@query"} | ({"content-digest"} if body else set())
    if not needed <= set(covered):
        raise Unsigned(f"not covered: {sorted(needed - set(covered))}")
    told = {name: text or number for name, text, number in _PARAMETER.findall(tail)}
    if told.keys() != {"created", "nonce", "keyid", "alg", "tag"}:
        raise Unsigned(f"parameters: {sorted(told)}")
    if told["alg"] != "ed25519" or told["tag"] != TAG or len(told["nonce"]) < 16:
        raise Unsigned("alg, tag or nonce")
    if body and headers.get("Content-Digest") != _digest(body):
        raise Unsigned("Content-Digest is not that of the body")
    path, _, query = target.partition("?")
    values = {"@method": method, "@path": path, "@query": f"?{query}"}
    lines = [f'"{name}": {values.get(name, headers.get(name, ""))}' for name in covered]
    base = "\n".join([*lines, f'"@signature-params": ({members}){tail}'])
    value = headers.get("Signature", "").removeprefix(f"{label}=:").removesuffix(":")
    try:
        key.verify(base64.b64decode(value), base.encode())
    except (InvalidSignature, ValueError):
        raise Unsigned("the signature does not hold") from None
    return told


def _digest(body: bytes) -> str:
    return f"sha-256=:{base64.b64encode(hashlib.sha256(body).digest()).decode()}:"
