"""Hashes of a transcript and of its findings for the ledger: they prove, and tell nothing.

The transcript's hash is keyed with a key of the customer's, so a short sentence cannot be guessed from
it, and it means nothing once the customer is erased.
"""

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import asdict

import rfc8785

from core.vault import Cipher
from qa.inspection.model import Scored
from qa.speech.engine import Sentence

_PURPOSE = "qa/transcript-hash"


def transcript_hash(cipher: Cipher, sentences: Sequence[Sentence]) -> str:
    """Give HMAC-SHA-256 of the sentences as canonical JSON (RFC 8785), in hexadecimal."""
    body = rfc8785.dumps([asdict(sentence) for sentence in sentences])
    return hmac.digest(cipher.derive_key(_PURPOSE), body, "sha256").hex()


def findings_hash(findings: Sequence[Scored]) -> str:
    """Give SHA-256 of the findings as canonical JSON, without the words that were said, in hexadecimal."""
    rows = []
    for item in findings:
        row = asdict(item.finding)
        del row["text"]
        rows.append({**row, "deduction": item.deduction})
    return hashlib.sha256(rfc8785.dumps(rows)).hexdigest()
