"""Every word of the auditor's screens is there: kinds and groups of accesses, states of exports."""

import pytest

from core.audit import AccessGroup
from core.audit.digest import DIGEST_KIND
from core.audit.model import GROUP_OF, TOLD_BY_LEDGER
from core.exports import ExportState
from dashboard.render import translate

KEYS = [
    *(f"access.group.{group}" for group in AccessGroup),
    *(f"access.kind.{kind}" for kind in GROUP_OF),
    *(f"ledger.kind.{kind}" for kind in (*TOLD_BY_LEDGER, DIGEST_KIND)),
    *(f"evidence.state.{state}" for state in ExportState),
    *(f"evidence.ended.{state}" for state in ("failed", "lost", "expired")),
    "access.detail.locked",
]


@pytest.mark.parametrize("key", KEYS)
def test_there_is_a_text(key: str) -> None:
    assert translate("zh", key)
    assert translate("en", key)


def test_every_group_has_something_in_it() -> None:
    assert set(GROUP_OF.values()) == set(AccessGroup)
