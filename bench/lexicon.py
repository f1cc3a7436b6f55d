"""The lexicon against bare ahocorasick-rs: speed, recall under disguise, false hits, a peer's own cases.

    .venv/bin/python -m bench.lexicon [DATA_FOLDER] [--quick]

The data (CNTP evasion set, MIT; houbb/sensitive-word cases, Apache-2.0) is not part of the project:
give the folder that holds `evasion/` and `peer_tests/`. `--quick` takes every fourth row.
"""

import json
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from ahocorasick_rs import AhoCorasick, MatchKind

from bench.data import data_folder
from bench.figure import Figure, Options, Result, alone
from qa.lexicon.loader import own_packs
from qa.lexicon.matcher import Lexicon, MatchOptions
from qa.lexicon.model import Category, Pack, Scene, Severity, Speaker, Term

PEER = "bare ahocorasick-rs"
OPTIONS = {
    "default": MatchOptions(),
    "pinyin >= 2": MatchOptions(pinyin_syllables=2),
    "fuzzy, initials": MatchOptions(pinyin_syllables=2, fuzzy=True, initials=True),
}
UNSUPPORTED = {
    "number, mail, URL and IP detectors": ("Email", "Ipv4", "Num", "Url"),
    "tags of words": ("Tag",),
}


def pack_of(words: Iterable[str], **facts: Any) -> Pack:
    """Make a pack of bare words, one term each."""
    terms = tuple(
        Term(
            id=f"bench.{number}",
            pack="bench",
            label=word,
            texts=(word,),
            category=Category.INSULT,
            severity=Severity.SEVERE,
            speaker=Speaker.ANY,
            scenes=frozenset({Scene.ANY}),
            source="bench",
            **facts,
        )
        for number, word in enumerate(dict.fromkeys(words))
    )
    return Pack("bench", "1.0.0", "bench", "bench", "bench", "none", terms)


def rate(find: Callable[[str], object], texts: Sequence[str], seconds: float = 1.5) -> float:
    """Give texts a second, the best of repeated rounds."""
    best, end = 0.0, time.perf_counter() + seconds
    while time.perf_counter() < end:
        begun = time.perf_counter()
        for text in texts:
            find(text)
        best = max(best, len(texts) / (time.perf_counter() - begun))
    return best


def speed(texts: Sequence[str]) -> tuple[Figure, str]:
    """Measure texts a second with our packs, against the bare automaton over the same spellings."""
    packs = own_packs()
    begun = time.perf_counter()
    lexicon = Lexicon(packs)
    built = time.perf_counter() - begun
    spellings = list(dict.fromkeys(text for term in lexicon.terms for text in term.texts))
    bare = AhoCorasick(spellings, matchkind=MatchKind.LeftmostLongest)
    ours, peer = rate(lexicon.find, texts), rate(bare.find_matches_as_indexes, texts)
    mean = sum(map(len, texts)) / len(texts)
    told = f"own packs: {len(lexicon.terms)} terms, {len(spellings)} spellings, built in {built:.1f} s"
    note = f"{len(texts)} texts of {mean:.0f} characters"
    return Figure("lexicon", ours, "texts/s", PEER, peer, note), told


def recall(rows: Sequence[dict[str, Any]], clean: Sequence[str]) -> tuple[list[Figure], list[str]]:
    """Count the disguised texts in which one of the row's own annotated terms is still found."""
    hits: dict[str, Counter[str]] = defaultdict(Counter)
    totals: Counter[str] = Counter()
    for row in rows:
        words = [entity for entity in row["entities"] if len(entity) >= 2]
        if not words:
            continue
        columns = finders(words)
        for kind, text in {"plain": row["text"], **row["variants"]}.items():
            totals[kind] += 1
            for name, found in columns.items():
                hits[name][kind] += bool(found(text))
    names = ["ahocorasick-rs", *OPTIONS]
    lines = [
        f"recall: texts in which a term of the row (>= 2 characters) is still found, {totals['plain']} rows",
        f"{'disguise':14}" + "".join(f"{name:>18}" for name in names),
    ]
    lines += [
        f"{kind:14}" + "".join(f"{hits[name][kind] / totals[kind]:18.1%}" for name in names)
        for kind in totals
    ]
    everything = finders([entity for row in rows for entity in row["entities"] if len(entity) >= 2])
    counts = {name: sum(bool(found(text)) for text in clean) for name, found in everything.items()}
    lines.append(f"{'harmless posts':14}" + "".join(f"{counts[name] / len(clean):18.1%}" for name in names))
    lines.append(
        "  (last line: hits of the terms of all rows at once, ordinary words such as 男人 among them)"
    )
    disguised = [kind for kind in totals if kind != "plain"]
    share = {
        name: sum(hits[name][k] for k in disguised) / sum(totals[k] for k in disguised) for name in names
    }
    figure = Figure(
        "disguised texts in which a term is found",
        100 * share["default"],
        "%",
        PEER,
        100 * share["ahocorasick-rs"],
        f"{len(disguised)} disguises of {totals['plain']} rows",
    )
    return [figure], lines


