"""Cut the Policy part out of the Android Management API's discovery document, which a PyPI package carries.

Run: `python scripts/amapi_schema.py` (needs the development dependency google-api-python-client). It writes
devicepolicy/policies/data/amapi.json, which the server validates against; a test compares the two.
"""

import json
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

TARGET = Path(__file__).parents[1] / "devicepolicy" / "policies" / "data" / "amapi.json"
DOCUMENT = "discovery_cache/documents/androidmanagement.v1.json"
ROOT = "Policy"
FORMATS = {"int64": "int64", "google-duration": "duration", "byte": "bytes"}


@cache
def discovery() -> dict[str, Any]:
    """Read the discovery document out of the package; nothing of its code is imported."""
    package = find_spec("googleapiclient")
    if package is None or not package.submodule_search_locations:
        raise SystemExit("install the development dependency google-api-python-client")
    path = Path(package.submodule_search_locations[0]) / DOCUMENT
    found: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return found


def field(schema: dict[str, Any]) -> dict[str, Any]:
    """Give one field in our words: type, values, which are deprecated."""
    if schema.get("type") == "array":
        made: dict[str, Any] = {"type": "list", "items": field(schema["items"])}
    elif "$ref" in schema:
        made = {"type": "object", "of": schema["$ref"]}
    elif "enum" in schema:
        marks = schema.get("enumDeprecated", [False] * len(schema["enum"]))
        made = {"type": "enum", "values": schema["enum"]}
        if any(marks):
            made["deprecated_values"] = [
                value for value, old in zip(schema["enum"], marks, strict=True) if old
            ]
    elif schema.get("type") == "object":
        made = {"type": "json"}
    else:
        made = {"type": FORMATS.get(schema.get("format", ""), schema.get("type", "json"))}
    if schema.get("deprecated"):
        made["deprecated"] = True
    return made


def cut() -> dict[str, Any]:
    """Give Policy and everything it refers to."""
    document = discovery()
    schemas, wanted = document["schemas"], [ROOT]
    made: dict[str, Any] = {}
    while wanted:
        name = wanted.pop()
        if name in made:
            continue
        made[name] = {key: field(value) for key, value in schemas[name].get("properties", {}).items()}
        for one in made[name].values():
            inner = one.get("items", one)
            if "of" in inner:
                wanted.append(inner["of"])
    return {
        "api": "androidmanagement v1",
        "revision": document["revision"],
        "source": "google-api-python-client 2.202.0 (Apache-2.0), its copy of the discovery document",
        "schemas": dict(sorted(made.items())),
    }


def main() -> None:
    TARGET.write_text(json.dumps(cut(), indent=1, sort_keys=True) + "\n", encoding="utf-8")
    print(f"wrote {TARGET}")


if __name__ == "__main__":
    main()
