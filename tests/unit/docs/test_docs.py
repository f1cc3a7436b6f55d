"""The documentation: links resolve, generated parts are current, commands exist, nothing leaks in."""

import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from pydantic import BaseModel

from core.config import Settings

REPOSITORY = Path(__file__).resolve().parents[3]
PAGES = sorted(
    [*REPOSITORY.glob("README*.md"), REPOSITORY / "CHANGELOG.md", *(REPOSITORY / "docs").rglob("*.md")]
)
LINK = re.compile(r"!?\[[^\]]*\]\(([^()\s]+)\)")
HEADING = re.compile(r"^#+ +(.+?)\s*$", re.MULTILINE)
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
MAKE = re.compile(r"(?:`|^|&& |\$\()make ([a-z][a-z-]*)", re.MULTILINE)
COMMAND = re.compile(r"(?:`|/|^|\b(?:run --rm )?)maskline((?: [a-z]+){1,2})(?![\w/.=])", re.MULTILINE)
SETTING = re.compile(r"\bMASKLINE_([A-Z]+(?:__?[A-Z]+)*)\b")
CODE_PATH = re.compile(
    r"`((?:core|gateway|qa|dashboard|maskline|devicepolicy|tests|scripts|bench|verifier)/[\w./*-]+)`"
)
REGISTRIES = ("pypi.org", "pythonhosted.org", "npmjs.", "registry.", "huggingface.co", "docker.io", "ghcr.io")
LIST_COMMANDS = """
import sys, typer
sys.argv = ["maskline"]
from maskline.cli import app
def walk(group, path):
    for name, one in group.commands.items():
        print(path + name)
        if hasattr(one, "commands"):
            walk(one, path + name + " ")
walk(typer.main.get_command(app), "")
"""
OUTSIDE_SETTINGS = {"CONFIG", "SECRETS_DIR", "LANGUAGE", "SPEECH_DATA"}
COMPOSE = {"ADVERTISED_HOST", "TRUNK_HOST", "PUBLIC_URL", "CHAT_URL"}  # variables of docker-compose.yml


def _id(page: Path) -> str:
    return str(page.relative_to(REPOSITORY))


def _anchor(heading: str) -> str:
    """Name a heading's anchor as GitHub does."""
    kept = re.sub(r"[^\w\- ]", "", heading.strip().lower())
    return kept.replace(" ", "-")


@pytest.fixture(scope="module")
def rendered() -> dict[Path, str]:
    """Render in a process of its own: some of what it reads may be imported only once and first."""
    done = subprocess.run(
        [sys.executable, "scripts/make_reference.py", "--check"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert done.returncode in {0, 1}, done.stderr
    assert "Traceback" not in done.stderr, done.stderr
    return {REPOSITORY / line.partition(": ")[2]: line for line in done.stdout.splitlines()}


def test_generated_parts_are_current(rendered: dict[Path, str]) -> None:
    """Mend with: .venv/bin/python scripts/make_reference.py"""
    assert sorted(rendered.values()) == []


@pytest.mark.parametrize("page", PAGES, ids=_id)
def test_relative_links_resolve(page: Path) -> None:
    for target in LINK.findall(FENCE.sub("", page.read_text(encoding="utf-8"))):
        if target.startswith(("http://", "https://", "mailto:")):
            continue
        path, _, anchor = target.partition("#")
        wanted = (page.parent / path).resolve() if path else page
        assert wanted.is_relative_to(REPOSITORY), target
        assert wanted.exists(), target
        if anchor:
            headings = HEADING.findall(FENCE.sub("", wanted.read_text(encoding="utf-8")))
            assert anchor in {_anchor(heading) for heading in headings}, target


@cache
def _targets() -> set[str]:
    lines = (REPOSITORY / "Makefile").read_text(encoding="utf-8").splitlines()
    return {match[1] for line in lines if (match := re.match(r"([a-z-]+):", line))}


@cache
def _commands() -> set[str]:
    """Ask the Typer app itself, in a process of its own."""
    shown = subprocess.run(
        [sys.executable, "-c", LIST_COMMANDS],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return set(shown.stdout.splitlines())


def _used(pattern: re.Pattern[str]) -> Iterator[tuple[Path, str]]:
    for page in PAGES:
        for found in pattern.findall(page.read_text(encoding="utf-8")):
            yield page, found.strip()


def test_make_targets_exist() -> None:
    used = list(_used(MAKE))
    assert {"run", "test", "stop"} <= {target for _, target in used}
    assert [f"{_id(page)}: make {target}" for page, target in used if target not in _targets()] == []


def test_maskline_commands_exist() -> None:
    known = _commands()
    groups = {name.partition(" ")[0] for name in known if " " in name}
    used = {(page, words) for page, words in _used(COMMAND)}
    assert "evidence export" in {words for _, words in used}
    for page, words in used:
        first, _, second = words.partition(" ")
        if first in groups and second:
            assert words in known, f"{_id(page)}: maskline {words}"
        else:
            assert first in known, f"{_id(page)}: maskline {words}"


def _variables() -> set[str]:
    return OUTSIDE_SETTINGS | COMPOSE | set(_names(Settings))


def _names(part: type[BaseModel], prefix: str = "") -> Iterator[str]:
    for name, field in part.model_fields.items():
        yield f"{prefix}{name}".upper()
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from _names(field.annotation, f"{prefix}{name}__")


def test_settings_named_exist() -> None:
    known = _variables()
    assert [f"{_id(page)}: {name}" for page, name in _used(SETTING) if name not in known] == []


def test_files_named_exist() -> None:
    used = list(_used(CODE_PATH))
    assert len(used) > 50
    missing = [f"{_id(page)}: {name}" for page, name in used if not list(REPOSITORY.glob(name.rstrip("/")))]
    assert missing == []


@pytest.mark.parametrize("page", PAGES, ids=_id)
def test_no_registry_no_local_path_no_other_origin_of_pictures(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert [host for host in REGISTRIES if host in text] == []
    assert re.findall(r"(?<![\w.])/(?:work|home|root|tmp|opt/pypi)/[\w.]+", text) == []
    assert re.findall(r"!\[[^\]]*\]\(https?:", text) == []


def test_every_page_is_reached_from_the_index() -> None:
    index = REPOSITORY / "docs" / "README.md"
    linked = {(index.parent / target).resolve() for target in LINK.findall(index.read_text("utf-8"))}
    pages = set((REPOSITORY / "docs").rglob("*.md")) - {index}
    assert sorted(_id(page) for page in pages - linked) == []


def test_quickstart_numbers_its_steps() -> None:
    text = (REPOSITORY / "docs" / "quickstart.md").read_text("utf-8")
    steps = [int(number) for number in re.findall(r"^## (\d+)\.", text, re.MULTILINE)]
    assert steps == list(range(1, len(steps) + 1))
    assert len(steps) > 5


def test_the_page_of_commands_has_a_section_for_each() -> None:
    page = (REPOSITORY / "docs" / "reference" / "cli.md").read_text("utf-8")
    described = {line.partition("maskline ")[2].strip("`") for line in HEADING.findall(page)}
    leaves = {name for name in _commands() if not any(other.startswith(f"{name} ") for other in _commands())}
    for leaf in leaves:
        assert any(line == leaf or line.startswith(f"{leaf} ") for line in described), leaf
