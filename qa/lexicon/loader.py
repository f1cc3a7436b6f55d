"""Reads packs from YAML, expands their templates, and says clearly what is wrong with a bad one."""

import re
from collections.abc import Iterator, Sequence
from functools import cache
from importlib import resources
from itertools import product
from pathlib import Path
from typing import Annotated, Any, NoReturn, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from qa.lexicon.errors import PackInvalid
from qa.lexicon.matcher import Lexicon, MatchOptions
from qa.lexicon.model import Category, Context, Pack, Scene, Severity, Speaker, Term
from qa.lexicon.normalise import BARRIER, fold, fold_character

MOST_SPELLINGS = 3000
_SLOT = re.compile(r"\{([^{}]*)\}")
Text = Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True)]
Slug = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{1,63}$")]


Shape = TypeVar("Shape", bound=BaseModel)


class _Shape(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Title(_Shape):
    zh: Text
    en: Text


class _ContextShape(_Shape):
    use: tuple[str, ...] = ()
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    revoked_by: tuple[str, ...] = ()


class _TermShape(_Shape):
    id: Slug
    texts: tuple[Text, ...] = Field(min_length=1)
    category: Category
    severity: Severity
    speaker: Speaker = Speaker.STAFF
    scenes: tuple[Scene, ...] = (Scene.ANY,)
    unless: tuple[Text, ...] = ()
    source: Text | None = None
    pinyin: bool | None = None
    fatal: bool = False


class _PackShape(_Shape):
    id: Slug
    version: Annotated[str, StringConstraints(pattern=r"^\d+\.\d+\.\d+$")]
    title: _Title
    source: Text
    licence: Text
    context: _ContextShape = _ContextShape()
    terms: tuple[_TermShape, ...] = Field(min_length=1)


def parse_pack(document: str, *, name: str, contexts: dict[str, Context] | None = None) -> Pack:
    """Read one pack. Raises `PackInvalid` with one line for each fault, each naming its place."""
    shape = _validated(_PackShape, _yaml(document, name), name)
    faults: list[str] = []
    context = _context(shape.context, contexts or {}, f"{name}: context", faults)
    terms = [_term(shape, term, f"{name}: {term.id}", faults) for term in shape.terms]
    faults.extend(f"{name}: {fault}" for fault in _clashes(terms))
    if faults:
        _refuse(faults)
    return Pack(
        id=shape.id,
        version=shape.version,
        title_zh=shape.title.zh,
        title_en=shape.title.en,
        source=shape.source,
        licence=shape.licence,
        terms=tuple(terms),
        context=context,
    )


def parse_contexts(document: str, *, name: str) -> dict[str, Context]:
    """Read named contexts that packs share."""
    faults: list[str] = []
    loaded = _yaml(document, name)
    found = {
        key: _context(_validated(_ContextShape, value, f"{name}: {key}"), {}, f"{name}: {key}", faults)
        for key, value in loaded.items()
    }
    if faults:
        _refuse(faults)
    return found


def load_folder(folder: Path) -> tuple[Pack, ...]:
    """Read all packs of a folder; `contexts.yaml` in it holds shared contexts."""
    shared = folder / "contexts.yaml"
    contexts = parse_contexts(shared.read_text("utf-8"), name=shared.name) if shared.exists() else {}
    files = sorted(path for path in folder.glob("*.yaml") if path != shared)
    packs = [parse_pack(path.read_text("utf-8"), name=path.name, contexts=contexts) for path in files]
    ids = [pack.id for pack in packs]
    if len(set(ids)) != len(ids):
        _refuse([f"{folder.name}: two packs have the same id"])
    return tuple(packs)


@cache
def own_packs() -> tuple[Pack, ...]:
    """The packs that come with the product."""
    with resources.as_file(resources.files("qa.lexicon") / "packs") as folder:
        return load_folder(folder)


@cache
def own_lexicon(options: MatchOptions | None = None) -> Lexicon:
    """The compiled packs of the product; built once a process."""
    return Lexicon(own_packs(), options)


def expand(template: str) -> Iterator[str]:
    """Write out the alternatives of a template: 加{我|您|}微信 gives three texts."""
    parts = _SLOT.split(template)
    slots = [part.split("|") if index % 2 else [part] for index, part in enumerate(parts)]
    return ("".join(choice) for choice in product(*slots))


def _yaml(document: str, name: str) -> dict[str, Any]:
    try:
        loaded = yaml.safe_load(document)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f" line {mark.line + 1}" if mark is not None else ""
        _refuse([f"{name}{place}: not valid YAML"])
    if not isinstance(loaded, dict):
        _refuse([f"{name}: a mapping is expected"])
    return loaded


def _validated(kind: type[Shape], value: object, name: str) -> Shape:
    try:
        return kind.model_validate(value)
    except ValidationError as error:
        places = ((".".join(str(part) for part in fault["loc"]), fault["msg"]) for fault in error.errors())
        _refuse([f"{name}: {place or 'document'}: {message}" for place, message in places])


def _refuse(faults: Sequence[str]) -> NoReturn:
    text = "\n".join(faults)
    raise PackInvalid(text, detail_zh=text)


def _context(shape: _ContextShape, shared: dict[str, Context], place: str, faults: list[str]) -> Context:
    used = [shared[name] for name in shape.use if name in shared]
    faults.extend(f"{place}: unknown shared context {name!r}" for name in shape.use if name not in shared)
    return Context(
        before=(
            *(pattern for context in used for pattern in context.before),
            *_patterns(shape.before, place, faults, end=True),
        ),
        after=(
            *(pattern for context in used for pattern in context.after),
            *_patterns(shape.after, place, faults, end=False),
        ),
        revoked_by=(
            *(pattern for context in used for pattern in context.revoked_by),
            *_patterns(shape.revoked_by, place, faults, end=False),
        ),
    )


def _patterns(
    written: Sequence[str], place: str, faults: list[str], *, end: bool
) -> Iterator[re.Pattern[str]]:
    """Compile regular expressions on folded text; Han digits in them are folded too."""
    for pattern in written:
        folded = "".join(
            fold_character(character) if character in "零〇一二三四五六七八九" else character
            for character in pattern
        )
        try:
            yield re.compile(f"(?:{folded})$" if end else f"^(?:{folded})")
        except re.error as error:
            faults.append(f"{place}: {pattern!r} is not a regular expression: {error}")


def _term(pack: _PackShape, shape: _TermShape, place: str, faults: list[str]) -> Term:
    return Term(
        id=f"{pack.id}.{shape.id}",
        pack=pack.id,
        label=next(expand(shape.texts[0])),
        texts=_texts(shape.texts, f"{place}.texts", faults),
        category=shape.category,
        severity=shape.severity,
        speaker=shape.speaker,
        scenes=frozenset(shape.scenes),
        source=shape.source or pack.source,
        unless=_texts(shape.unless, f"{place}.unless", faults),
        pinyin=shape.pinyin,
        fatal=shape.fatal,
    )


def _texts(templates: Sequence[str], place: str, faults: list[str]) -> tuple[str, ...]:
    texts: dict[str, str] = {}
    for template in templates:
        if template.count("{") != template.count("}") or "{" in _SLOT.sub("", template):
            faults.append(f"{place}: {template!r} has an unclosed or nested brace")
            continue
        for text in expand(template):
            folded = fold(text).text
            if len(folded) < 2 or BARRIER in folded:
                faults.append(f"{place}: {text!r} must have two characters or more and no clause mark")
            texts.setdefault(folded, text)
    if len(texts) > MOST_SPELLINGS:
        faults.append(f"{place}: {len(texts)} spellings, more than {MOST_SPELLINGS}")
    return tuple(texts.values())


def _clashes(terms: Sequence[Term]) -> Iterator[str]:
    """Name ids that stand twice and spellings that two terms of the same speaker and scene share."""
    ids: set[str] = set()
    owners: dict[str, Term] = {}
    for term in terms:
        if term.id in ids:
            yield f"{term.id}: the id stands twice"
        ids.add(term.id)
        for text in term.texts:
            other = owners.setdefault(fold(text).text, term)
            if other is not term and other.speaker == term.speaker and other.scenes & term.scenes:
                yield f"{term.id}: {text!r} is in {other.id} already"
