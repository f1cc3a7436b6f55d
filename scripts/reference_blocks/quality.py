"""Lexicon packs, inspection rules, scoring."""

from collections import Counter

from qa.conduct.catalogue import own_catalogue
from qa.inspection.rulebook import own_rulebook
from qa.lexicon.loader import own_packs
from reference_blocks.markdown import code, table


def lexicon() -> str:
    """One row a pack, and how many terms of which severity."""
    rows = []
    for pack in own_packs():
        severities = Counter(term.severity.value for term in pack.terms)
        rows.append(
            (
                code(pack.id),
                pack.version,
                f"{pack.title_zh} / {pack.title_en}",
                len(pack.terms),
                sum(len(term.texts) for term in pack.terms),
                f"{severities['severe']} / {severities['moderate']} / {severities['minor']}",
                sum(term.fatal for term in pack.terms),
                pack.source,
                pack.licence,
            )
        )
    head = (
        "词库 / pack",
        "版本",
        "名称 / title",
        "词条 / terms",
        "写法 / spellings",
        "严重/中/轻",
        "致命 / fatal",
        "来源 / source",
        "licence",
    )
    return table(head, rows)


def inspection_rules() -> str:
    """One row a rule."""
    book = own_rulebook()
    rows = [
        (
            code(rule.id),
            rule.kind,
            f"{rule.title.zh} / {rule.title.en}",
            rule.category,
            rule.role,
            getattr(rule, "chats", None) or "—",
            getattr(rule, "alert_from", None) or "—",
            "否 / no" if getattr(rule, "deducts", True) is False else "是 / yes",
        )
        for rule in (*book.lexicon_rules, *book.required_rules)
    ]
    head = (
        "规则 / rule",
        "kind",
        "名称 / title",
        "category",
        "role",
        "范围 / chats",
        "预警起点 / alert from",
        "扣分 / deducts",
    )
    return f"版本 / version `{book.version}`\n\n{table(head, rows)}"


def scoring() -> str:
    """The figures of the scoring scheme."""
    scheme = own_rulebook().scoring
    rows = [
        ("起始分 / initial", scheme.initial),
        *((f"扣分 / deduction: {severity}", points) for severity, points in scheme.deductions.items()),
        ("致命命中后的得分 / score after a fatal finding", scheme.fatal_score),
        ("置信度低于此为“疑似” / suspected below", scheme.suspected_below),
        ("识别置信度低于此会降低命中置信度 / trusted speech", scheme.trusted_speech),
        ("合格 / pass from", scheme.bands.pass_),
        ("辅导 / coach from（以下为重点 / below: flag）", scheme.bands.coach),
    ]
    return table(("项目 / item", "值 / value"), rows)


def conduct() -> str:
    """One row a kind of sensitive behaviour."""
    catalogue = own_catalogue()
    rows = [
        (code(kind), f"{entry.title.zh} / {entry.title.en}", entry.severity, entry.source)
        for kind, entry in (*catalogue.kinds.items(), ("…", catalogue.unknown))
    ]
    head = ("种类 / kind", "名称 / title", "级别 / severity", "来源 / source")
    return f"版本 / version `{catalogue.version}`\n\n{table(head, rows)}"
