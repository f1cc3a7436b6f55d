"""Words come from catalogues: both languages complete, none in a template, every key used exists."""

import json
import re
from collections.abc import Iterable
from pathlib import Path

import pytest

from core.access.model import Role, Scope
from core.status import State as SystemState
from core.web.problems import STATUS
from dashboard.call_filters import CallOutcome
from dashboard.pages.reading.call import RECORDING_CAUSES
from dashboard.render import FOLDER, TextMissing, catalogue, translate
from gateway.calls.causes import Cause, EndedBy
from gateway.calls.flow import Flow
from gateway.calls.models import TIMES
from gateway.calls.queries import CallState
from gateway.contact.model import Decision, Direction, Purpose
from qa.inspection.model import AlertState, Band, State
from qa.lexicon.model import MatchedBy, Severity

TEMPLATES = sorted((FOLDER / "templates").rglob("*.html"))
SOURCES = [*TEMPLATES, *FOLDER.rglob("*.py"), *(FOLDER / "static" / "js").glob("*.js")]
USED = re.compile(
    r"""\bt\('([a-z0-9_.-]+)'[,)]|texts\["([a-z0-9_.-]+)"\]|"(proof\.step[a-z.]+)"|"(login\.error\.[a-z-]+)\""""
)
WORDS = {
    "role": Role, "scope": Scope, "purpose": Purpose, "direction": Direction, "outcome": CallOutcome,
    "cause": Cause, "endedby": EndedBy, "flow": Flow, "verdict": Decision, "band": Band,
    "severity": Severity, "matched": MatchedBy, "callstate": CallState, "alert.state": AlertState,
    "system": SystemState, "system.part": SystemState, "times": TIMES, "weekday": [str(day) for day in range(7)],
    "side": ("staff", "customer"), "proof.entry": ("verdict", "call", "inspection"),
    "inspection": ("waiting", "running", "failed", "absent", "no-recording", "no-speech", "forbidden"),
    "inspection.short": [state for state in State if state is not State.DONE],
    "recording": [name for name in RECORDING_CAUSES if name != "audio"],
    "login.error": ("login-refused", "locked", "code-refused", "password-weak", "current", "different", "empty"),
}  # fmt: skip


def keys_of(words: Iterable[str], prefix: str) -> list[str]:
    return [f"{prefix}.{word}" for word in words]


def test_both_catalogues_have_the_same_keys_and_places() -> None:
    zh, en = catalogue("zh"), catalogue("en")
    assert set(zh) == set(en)
    for key in zh:
        places = re.findall(r"\{(\w+)\}", zh[key])
        assert sorted(places) == sorted(re.findall(r"\{(\w+)\}", en[key])), key
        assert zh[key].strip(), key


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_every_text_that_is_asked_for_exists(path: Path) -> None:
    used = {next(filter(None, found)) for found in USED.findall(path.read_text("utf-8"))}
    assert used <= set(catalogue("zh")), used - set(catalogue("zh"))


@pytest.mark.parametrize("prefix", WORDS)
def test_every_word_of_the_house_has_a_text(prefix: str) -> None:
    for key in keys_of(WORDS[prefix], prefix):
        assert translate("zh", key)
        assert translate("en", key)


def test_every_empty_state_says_how_to_fill_it() -> None:
    for name in ("waiting", "running", "absent", "no-recording", "no-speech", "forbidden"):
        assert translate("zh", f"inspection.{name}.more")
    for name in RECORDING_CAUSES[1:]:
        assert translate("en", f"recording.{name}.more")


def test_every_status_of_an_error_has_advice_or_the_common_one() -> None:
    for status in {*STATUS.values()} - {400, 405, 413, 415, 416, 500}:
        assert translate("zh", f"error.advice.{status}")
    assert translate("en", "error.advice.other")


def test_an_unknown_key_is_an_error_and_not_a_gap() -> None:
    with pytest.raises(TextMissing):
        translate("zh", "no.such.key")


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_templates_hold_no_words(path: Path) -> None:
    text = path.read_text("utf-8")
    assert not re.search(r"[\u4e00-\u9fff]", text), "Chinese in a template"
    bare = re.sub(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}", " ", text, flags=re.DOTALL)
    bare = re.sub(r"<(\"[^\"]*\"|[^>\"])*>|&[a-z]+;", " ", bare)
    words = set(re.findall(r"[A-Za-z]{3,}", bare)) - {"Maskline"}
    assert not words, words


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_templates_hold_no_style_and_no_script_of_their_own(path: Path) -> None:
    text = path.read_text("utf-8")
    assert not re.search(r"\sstyle=|<style|\son[a-z]+=|javascript:", text)
    for script in re.findall(r"<script([^>]*)>", text):
        assert "src=" in script or 'type="application/json"' in script
    assert "|safe" not in text


def test_catalogues_are_sorted_for_review() -> None:
    for path in sorted((FOLDER / "catalog").glob("*/*.json")):
        raw = json.loads(path.read_text("utf-8"))
        assert list(raw) == sorted(raw), path
