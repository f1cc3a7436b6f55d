"""Prints what the demo showed, in Chinese or English, and gives the same as data."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from rich.console import Console
from rich.table import Table
from rich.text import Text

from maskline.demo.fleet import PlayedPhones
from maskline.demo.leaving import PlayedLeaving
from maskline.demo.message_report import messages_as_data
from maskline.demo.messages import PlayedMessage
from maskline.demo.phone_report import phones_as_data
from maskline.demo.play import PlayedCall
from maskline.texts import language

_WEIGHTS = ("minor", "moderate", "severe")
_SIGNS = {"severe": "■", "moderate": "▲", "minor": "·"}
_WORDS = {
    "title": (
        "演示结果：真实通话，经判定、录音、转写、质检、入账",
        "The demo: real calls, judged, recorded, transcribed, inspected, proved",
    ),
    "call": ("通话", "Call"),
    "verdict": ("判定", "Verdict"),
    "recording": ("录音", "Recording"),
    "score": ("得分", "Score"),
    "findings": ("命中", "Findings"),
    "allow": ("✓ 允许", "✓ allowed"),
    "deny": ("✗ 拒绝", "✗ refused"),
    "none": ("无命中", "none"),
    "said": ("听到", "heard"),
    "staff": ("坐席", "staff"),
    "customer": ("客户", "customer"),
    "next": ("最早可于 {} 再联系（客户当地 {}）", "Earliest next contact: {} (customer's time, {})"),
    "books": (
        "账本：{proofs} 条包含证明，检查点覆盖 {size} 条记录，独立验证程序核对通过。严重预警 {alerts} 条。",
        "Ledger: {proofs} inclusion proofs under {size} entries, verified apart from us. Alerts: {alerts}.",
    ),
    "suspected": ("疑似", "suspected"),
}  # fmt: skip


def word(key: str) -> str:
    """Give a word of the report in the language of this run."""
    return _WORDS[key][1 if language() == "en" else 0]


def print_report(console: Console, played: list[PlayedCall]) -> None:
    """Print one table over all calls, then what was found in each, then what proves it."""
    console.rule(word("title"))
    table = Table(show_edge=False, pad_edge=False, header_style="bold")
    for key in ("call", "verdict", "recording", "score", "findings"):
        table.add_column(word(key), overflow="fold", justify="right" if key == "score" else "left")
    for one in played:
        table.add_row(*_row(one))
    console.print(table)
    for one in played:
        _print_details(console, one)
    console.print()
    proofs = sum(len(one.facts["proofs"]) for one in played)
    newest = max(one.facts["proofs"][0]["inclusion"]["size"] for one in played)
    alerts = sum(len(one.facts["alerts"]) for one in played)
    console.print(word("books").format(proofs=proofs, size=newest, alerts=alerts), highlight=False)


def as_data(
    played: list[PlayedCall],
    messages: list[PlayedMessage],
    phones: PlayedPhones,
    leaving: PlayedLeaving,
    faults: list[str],
    *,
    verified: bool,
) -> dict[str, Any]:
    """Give everything as JSON: calls, transcripts, findings, scores, verdicts, proofs; messages; phones."""
    return {
        "passed": not faults and verified,
        "faults": faults,
        "evidence_verified_offline": verified,
        "calls": [
            {
                "id": one.script,
                "title": {"zh": one.title_zh, "en": one.title_en},
                "sip_status": one.sip_status,
                "time_zone": one.zone,
                "dry_run": one.dry_run,
                "expected_categories": list(one.expected),
                **one.facts,
            }
            for one in played
        ],
        "messages": messages_as_data(messages),
        "phones": phones_as_data(phones, leaving),
    }


def _title(one: PlayedCall) -> str:
    return one.title_en if language() == "en" else one.title_zh


def _row(one: PlayedCall) -> tuple[str | Text, ...]:
    contact, inspection = one.facts["contact"], one.facts["inspection"]
    allowed = contact["decision"] == "allow"
    media = one.facts.get("call", {}).get("media") or {}
    recording = f"{media['duration_ms'] / 1000:.0f} s" if media.get("recording_sha256") else "—"
    found = (inspection["report"] or {}).get("categories", [])
    categories = [category["title"]["en" if language() == "en" else "zh"] for category in found]
    score = inspection["summary"]["score"]
    return (
        _title(one),
        Text(word("allow") if allowed else word("deny"), style="green" if allowed else "red"),
        recording,
        "—" if score is None else str(score),
        (", " if language() == "en" else "、").join(categories) or word("none") if allowed else "—",
    )


def _category(finding: dict[str, Any]) -> str:
    title: str = finding["rule_title_en" if language() == "en" else "rule_title_zh"]
    return f"{title}（{word('suspected')}）" if finding["suspected"] else title


def _print_details(console: Console, one: PlayedCall) -> None:
    contact, inspection = one.facts["contact"], one.facts["inspection"]
    console.print()
    console.print(Text(_title(one), style="bold"))
    if contact["decision"] != "allow":
        console.print(Text(f"  {contact['reason_en' if language() == 'en' else 'reason_zh']}"))
        opens = datetime.fromisoformat(contact["next_allowed_at"]).astimezone(ZoneInfo(one.zone))
        console.print(f"  {word('next').format(opens.strftime('%m-%d %H:%M'), one.zone)}")
        return
    worst_last = sorted(inspection["findings"], key=lambda finding: _WEIGHTS.index(finding["severity"]))
    marks = {finding["sentence_index"]: finding for finding in worst_last}
    for sentence in inspection["transcript"]:
        line = Text(f"  {_clock(sentence['begin_ms'])} {word(sentence['role'])}  ", style="dim")
        line.append(sentence["text"], style="default")
        finding = marks.get(sentence["index"])
        if finding is not None:
            line.append(f"  {_SIGNS[finding['severity']]} {_category(finding)}", style="red")
        console.print(line, soft_wrap=True)


def _clock(milliseconds: int) -> str:
    return f"{milliseconds // 60000}:{milliseconds // 1000 % 60:02}"
