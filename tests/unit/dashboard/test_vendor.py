"""What is vendored is what the manifest says, all of it, and nothing else."""

import hashlib
import json
import re

import pytest

from dashboard.render import STATIC

VENDOR = STATIC / "vendor"
MANIFEST = json.loads((VENDOR / "vendor.json").read_text("utf-8"))


@pytest.mark.parametrize("item", MANIFEST, ids=lambda item: item["file"])
def test_a_vendored_file_is_unchanged(item: dict[str, str]) -> None:
    assert hashlib.sha256((VENDOR / item["file"]).read_bytes()).hexdigest() == item["sha256"]


def test_nothing_else_is_vendored() -> None:
    found = {path.name for path in VENDOR.iterdir()} - {"vendor.json"}
    assert found == {item["file"] for item in MANIFEST}


def test_own_scripts_and_styles_name_no_other_origin() -> None:
    for path in [*STATIC.glob("js/*.js"), *STATIC.glob("css/*.css"), STATIC / "favicon.svg"]:
        text = re.sub(r'xmlns="http://www\.w3\.org/2000/svg"', "", path.read_text("utf-8"))
        assert not re.search(r"https?://", text), path.name
