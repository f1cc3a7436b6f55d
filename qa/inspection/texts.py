"""Opens the texts of an inspection for a reader: numbers and contact data covered, erased ones marked."""

from collections.abc import Iterable, Sequence

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from qa.inspection.models import FindingRow, InspectionRow, SentenceRow
from qa.inspection.sealing import Opener, finding_field, keywords_field, sentence_field
from qa.inspection.views import SentenceView
from qa.speech.digits import mask_digits


async def read_sentences(
    session: AsyncSession, inspection_id: str, opener: Opener, *, masked: bool
) -> tuple[SentenceView, ...]:
    rows = (
        await session.scalars(
            select(SentenceRow).where(SentenceRow.inspection_id == inspection_id).order_by(SentenceRow.idx)
        )
    ).all()
    texts = [opener.text(sentence_field(row.id), row.text) for row in rows]
    if masked:
        if not opener.erased:
            texts = [hide(text, row.hidden or ()) for row, text in zip(rows, texts, strict=True)]
        texts = mask_numbers([row.role for row in rows], texts)
    return tuple(
        SentenceView(
            row.idx, row.role, row.begin_ms, row.end_ms, row.confidence, text,
            message_id=row.message_id, attachment_id=row.attachment_id, at=row.at,
        )
        for row, text in zip(rows, texts, strict=True)
    )  # fmt: skip


def hide(text: str, spans: Iterable[Sequence[int]]) -> str:
    """Put `*` for each character of the spans; the length stays."""
    characters = list(text)
    for begin, end in spans:
        characters[begin:end] = "*" * len(characters[begin:end])
    return "".join(characters)


def mask_numbers(roles: Sequence[str], texts: Sequence[str]) -> list[str]:
    """Mask runs of digits, also one that a speaker dictates over several sentences; lengths stay."""
    masked = list(texts)
    for role in set(roles):
        own = [index for index, speaker in enumerate(roles) if speaker == role]
        joined = mask_digits(" ".join(texts[index] for index in own))
        begin = 0
        for index in own:
            masked[index] = joined[begin : begin + len(texts[index])]
            begin += len(texts[index]) + 1
    return masked


def evidence(row: FindingRow, opener: Opener, sentences: Sequence[SentenceView] | None) -> str | None:
    """Give the words of a finding as the reader sees them in the transcript."""
    if sentences is None:
        return None
    if row.text is None or opener.erased or row.sentence_index is None:
        return opened(row, opener)
    return sentences[row.sentence_index].text[row.char_begin : row.char_end]


def opened(row: FindingRow, opener: Opener) -> str:
    """Give the words of a finding that stands by itself; contact data was covered when it was found."""
    return mask_digits(opener.text(finding_field(row.id), row.text))


def in_order(inspection: InspectionRow, rows: Iterable[FindingRow]) -> list[FindingRow]:
    """Bring the findings of a thread into the order of its messages: some were found before others."""
    found = list(rows)
    if inspection.thread_day_id is not None:
        found.sort(key=lambda row: (row.sentence_index is None, row.sentence_index or 0, row.char_begin))
    return found


def keywords(row: InspectionRow, opener: Opener, *, masked: bool) -> tuple[str, ...]:
    words = opener.words(keywords_field(row.id), row.keywords)
    return tuple(mask_digits(word) for word in words) if masked else words
