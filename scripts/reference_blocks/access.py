"""The rules of unusual access, as they come along."""

from core.audit.unusual import Rule, own_rules
from reference_blocks.markdown import code, table


def unusual_access() -> str:
    """One row a rule."""
    book = own_rules()
    rows = [
        (
            code(rule.id),
            f"{rule.title.zh} / {rule.title.en}",
            f"> {rule.limit:,}",
            _window(rule),
            ""
            if rule.usual is None
            else f"{rule.usual.factor:g} × (≥ {rule.usual.floor:,}), ≤ {rule.usual.always:,}",
            rule.severity.value,
            ", ".join(code(act) for act in rule.acts),
            rule.reason,
        )
        for rule in book.rules
    ]
    head = (
        "规则 / rule",
        "名称 / title",
        "限额 / limit",
        "窗口 / window",
        "与平时相比 / usual",
        "级别 / severity",
        "行为 / acts",
        "理由 / reason",
    )
    return f"版本 / version `{book.version}`，生效 / effective {book.effective}\n\n{table(head, rows)}"


def _window(rule: Rule) -> str:
    if rule.begins is not None and rule.ends is not None:
        return f"{rule.begins:%H:%M}–{rule.ends:%H:%M}"
    days, rest = divmod(rule.window_s, 86_400)
    return f"{days} d" if days and not rest else f"{rule.window_s // 3600} h"