def finders(words: Sequence[str]) -> dict[str, Callable[[str], object]]:
    """Give the peer's and our searches for these words, by the name of the column."""
    bare = AhoCorasick(list(dict.fromkeys(words)))
    pack = pack_of(words)
    return {
        "ahocorasick-rs": bare.find_matches_as_indexes,
        **{name: Lexicon([pack], options).find for name, options in OPTIONS.items()},
    }


def false_hits(clean: Sequence[str]) -> list[str]:
    """Tell what our own packs find in harmless posts."""
    lexicon = Lexicon(own_packs())
    hits = [(text, lexicon.find(text)) for text in clean]
    hits = [(text, found) for text, found in hits if found]
    return [
        f"own packs on {len(clean)} harmless posts: {len(hits)} with a hit ({len(hits) / len(clean):.2%})",
        *(
            f"   {[f'{hit.term.id}: {hit.text} ({hit.matched_by})' for hit in found]} in {text[:40]}"
            for text, found in hits
        ),
    ]


def peer_cases(cases: Sequence[dict[str, Any]]) -> list[str]:
    """Run the peer's cases: the expected words are the terms, plus what the case adds."""
    passed, skipped, failed = 0, Counter[str](), []
    for case in cases:
        kind = _out_of_scope(case)
        if kind:
            skipped[kind] += 1
            continue
        expected = [word for word in case["expected"].strip("[]").split(", ") if word]
        lexicon = Lexicon([pack_of(_terms(expected), pinyin=False)])
        found = [hit.text for hit in lexicon.find(case["text"])]
        if case.get("rhs") in {"word", "fixedWord.get(0).getWord()"}:
            found = found[:1]
        if found == expected:
            passed += 1
        else:
            failed.append((case["test"], case["text"], expected, found))
    return [
        f"peer cases: {passed} of {len(cases)} pass, {len(failed)} fail, {skipped.total()} out of scope",
        *(f"   out of scope, {number}: {kind}" for kind, number in skipped.items()),
        *(
            f"   fails: {test}: {text!r} expected {expected} found {found}"
            for test, text, expected, found in failed
        ),
    ]


def _terms(expected: Sequence[str]) -> list[str]:
    plain = {"Ⓕⓤc⒦": "fuck", "ⒻⒻⒻfⓤuⓤ⒰cⓒ⒦": "fuck", "ｆｕｃｋ": "fuck"}
    signs = str.maketrans("", "", "@+-")
    return [plain.get(word, word.translate(signs)) for word in expected] or ["从不出现的词"]


def _out_of_scope(case: dict[str, Any]) -> str | None:
    for kind, names in UNSUPPORTED.items():
        if any(name in case["file"].rsplit("/", 1)[-1] for name in names):
            return kind
    rhs = case.get("rhs") or ""
    if case["op"] == "replace" or rhs == "result" or "{" in case["expected"]:
        return "replacing words; the peer's own result objects"
    if not case["text"]:
        return "the text is not in the row"
    if case["expected"] == "[]":
        return "expects nothing from the peer's own dictionary, which is not part of the row"
    return None


def _rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def measure(options: Options) -> Result:
    data = data_folder(options, "evasion", "peer_tests")
    rows = _rows(data / "evasion/evasion.jsonl")
    clean = [row["text"] for row in _rows(data / "evasion/clean.jsonl")]
    cases = json.loads((data / "peer_tests/houbb_cases.json").read_text("utf-8"))
    if options.quick:
        rows, clean = rows[::4], clean[::4]
    fast, built = speed([*clean, *(row["text"] for row in rows)])
    figures, table = recall(rows, clean)
    parts = [[built], table, false_hits(clean), peer_cases(cases)]
    return Result((fast, *figures), "\n\n".join("\n".join(part) for part in parts))


if __name__ == "__main__":
    alone(measure, __doc__, takes_data=True)
