"""Evidence taken along: what to export, the work of it, and the sealed bundle until it expires."""

from core.exports.model import Chosen, Contents, Export, ExportState, Gathered
from core.exports.ports import EvidenceSource
from core.exports.service import EvidenceExports

__all__ = ["Chosen", "Contents", "EvidenceExports", "EvidenceSource", "Export", "ExportState", "Gathered"]
