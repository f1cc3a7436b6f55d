"""Writes the reference agent's list of settings out of the capability table: what a phone can be told."""

import json
import sys
from pathlib import Path
from typing import Any

from devicepolicy.capabilities.table import table

PLACE = Path(__file__).parents[1] / "devicepolicy" / "agent" / "data" / "settings.json"


def content() -> dict[str, Any]:
    """Give what the file must hold."""
    known = table()
    return {
        "table_version": known.version,
        "table_sha256": known.digest,
        "lists": dict(sorted(known.lists.items())),
        "settings": {
            row.path: {
                "key": row.key,
                "zh": row.zh,
                "en": row.en,
                "modes": sorted(row.modes),
                "min_api": row.min_api,
                "value_api": dict(row.value_api),
                "backends": sorted(row.backends),
                "openharmony_api": max(row.openharmony.values(), default=0),
                "android": [*row.user_manager, *row.dpm],
                "huawei": list(row.huawei),
            }
            for row in known
        },
    }


def text() -> str:
    """Give the file's text: one setting a line."""
    told = content()
    rows = told.pop("settings")
    lines = ",\n".join(
        f"  {json.dumps(path)}: {json.dumps(row, ensure_ascii=False)}" for path, row in rows.items()
    )
    head = json.dumps(told, ensure_ascii=False, indent=1)[:-2]
    return f'{head},\n "settings": {{\n{lines}\n }}\n}}\n'


if __name__ == "__main__":
    PLACE.write_text(text(), encoding="utf-8")
    sys.stdout.write(f"{PLACE.name}: {len(content()['settings'])}\n")
