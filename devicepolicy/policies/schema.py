"""The names, types and enums of policy documents, read from the two schema files."""

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict

FOLDER = Path(__file__).parent / "data"
ROOT, OWN_ROOT, OWN_KEY = "Policy", "Maskline", "maskline"

Kind = Literal[
    "boolean",
    "integer",
    "number",
    "string",
    "int64",
    "duration",
    "bytes",
    "enum",
    "list",
    "object",
    "json",
    "any",
]


class FieldSchema(BaseModel):
    """One field. `of` names the schema of an object, `maximum` bounds a figure, a length or a count."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    type: Kind
    of: str = ""
    items: "FieldSchema | None" = None
    values: tuple[str, ...] = ()
    deprecated_values: tuple[str, ...] = ()
    deprecated: bool = False
    minimum: float | None = None
    maximum: float | None = None
    pattern: Literal["", "package"] = ""


class Hint(BaseModel):
    """What to write instead of something deprecated."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    zh: str
    en: str


class Schemas(BaseModel):
    """Both files together; ours cannot take a name of AMAPI's."""

    model_config = ConfigDict(frozen=True)

    revision: str
    objects: Mapping[str, Mapping[str, FieldSchema]]
    deprecated_fields: Mapping[str, Hint]
    deprecated_values: Mapping[str, Hint]

    def fields(self, name: str) -> Mapping[str, FieldSchema]:
        """Give the fields of an object; the root has ours as one more."""
        found = self.objects[name]
        return {**found, OWN_KEY: FieldSchema(type="object", of=OWN_ROOT)} if name == ROOT else found

    def at(self, pattern: str) -> FieldSchema:
        """Give the field at a path like `applications[].installType`; raise `KeyError` if there is none."""
        name, field = ROOT, FieldSchema(type="object", of=ROOT)
        for step in pattern.split("."):
            field = self.fields(name)[step.removesuffix("[]")]
            if step.endswith("[]"):
                if field.items is None:
                    raise KeyError(pattern)
                field = field.items
            name = field.of
        return field


@cache
def schemas(folder: Path = FOLDER) -> Schemas:
    """Read the files; ours may use AMAPI's messages but defines them itself."""
    amapi = json.loads((folder / "amapi.json").read_text("utf-8"))
    own: dict[str, Any] = yaml.safe_load((folder / "own.yaml").read_text("utf-8"))
    hints: dict[str, Any] = yaml.safe_load((folder / "deprecated.yaml").read_text("utf-8"))
    return Schemas.model_validate(
        {
            "revision": f"{amapi['revision']}+{own['revision']}",
            "objects": {**own["schemas"], **amapi["schemas"]},
            "deprecated_fields": hints["fields"],
            "deprecated_values": hints["values"],
        }
    )
