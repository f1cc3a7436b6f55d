"""Every word that reviews and alerts can say has a text; ages are said as people say them."""

import pytest

from dashboard.pages.reviewer.alerts import AlertPile, age
from dashboard.pages.reviewer.inspections import InspectionsQuery, ReviewChannel
from dashboard.render import translate
from qa.alert_rules import Timing
from qa.inspection.rulebook import Chats
from qa.lexicon.model import Speaker
from qa.review.model import AppealState, Priority, ReviewState, Ruling, Step
from qa.review.queue import Pile

WORDS = {
    "ruling": Ruling,
    "step": Step,
    "review.state": ReviewState,
    "review.pile": Pile,
    "review.priority": Priority,
    "review.channel": ReviewChannel,
    "appeal.state": AppealState,
    "alerts.pile": AlertPile,
    "word_rules.scope": Chats,
    "word_rules.timing": Timing,
    "word_rules.side": Speaker,
    "done": [*(f"finding-{word}" for word in ("confirm", "overturn", "undo", "appeal")),
             *(f"review-{word}" for word in ("claim", "release", "finish", "reopen")),
             "alert-take", "alert-close", "word-rule"],
}  # fmt: skip


@pytest.mark.parametrize("prefix", WORDS)
def test_every_word_has_a_text(prefix: str) -> None:
    for word in WORDS[prefix]:
        assert translate("zh", f"{prefix}.{word}")
        assert translate("en", f"{prefix}.{word}")


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "刚刚"), (59, "刚刚"), (60, "1 分钟"), (3 * 3600 + 720, "3 小时 12 分"), (90000, "1 天 1 小时")],
)
def test_ages(seconds: int, said: str) -> None:
    assert age(seconds, "zh") == said


def test_the_list_keeps_its_filters_in_the_address() -> None:
    query = InspectionsQuery.model_validate({"state": "all", "severity": "severe", "employee": ""})
    assert query.address() == "/inspections?state=all&severity=severe"
    assert query.queue() == "state=all&severity=severe"
    assert InspectionsQuery().address() == "/inspections"
    assert InspectionsQuery().queue() == "state=due"
