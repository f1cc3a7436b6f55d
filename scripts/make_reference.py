"""Write the generated parts of docs/reference from the code: settings, commands, API, rules, errors, tables.

Usage: .venv/bin/python scripts/make_reference.py [--check]

A page is written by hand; what stands between `<!-- begin NAME -->` and `<!-- end NAME -->` is written here.
`--check` changes nothing and ends with 1 if a page is out of date.
"""

import argparse
import re
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
DOCS = REPOSITORY / "docs"
_BLOCK = re.compile(r"(<!-- begin ([a-z-]+) -->\n).*?(<!-- end \2 -->)", re.DOTALL)


def rendered() -> dict[Path, str]:
    """Give every page that has generated parts, with these parts made anew."""
    if str(REPOSITORY) not in sys.path:
        sys.path[:0] = [str(REPOSITORY), str(Path(__file__).parent)]
    from reference_blocks import BLOCKS

    pages: dict[Path, str] = {}
    made: dict[str, str] = {}

    def fill(match: re.Match[str]) -> str:
        begin, name, end = match.groups()
        if name not in made:
            made[name] = BLOCKS[name]().strip("\n")
        return f"{begin}\n{made[name]}\n\n{end}"

    for path in sorted(DOCS.rglob("*.md")):
        text = path.read_text(encoding="utf-8")
        if _BLOCK.search(text):
            pages[path] = _BLOCK.sub(fill, text)
    unused = BLOCKS.keys() - made.keys()
    if unused:
        raise KeyError(f"no page shows {sorted(unused)}")
    return pages


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="change nothing; say what is out of date")
    check = parser.parse_args().check
    stale = [(path, text) for path, text in rendered().items() if path.read_text(encoding="utf-8") != text]
    for path, text in stale:
        print(f"{'out of date' if check else 'written'}: {path.relative_to(REPOSITORY)}")
        if not check:
            path.write_text(text, encoding="utf-8")
    return int(check and bool(stale))


if __name__ == "__main__":
    raise SystemExit(main())
