"""Who saw what: one append-only list of everything sensitive that a person looked at or took along."""

from core.audit.log import AccessLog
from core.audit.model import Access, AccessFilter, AccessGroup, LogCheck, Seen
from core.audit.ports import AccessNotes, NoNotes
from core.audit.service import AuditService

__all__ = [
    "Access",
    "AccessFilter",
    "AccessGroup",
    "AccessLog",
    "AccessNotes",
    "AuditService",
    "LogCheck",
    "NoNotes",
    "Seen",
]
