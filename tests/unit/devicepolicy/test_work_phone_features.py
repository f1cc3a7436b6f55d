"""The page that holds Maskline against work phones: every test and page that it names exists, every row is there."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from devicepolicy.capabilities.table import table

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs" / "reference" / "work-phone-features.md"
STATES = {"有", "部分", "未建"}
FEATURES, INTERFACES = PAGE.read_text("utf-8").split("\n## ")[1:]


def rows(part: str) -> list[list[str]]:
    lines = [line for line in part.splitlines() if line.startswith("| ")][2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


@cache
def named_in(path: str) -> frozenset[str]:
    body = ast.parse((ROOT / "tests" / path).read_text("utf-8")).body
    return frozenset(one.name for one in body if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef))


def test_all_features_are_there_in_order() -> None:
    assert [row[0] for row in rows(FEATURES)] == [str(number) for number in range(1, 23)]
    assert len(rows(INTERFACES)) == 16


@pytest.mark.parametrize("row", rows(FEATURES), ids=lambda row: row[0])
def test_a_features_tests_and_pages_exist(row: list[str]) -> None:
    _, title, state, told, proof = row
    assert state in STATES
    assert " / " in title
    assert " / " in told, "in both languages"
    assert state == "有" or re.search("缺|未|没有|不收|不采集", told), "what is missing is said"
    named = re.findall(r"`([^`]+)`", proof)
    assert named
    for one in named:
        path, _, name = one.partition("::")
        assert name in named_in(path), one
    for page in re.findall(r"\]\(([^)#]+)", told):
        assert (PAGE.parent / page).is_file(), page


@pytest.mark.parametrize("row", rows(INTERFACES), ids=lambda row: row[0])
def test_every_constant_and_method_stands_in_the_capability_table(row: list[str]) -> None:
    _, user_manager, dpm, huawei = row
    columns = (
        (user_manager, {name for one in table() for name in one.user_manager}),
        (dpm, {name for one in table() for name in one.dpm}),
        (huawei, {name for one in table() for name in one.huawei}),
    )
    named = 0
    for told, known in columns:
        for name in re.findall(r"`([^`]+)`", told):
            assert any(name in one for one in known), name
            named += 1
    assert named
