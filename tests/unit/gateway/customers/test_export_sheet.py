"""Cells of an exported list, as a spreadsheet would take them."""

import pytest

from gateway.customers.approvals.sheet import plain
from gateway.customers.approvals.words import mask_document


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        "+86",
        "-1",
        "@SUM(A1)",
        "\t=1",
        "\r=1",
        "\n=1",
        "  =1",
        "\u3000=1",
        "＝1",
        "＋1",
        "|cmd",
        "%0A",
    ],
)
def test_what_a_spreadsheet_would_compute_begins_with_an_apostrophe(text: str) -> None:
    assert plain(text) == f"'{text}"


@pytest.mark.parametrize("text", ["", "张**", "138****8000", "****0123", "A-1", "老客户，VIP", "a=b"])
def test_what_it_would_not_stays(text: str) -> None:
    assert plain(text) == text


@pytest.mark.parametrize(
    ("number", "shown"),
    [("11010519491231002X", "1******X"), ("E1234567", "E******7"), ("1234", "******"), ("", ""), (None, "")],
)
def test_a_document_shows_its_ends_and_not_its_length(number: str | None, shown: str) -> None:
    assert mask_document(number) == shown
