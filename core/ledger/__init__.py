"""The ledger: an append-only Merkle log (RFC 6962) of everything that matters, with signed checkpoints."""

from core.ledger.audit import Finding, Report
from core.ledger.ledger import EntryUnknown, Ledger
from core.ledger.models import Entry
from core.ledger.notes import Checkpoint, CheckpointInvalid, LedgerSigner, LedgerVerifier
from core.ledger.reading import LedgerFilter
from core.ledger.record import JSON, LedgerBodyInvalid
from core.ledger.service import Inclusion, LedgerRolledBack, LedgerService
from core.ledger.tree import LedgerDamaged, ProofImpossible

__all__ = [
    "JSON",
    "Checkpoint",
    "CheckpointInvalid",
    "Entry",
    "EntryUnknown",
    "Finding",
    "Inclusion",
    "Ledger",
    "LedgerBodyInvalid",
    "LedgerDamaged",
    "LedgerFilter",
    "LedgerRolledBack",
    "LedgerService",
    "LedgerSigner",
    "LedgerVerifier",
    "ProofImpossible",
    "Report",
]
