"""Settings: name, variable, type, default, meaning. One without a text in settings_texts.yaml is an error."""

from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, SecretStr

from core.config import Settings
from reference_blocks.markdown import code, table

TEXTS = Path(__file__).with_name("settings_texts.yaml")


def settings() -> str:
    """One table for each part of the settings."""
    texts: dict[str, str] = yaml.safe_load(TEXTS.read_text(encoding="utf-8"))
    parts: list[str] = []
    top: list[tuple[str, Any]] = []
    for name, field in Settings.model_fields.items():
        if _is_part(field):
            parts.append(_part(name, field.annotation, field.get_default(call_default_factory=True), texts))
        else:
            top.append((name, field))
    rows = [_row(name, field, field.get_default(), texts) for name, field in top]
    general = f"## 顶层 / top level\n\n{table(_HEAD, rows)}"
    known = {name for name, _ in top}
    for part, field in Settings.model_fields.items():
        if _is_part(field):
            known |= _names(part, field.annotation)
    if texts.keys() - known:
        raise KeyError(f"texts for settings that do not exist: {sorted(texts.keys() - known)}")
    return "\n\n".join([general, *parts])


_HEAD = ("设置 / setting", "环境变量 / variable", "类型 / type", "默认 / default", "含义 / meaning")


def _part(name: str, model: type[BaseModel], default: Any, texts: dict[str, str]) -> str:
    rows, parts = [], []
    for key, field in model.model_fields.items():
        if _is_part(field):
            parts.append(_part(f"{name}.{key}", field.annotation, getattr(default, key), texts))
        else:
            rows.append(_row(f"{name}.{key}", field, getattr(default, key), texts))
    own = [f"## `[{name}]`\n\n{table(_HEAD, rows)}"] if rows else []
    return "\n\n".join([*own, *parts])


def _is_part(field: Any) -> bool:
    return isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)


def _names(part: str, model: type[BaseModel]) -> set[str]:
    """Name every setting of a part and of the parts in it."""
    found: set[str] = set()
    for key, field in model.model_fields.items():
        name = f"{part}.{key}"
        found |= _names(name, field.annotation) if _is_part(field) else {name}
    return found


def _row(name: str, field: Any, default: Any, texts: dict[str, str]) -> tuple[str, ...]:
    variable = "MASKLINE_" + name.upper().replace(".", "__")
    return code(name), code(variable), code(_type(field)), _default(default), texts[name]


def _type(field: Any) -> str:
    text = str(field.annotation) if not isinstance(field.annotation, type) else field.annotation.__name__
    for noise in ("typing.", "pathlib.", "pydantic.types."):
        text = text.replace(noise, "")
    limits = [str(item) for item in field.metadata if type(item).__module__ == "annotated_types"]
    text = text.replace(
        "Annotated[int, FieldInfo(annotation=NoneType, required=True, metadata=[Ge(ge=1), Le(le=65535)])]",
        "port",
    )
    return text + (f" ({', '.join(limits)})" if limits else "")


def _default(value: Any) -> str:
    if value is None or isinstance(value, SecretStr):
        return "—"
    return code(value if not isinstance(value, tuple) else list(value))
