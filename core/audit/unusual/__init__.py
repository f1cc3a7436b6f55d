"""Unusual access: rules with limits, judged over the access log and over sign-ins."""

from core.audit.unusual.model import Finding
from core.audit.unusual.ports import UnusualAlerts
from core.audit.unusual.rulebook import Rule, Rulebook, load_rules, own_rules
from core.audit.unusual.service import UnusualReader, UnusualUnknown, findings_of
from core.audit.unusual.telling import tell
from core.audit.unusual.watch import UnusualWatch

__all__ = [
    "Finding",
    "Rule",
    "Rulebook",
    "UnusualAlerts",
    "UnusualReader",
    "UnusualUnknown",
    "UnusualWatch",
    "findings_of",
    "load_rules",
    "own_rules",
    "tell",
]
