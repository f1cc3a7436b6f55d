"""Digest headers: read what a phone sent, write what we ask (RFC 7616, RFC 8760). No secret is known here."""

import re
from collections.abc import Sequence

from pydantic import ValidationError

from gateway.switch.protocol import Challenge, DigestCredentials

_PARAMETER = re.compile(r'\s*([A-Za-z][A-Za-z0-9_-]*)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s",]+))\s*(?:,|$)')
_ESCAPE = re.compile(r"\\(.)")
_KNOWN = ("username", "realm", "nonce", "uri", "response", "algorithm", "qop", "nc", "cnonce", "opaque")


def read_credentials(values: Sequence[str], *, method: str, realm: str) -> DigestCredentials | None:
    """Pick the Digest credentials of `realm` out of (Proxy-)Authorization header values.

    Without one of that realm the first that can be read is taken; `calls` will refuse it. Never raises.
    """
    found = [c for value in values if (c := _read(value, method)) is not None]
    return next((c for c in found if c.realm == realm), found[0] if found else None)


def challenge_values(challenge: Challenge) -> list[str]:
    """Write one header value for each algorithm, most wanted first (RFC 8760 section 2.4)."""
    head = f'Digest realm="{challenge.realm}", nonce="{challenge.nonce}", qop="auth"'
    stale = ", stale=true" if challenge.stale else ""
    return [f"{head}, algorithm={algorithm}{stale}" for algorithm in challenge.algorithms]


def _read(value: str, method: str) -> DigestCredentials | None:
    scheme, _, rest = value.strip().partition(" ")
    if scheme.lower() != "digest":
        return None
    fields: dict[str, str] = {"method": method}
    position = 0
    while position < len(rest):
        match = _PARAMETER.match(rest, position)
        if match is None:
            return None
        name = match[1].lower()
        if name in fields:
            return None  # a parameter must not stand twice (RFC 7616 section 3.4)
        if name in _KNOWN:
            fields[name] = _ESCAPE.sub(r"\1", match[2]) if match[2] is not None else match[3]
        position = match.end()
    try:
        return DigestCredentials.model_validate(fields)
    except ValidationError:
        return None
