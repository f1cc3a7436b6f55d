"""Words of the administrator's pages: variables, examples and differences of templates; the tree; what is wrong."""

import inspect
import re
from typing import get_args

import pytest

from core.access.model import Role
from core.access.models import EmployeeState, Stage
from core.access.people import DepartmentView
from dashboard import health
from dashboard.health import EXPECTED
from dashboard.pages.administrator.bindings import Ends
from dashboard.pages.administrator.rules import reasons
from dashboard.pages.administrator.wording import Change, difference, example, suggested, variables_in
from dashboard.pages.kit import tree
from dashboard.render import translate
from gateway.contact.model import Channel, Outcome
from gateway.contact.rulebook import ConsentParameters, NoParameters, Source, load
from gateway.customers.importing.format import COLUMNS
from gateway.customers.importing.report import ImportMode
from gateway.messages.rulefile import optout_words, screening_policy, wording
from gateway.messages.templating import Variable, VariableKind
from gateway.numbers.model import LineStatus


def test_variables_are_found_and_their_kinds_guessed_or_chosen() -> None:
    text = "{{institution}} {{amount}} {{due_date}} {{card_tail}} {{days}} {{who}} {{amount}}"
    found = variables_in(text, wording(), {"who": VariableKind.COUNT})
    assert found == (
        Variable("amount", VariableKind.AMOUNT),
        Variable("due_date", VariableKind.DATE),
        Variable("card_tail", VariableKind.LAST_FOUR),
        Variable("days", VariableKind.COUNT),
        Variable("who", VariableKind.COUNT),
    )
    assert suggested("anything") is VariableKind.TEXT


def test_an_example_fills_every_variable_once() -> None:
    text = "【{{institution}}】{{customer_name}} {{amount}} {{unknown}} {{opt_out}}"
    variables = variables_in("{{amount}}", wording(), {})
    shown = example(text, variables, institution="甲{{amount}}", wording=wording())
    assert shown == "【甲{{amount}}】张** 1,250.00 — 拒收请回复TD"


def test_a_difference_gives_both_texts_back() -> None:
    old, new = "请于明天前处理。", "请您于后天前还款。"
    pieces = difference(old, new)
    assert "".join(piece.text for piece in pieces if piece.change is not Change.ADDED) == old
    assert "".join(piece.text for piece in pieces if piece.change is not Change.TAKEN) == new
    assert difference("同", "同") == [pieces[0].__class__(Change.SAME, "同")]


def test_the_tree_is_read_parents_first_and_by_name() -> None:
    places = [
        DepartmentView("1", None, "乙", "/1/"),
        DepartmentView("2", None, "A", "/2/"),
        DepartmentView("3", "1", "b", "/1/3/"),
        DepartmentView("4", "1", "a", "/1/4/"),
        DepartmentView("5", "gone", "z", "/gone/5/"),
    ]
    assert [(place.id, depth) for place, depth in tree(places)] == [
        ("2", 0), ("5", 0), ("1", 0), ("4", 1), ("3", 1),
    ]  # fmt: skip


WORDS = {
    "line.status": LineStatus,
    "employee.state": EmployeeState,
    "role.for": Role,
    "session.stage": Stage,
    "bindings.ends": Ends,
    "binding.over": ("released", "expired", "erased"),
    "template.state": ("draft", "approved", "rejected", "retired"),
    "variable": VariableKind,
    "channel": Channel,
    "rule.standing": get_args(Source.model_fields["standing"].annotation),
    "rule.counts": [outcome for outcome in Outcome if outcome is not Outcome.PENDING],
    "imports.mode": ImportMode,
    "imports.col": COLUMNS,
    "imports.note": COLUMNS,
    "imports.result": ("written", "dry", "stopped", "nothing"),
    "process": EXPECTED,
    "process.does": EXPECTED,
    "process.state": ("ok", "degraded", "down", "silent", "missing"),
}


@pytest.mark.parametrize("prefix", WORDS)
def test_every_word_that_is_put_together_has_a_text(prefix: str) -> None:
    for word in WORDS[prefix]:
        assert translate("zh", f"{prefix}.{word}")
        assert translate("en", f"{prefix}.{word}")


def test_every_rule_is_told_in_words() -> None:
    for rule in load().rules:
        if isinstance(rule.parameters, NoParameters):
            assert translate("zh", f"rule.kind.{rule.kind}.words")
        if isinstance(rule.parameters, ConsentParameters):
            assert translate("zh", f"rule.words.basis.{rule.parameters.basis}")
        assert all("{" not in said for language in ("zh", "en") for said in reasons(rule, language))
    for file in (screening_policy(), wording(), optout_words()):
        assert translate("en", f"rulefile.{file.id}")


def test_every_trouble_says_what_to_do() -> None:
    for key in re.findall(r'Trouble\("([a-z-]+)"', inspect.getsource(health)):
        assert translate("zh", f"trouble.{key}")
        assert translate("zh", f"trouble.{key}.todo")
