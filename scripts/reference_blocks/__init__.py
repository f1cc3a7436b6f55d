"""What the generated parts of the reference say: one function a part, by name."""

from collections.abc import Callable

from reference_blocks import access, commands, contact, http, quality, settings, tables, telephony

BLOCKS: dict[str, Callable[[], str]] = {
    "settings": settings.settings,
    "commands": commands.commands,
    "api": http.api,
    "permissions": http.permissions,
    "errors": http.errors,
    "rules": contact.rules,
    "rule-reasons": contact.reasons,
    "lexicon": quality.lexicon,
    "inspection-rules": quality.inspection_rules,
    "scoring": quality.scoring,
    "conduct": quality.conduct,
    "unusual-access": access.unusual_access,
    "sip-remote": telephony.remote,
    "sip-phrases": telephony.phrases,
    "call-causes": telephony.call_causes,
    "tables": tables.tables,
    "ledger-kinds": tables.ledger_kinds,
    "test-vectors": tables.test_vectors,
}
