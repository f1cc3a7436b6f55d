"""Words of the administrator's pages: variables, examples and differences of templates; the tree; what is wrong."""

from core.access.people import DepartmentView
from dashboard.pages.administrator.kit import tree
from dashboard.pages.administrator.wording import Change, difference, example, suggested, variables_in
from gateway.messages.rulefile import wording
from gateway.messages.templating import Variable, VariableKind


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
