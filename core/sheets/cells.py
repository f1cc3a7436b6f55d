"""Cells and rows as they come out of a file, and how the traces of spreadsheets are taken off."""

import re
from dataclasses import dataclass

_QUOTED_FORMULA = re.compile(r'="([^"]*)"')


@dataclass(frozen=True, slots=True, repr=False)
class Cell:
    """A cell's text. `formula`: it would be computed. `damaged`: a long number that has lost digits."""

    text: str
    formula: bool = False
    damaged: bool = False


@dataclass(frozen=True, slots=True, repr=False)
class RawRow:
    """A row; `number` counts from 1 with the heading row, as a spreadsheet does."""

    number: int
    cells: tuple[Cell, ...]


def text_cell(text: str) -> Cell:
    """Make a cell of text: ="…" and a leading apostrophe only force text, anything else after = computes."""
    text = text.strip()
    quoted = _QUOTED_FORMULA.fullmatch(text)
    if quoted:
        text = quoted.group(1).strip()
    text = text.removeprefix("'").strip()
    return Cell(text, formula=text.startswith("="))
