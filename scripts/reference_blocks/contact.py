"""The contact rules: figures, to what they apply, source and its standing."""

from gateway.contact import rulebook
from gateway.contact.rulebook import (
    CapParameters,
    ConsentParameters,
    HoursParameters,
    NoParameters,
    Rule,
)
from reference_blocks.markdown import code, table

_STANDING = {
    "standard": "法律或国家标准 / law or national standard",
    "industry-guideline": "行业指引 / industry guideline",
    "house-default": "机构默认 / house default",
    "invariant": "系统不变量 / invariant",
}


def _rules() -> list[Rule]:
    return sorted(rulebook.load().rules, key=lambda rule: (rulebook.ORDER.index(rule.kind), rule.id))


def rules() -> str:
    """One row a rule."""
    rows = [
        (
            code(f"{rule.id}@{rule.version}"),
            rule.title.zh,
            _applies(rule),
            _figures(rule),
            rule.effective_from.isoformat(),
            f"{rule.source.zh}",
            _STANDING[rule.source.standing],
        )
        for rule in _rules()
    ]
    return table(
        (
            "规则 / rule",
            "名称",
            "适用 / applies to",
            "数值 / figures",
            "自 / from",
            "来源",
            "性质 / standing",
        ),
        rows,
    )


def reasons() -> str:
    """Every reason that a rule can give."""
    rows = [
        (code(rule.id), code(name), reason.zh, reason.en)
        for rule in _rules()
        for name, reason in rule.reasons.items()
    ]
    return table(("规则 / rule", "原因代码 / code", "中文", "English"), rows)


def _applies(rule: Rule) -> str:
    applies = rule.applies
    groups = (applies.purposes, applies.channels, applies.directions)
    whole = [len(type(next(iter(group)))) == len(group) for group in groups]
    return " · ".join(
        "全部" if all_ else "/".join(sorted(item.value for item in group))
        for group, all_ in zip(groups, whole, strict=True)
    )


def _figures(rule: Rule) -> str:
    match rule.parameters:
        case HoursParameters(windows=windows):
            return "、".join(f"{opens:%H:%M}–{closes:%H:%M}" for opens, closes in windows)
        case CapParameters(limit=limit, counts=counts):
            return f"{limit}/天（{'+'.join(sorted(item.value for item in counts))}）"
        case ConsentParameters(required=required, basis=basis):
            return "须同意" if required else f"依据：{basis}"
        case NoParameters():
            return "—"
        case other:
            raise TypeError(type(other).__name__)
