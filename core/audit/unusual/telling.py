"""Says in Chinese and in English what was seen, what the limit is, and what is usual."""

from dataclasses import dataclass

from core.audit.unusual.model import Finding
from core.audit.unusual.rulebook import DAY_S, Judge, Rule


@dataclass(frozen=True, slots=True)
class Told:
    """A finding in words; times are left to who shows it in a zone."""

    title_zh: str
    title_en: str
    said_zh: str
    said_en: str
    advice_zh: str
    advice_en: str


def tell(finding: Finding, rule: Rule | None) -> Told:
    """Put it into words; `rule` is None if it is not in force any more."""
    if rule is None:
        name = finding.rule_id
        return Told(name, name, f"见到 {finding.seen}。", f"Seen: {finding.seen}.", "", "")
    seen = {"seen": f"{finding.seen:,}"}
    zh, en = rule.saw.zh.format(**seen), rule.saw.en.format(**seen)
    zh, en = f"{zh}。", f"{en[0].upper()}{en[1:]}."
    if finding.limit:
        within_zh, within_en = _window(finding, rule)
        zh += f"上限：{within_zh} {finding.limit:,}。"
        en += f" Limit: {finding.limit:,} {within_en}."
    else:
        zh += "出现即报。"
        en += " Told at the first."
    if finding.usual is not None:
        zh += f"平时：{finding.usual:,}。"
        en += f" Usual: {finding.usual:,}."
    return Told(rule.title.zh, rule.title.en, zh, en, rule.advice.zh, rule.advice.en)


def _window(finding: Finding, rule: Rule) -> tuple[str, str]:
    if rule.judge is Judge.HOURS:
        return "一晚", "a night"
    for size, zh, en in ((DAY_S, "天", "day"), (3600, "小时", "hour"), (60, "分钟", "minute")):
        number, rest = divmod(finding.window_s, size)
        if number and not rest:
            return f"{number} {zh}", f"in {number} {en}{'s' if number > 1 else ''}"
    return f"{finding.window_s} 秒", f"in {finding.window_s} seconds"
