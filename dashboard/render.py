"""Turns a template and data into a page: escaping always on, texts from the catalogues, times in a zone."""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import phonenumbers
from jinja2 import Environment, FileSystemLoader, StrictUndefined, pass_context
from jinja2.runtime import Context
from markupsafe import Markup

from core.access.model import Principal
from core.web.context import RequestContext
from dashboard.navigation import navigation

FOLDER = Path(__file__).parent
STATIC = FOLDER / "static"
LANGUAGES = ("zh", "en")


_FORMS = {
    "day": "%m-%d %H:%M:%S",
    "full": "%Y-%m-%d %H:%M:%S",
    "time": "%H:%M:%S",
    "minute": "%m-%d %H:%M",
    "date": "%Y-%m-%d",
}


class TextMissing(KeyError):
    """A template asked for a text that a catalogue does not have. A fault of the program."""


class TextTwice(ValueError):
    """Two files of a catalogue give one key. A fault of the program."""


@cache
def catalogue(language: str) -> Mapping[str, str]:
    """Read one language's texts: flat JSON files, key to sentence; a key stands in one file."""
    gathered: dict[str, str] = {}
    for path in sorted((FOLDER / "catalog" / language).glob("*.json")):
        texts: dict[str, str] = json.loads(path.read_text("utf-8"))
        if twice := gathered.keys() & texts.keys():
            raise TextTwice(f"{path.name}: {sorted(twice)}")
        gathered |= texts
    return gathered


def translate(language: str, key: str, **values: object) -> str:
    """Give the sentence `key`; raise `TextMissing` where the catalogue has none."""
    try:
        sentence = catalogue(language)[key]
    except KeyError:
        raise TextMissing(key) from None
    return sentence.format(**values) if values else sentence


def texts(language: str, prefix: str) -> dict[str, str]:
    """Give every sentence whose key begins with `prefix`, for scripts."""
    return {key: text for key, text in catalogue(language).items() if key.startswith(prefix)}


@cache
def asset(path: str) -> str:
    """Give the address of a static file with a hash of its content, so that caches never serve an old one."""
    digest = hashlib.sha256((STATIC / path).read_bytes()).hexdigest()[:12]
    return f"/static/{path}?v={digest}"


class Renderer:
    """Renders templates for one institution."""

    def __init__(self, *, institution: str, zone: str) -> None:
        self._institution = institution
        self._zone = ZoneInfo(zone)
        self._served: frozenset[str] = frozenset()
        self._environment = Environment(
            loader=FileSystemLoader(FOLDER / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.globals.update(asset=asset, institution=institution, t=_t, has_text=_has_text)
        self._environment.filters.update(
            when=self._when,
            clock=self._clock,
            duration=duration,
            elapsed=elapsed,
            groups=groups,
            line=line,
            script_json=script_json,
        )

    def serve(self, paths: Iterable[str]) -> None:
        """Name the addresses that exist: the rail shows no other."""
        self._served = frozenset(paths)

    def page(
        self,
        template: str,
        *,
        context: RequestContext,
        principal: Principal | None = None,
        theme: str | None = None,
        **data: Any,
    ) -> str:
        """Render a page. `data` must already be masked: templates hold no rule."""
        return self._environment.get_template(template).render(
            context=context,
            language=context.language,
            principal=principal,
            theme=theme,
            navigation=navigation(principal, self._served) if principal else (),
            **data,
        )

    def _when(self, moment: datetime | None, form: str = "day") -> Markup:
        """Show a time in the institution's zone, with zone and UTC on hover. `form`: a key of `_FORMS`."""
        if moment is None:
            return Markup("—")
        local = moment.astimezone(self._zone)
        return Markup('<time datetime="{}" title="{} {} · {} UTC">{}</time>').format(
            moment.isoformat(timespec="seconds"),
            local.strftime("%Y-%m-%d %H:%M:%S"),
            self._zone.key,
            moment.strftime("%Y-%m-%d %H:%M:%S"),
            local.strftime(_FORMS[form]),
        )

    def _clock(self, moment: datetime) -> str:
        return moment.astimezone(self._zone).strftime("%H:%M")


@pass_context
def _t(context: Context, key: str, **values: object) -> str:
    return translate(context["language"], key, **values)


@pass_context
def _has_text(context: Context, key: str) -> bool:
    return key in catalogue(context["language"])


def duration(milliseconds: float | None) -> str:
    """Show a length as minutes and seconds."""
    if milliseconds is None:
        return "—"
    seconds = round(milliseconds / 1000)
    return f"{seconds // 60}:{seconds % 60:02d}"


def elapsed(milliseconds: float) -> str:
    """Show a running time as a clock does: minutes and seconds, hours before them when there are any."""
    seconds = int(milliseconds // 1000)
    minutes, hours = seconds // 60 % 60, seconds // 3600
    return f"{hours}:{minutes:02d}:{seconds % 60:02d}" if hours else f"{minutes}:{seconds % 60:02d}"


def line(number: str) -> str:
    """Show one of the institution's own lines as people write it: 010 8888 6666."""
    try:
        parsed = phonenumbers.parse(number, None)
    except phonenumbers.NumberParseException:
        return number
    shown: str = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.NATIONAL)
    return shown


def groups(secret: str) -> str:
    """Set a key in groups of four, as people copy it."""
    return " ".join(secret[at : at + 4] for at in range(0, len(secret), 4))


def script_json(value: Any) -> Markup:
    """JSON for a `<script type="application/json">`: nothing in it can end the element."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    safe = text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
    return Markup(safe)  # noqa: S704 - every character that HTML knows is escaped above


PageRenderer = Callable[..., str]
