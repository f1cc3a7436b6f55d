"""The ledger: an append-only Merkle log (RFC 6962) of everything that matters, with signed checkpoints."""

from core.ledger.ledger import EntryUnknown, Ledger
from core.ledger.models import Entry
from core.ledger.record import LedgerBodyInvalid

__all__ = ["Entry", "EntryUnknown", "Ledger", "LedgerBodyInvalid"]
