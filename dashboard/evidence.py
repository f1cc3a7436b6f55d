"""What the ledger proves about one call: its entries, their leaves, and the way to a signed root."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

import rfc8785

from core.access.model import Principal
from core.ledger import Checkpoint, EntryUnknown, LedgerService, ProofImpossible
from core.ledger.models import Entry
from core.ledger.permissions import LEDGER_READ
from gateway.calls.models import CallRow, cdr_document
from gateway.contact.verdicts import VerdictDetail
from qa.inspection.views import InspectionDetail


@dataclass(frozen=True, slots=True)
class Proof:
    """One entry's place in the tree of a checkpoint. `name` is the key of its title.

    `entry` is None for readers without the right to entries, and `covered` false before the next signature.
    """

    name: str
    seq: int
    entry: Entry | None = None
    size: int = 0
    root: bytes = b""
    hashes: tuple[bytes, ...] = ()
    covered: bool = False


@dataclass(frozen=True, slots=True)
class Evidence:
    """The proofs of one call under one checkpoint. `readable`: the reader may see entries and proofs."""

    proofs: tuple[Proof, ...]
    checkpoint: Checkpoint | None
    readable: bool


async def gather(ledger: LedgerService, principal: Principal, named: dict[str, int | None]) -> Evidence:
    """Prove the entries whose numbers are known."""
    known = {name: seq for name, seq in named.items() if seq is not None}
    if not principal.allows(LEDGER_READ):
        return Evidence(tuple(Proof(name, seq) for name, seq in known.items()), None, readable=False)
    checkpoint = await ledger.latest_checkpoint()
    proofs = [await _proof(ledger, name, seq, checkpoint) for name, seq in known.items()]
    return Evidence(tuple(proofs), checkpoint, readable=True)


async def _proof(ledger: LedgerService, name: str, seq: int, checkpoint: Checkpoint | None) -> Proof:
    covered = checkpoint is not None and checkpoint.size > seq
    try:
        found = await ledger.inclusion(seq, checkpoint.size if covered and checkpoint else None)
    except (EntryUnknown, ProofImpossible):
        return Proof(name, seq)
    return Proof(name, seq, found.entry, found.size, found.root, found.hashes, covered)


def proof_data(evidence: Evidence, shown: Mapping[str, Mapping[str, object]]) -> list[dict[str, object]]:
    """Give the proofs as the browser's verifier takes them. `shown`: what the page says of each entry.

    The browser holds that against the record in the ledger, so a changed row is found out too.
    """
    return [
        {"name": proof.name, "seq": proof.seq, "expect": dict(shown[proof.name])}
        for proof in evidence.proofs
        if proof.covered
    ]


def shown_facts(
    row: CallRow, verdict: VerdictDetail | None, inspection: InspectionDetail | None
) -> dict[str, dict[str, object]]:
    """Give what the page shows under each entry, by the names that the ledger's bodies use."""
    call: dict[str, object] = {
        "call_id": row.id,
        "contact_id": row.contact_id,
        "cdr_sha256": hashlib.sha256(rfc8785.dumps(cdr_document(row))).hexdigest(),
        "wav_sha256": row.wav_sha256,
    }
    judged: dict[str, object] = {"contact": row.contact_id}
    facts: dict[str, dict[str, object]] = {"call": call, "verdict": judged, "inspection": {}}
    if verdict is not None:
        judged |= {"decision": verdict.decision.value, "rules_sha256": verdict.rules_digest}
    if inspection is not None:
        facts["inspection"] = {
            "contact_id": row.contact_id,
            "score": inspection.summary.score,
            "findings": inspection.summary.finding_count,
            "transcript_hash": inspection.transcript_hash,
            "findings_hash": inspection.findings_hash,
        }
    return facts
