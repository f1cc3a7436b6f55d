"""What a file's bad lines are told on a page: reasons counted, and a report to download. Never a value."""

import csv
import io
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass

from core.sheets.faults import RowRefusal
from core.web.replies import StreamReply


@dataclass(frozen=True, slots=True)
class Reason:
    """Why rows were refused, and how many; `text` is what the first of them was told."""

    column: str
    code: str
    text: str
    count: int


def summary(refusals: tuple[RowRefusal, ...], language: str) -> list[Reason]:
    """Count the reasons, the most frequent first."""
    counts = Counter((found.column, found.code) for found in refusals)
    texts: dict[tuple[str, str], str] = {}
    for found in refusals:
        texts.setdefault((found.column, found.code), found.zh if language == "zh" else found.en)
    return [Reason(*key, texts[key], count) for key, count in counts.most_common()]


def refusals_csv(refusals: tuple[RowRefusal, ...], language: str) -> bytes:
    """Give rows, columns and reasons as a file; no value of what was brought."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(("row", "column", "code", "reason"))
    for found in refusals:
        writer.writerow((found.row, found.column, found.code, found.zh if language == "zh" else found.en))
    return text.getvalue().encode("utf-8-sig")


def download(content: bytes, media_type: str, file_name: str) -> StreamReply:
    """Send a small file that was just made."""

    async def whole() -> AsyncIterator[bytes]:
        yield content

    return StreamReply(whole(), media_type, file_name)
