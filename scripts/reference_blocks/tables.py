"""Tables of the database by owner, kinds of ledger entries, and test vectors of the ledger."""

import ast
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from core.ledger.merkle import Frontier
from core.ledger.record import make_entry
from maskline.tables import load_metadata
from reference_blocks.markdown import code, table

REPOSITORY = Path(__file__).resolve().parents[2]
_KIND = re.compile(r"[a-z][a-z0-9_-]*(\.[a-z][a-z0-9_-]*)+")
_OWNERS = {
    "core": "core：地面层 / ground",
    "access": "core.access：员工与权限 / people and rights",
    "gw": "gateway：网关 / gateway",
    "qa": "qa：质检 / quality",
    "dp": "devicepolicy：手机 / phones",
}


def tables() -> str:
    """One section an owner: tables, what they are, columns (sealed ones marked)."""
    base = load_metadata()
    texts = {
        mapper.local_table.name: (mapper.class_.__doc__ or "").strip().splitlines()[0]
        for mapper in base.registry.mappers
    }
    parts = []
    for prefix, title in _OWNERS.items():
        rows = [
            (code(name), texts.get(name, ""), ", ".join(_column(column) for column in one.columns))
            for name, one in sorted(base.metadata.tables.items())
            if name.startswith(f"{prefix}_")
        ]
        parts.append(f"## {title}\n\n{table(('表 / table', '内容 / what', '列 / columns'), rows)}")
    return "\n\n".join(parts)


def _column(column: object) -> str:
    sealed = type(column.type).__name__ == "SealedColumn"
    blind = type(column.type).__name__ == "BlindIndexColumn"
    return f"{'**' if column.primary_key else ''}{column.name}{'**' if column.primary_key else ''}" + (
        " 🔒" if sealed else " #️⃣" if blind else ""
    )


def ledger_kinds() -> str:
    """Every kind that the code writes, with the modules that do."""
    found: dict[str, set[str]] = {}
    for package in ("core", "gateway", "qa", "devicepolicy", "maskline"):
        for path in sorted((REPOSITORY / package).rglob("*.py")):
            for kind in _kinds(path):
                found.setdefault(kind, set()).add(str(path.relative_to(REPOSITORY)))
    return table(
        ("kind", "写入处 / written by"),
        [
            (code(kind), ", ".join(code(path) for path in sorted(paths)))
            for kind, paths in sorted(found.items())
        ],
    )


def _kinds(path: Path) -> Iterator[str]:
    """A kind is the second argument of a call whose first is the session."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names = {
        target.id: node.value.value
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for node in ast.walk(tree):
        if (
            not isinstance(node, ast.Call)
            or not isinstance(node.func, ast.Attribute)
            or node.func.attr == "put"
        ):
            continue
        first = node.args[:1]
        if not (first and isinstance(first[0], ast.Name) and first[0].id == "session"):
            continue
        for argument in node.args[1:4]:
            value = (
                argument.value
                if isinstance(argument, ast.Constant)
                else names.get(getattr(argument, "id", ""))
            )
            if isinstance(value, str) and _KIND.fullmatch(value):
                yield value


def test_vectors() -> str:
    """Two entries, their bytes and leaf hashes, and the roots of the trees that they make."""
    at = datetime(2026, 11, 21, 2, 0, tzinfo=UTC)
    entries = [
        make_entry(0, "example.one", at, {"id": "a", "count": 1}),
        make_entry(1, "example.two", at, {"text": "中文", "none": None}),
    ]
    frontier, lines = Frontier(), []
    lines.append(f"empty root  {Frontier().root().hex()}")
    for entry in entries:
        frontier, _ = frontier.append(entry.leaf_hash)
        lines += [
            f"record {entry.seq}    {entry.record.decode()}",
            f"leaf   {entry.seq}    {entry.leaf_hash.hex()}",
            f"root of {entry.seq + 1}   {frontier.root().hex()}",
        ]
    return "```text\n" + "\n".join(lines) + "\n```"
