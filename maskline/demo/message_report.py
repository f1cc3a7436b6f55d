"""Prints what the demo's messages showed, and gives the same as data."""

from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from maskline.demo.messages import PlayedMessage
from maskline.texts import language

_WORDS = {
    "title": ("消息：网页会话，先判定、再审读、后发出", "Messages: web chat; judged, screened, then sent"),
    "message": ("消息", "Message"),
    "written": ("坐席写的", "Written"),
    "end": ("结果", "Outcome"),
    "seen": ("客户看到的", "Seen by the customer"),
    "why": ("原因", "Why"),
    "delivered": ("✓ 送达", "✓ delivered"),
    "released": ("✓ 放行后送达（{}）", "✓ released ({}), delivered"),
    "masked": ("✓ 遮盖后送达", "✓ masked, delivered"),
    "blocked": ("✗ 未发出", "✗ not sent"),
    "answered": ("客户：", "Customer: "),
}  # fmt: skip


def word(key: str) -> str:
    """Give a word of the report in the language of this run."""
    return _WORDS[key][1 if language() == "en" else 0]


def print_messages(console: Console, played: list[PlayedMessage]) -> None:
    """Print one line for each message, with what the customer wrote between them."""
    if not played:
        return
    console.print()
    console.rule(word("title"))
    table = Table(show_edge=False, pad_edge=False, header_style="bold")
    for key in ("message", "written", "end", "seen", "why"):
        table.add_column(word(key), overflow="fold")
    for one in played:
        for answer in one.answers:
            table.add_row("", Text(word("answered") + answer, style="dim"), "", "", "")
        table.add_row(*_row(one))
    console.print(table)


def messages_as_data(played: list[PlayedMessage]) -> list[dict[str, Any]]:
    """Give everything as JSON; what the agent wrote and what the customer saw."""
    return [
        {
            "id": one.script.id,
            "title": {"zh": one.script.title_zh, "en": one.script.title_en},
            "written": one.facts["text"] if one.script.action == "mask" else one.script.text,
            "arrived": one.arrived,
            "customer_wrote": one.answers,
            "released_by": one.released_by,
            "message": one.facts,
        }
        for one in played
    ]


def _row(one: PlayedMessage) -> tuple[str | Text, ...]:
    english = language() == "en"
    if one.arrived is None:
        end = Text(word("blocked"), style="red")
    elif one.released_by is not None:
        end = Text(word("released").format(one.released_by), style="green")
    else:
        end = Text(word("masked" if one.facts["masked"] else "delivered"), style="green")
    findings = [finding["en" if english else "zh"] for finding in one.facts["findings"]]
    reason = one.facts["reason_en" if english else "reason_zh"]
    why = reason or (", " if english else "、").join(dict.fromkeys(findings)) or "—"
    title = one.script.title_en if english else one.script.title_zh
    return title, one.script.text, end, one.arrived or "—", why
