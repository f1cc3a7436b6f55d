"""What happens to a simulated phone: deeds from a file that may grow, and days of work made up by chance.

A deed is a line of JSON: `{"do": "call", "number": "13900000001", "outgoing": true, "duration_s": 40,
"sound_bytes": 4000}`, `{"do": "sms", "number", "outgoing", "text"}`, `{"do": "chat", "app", "contact",
"outgoing", "text"}`, `{"do": "file", "app", "deed", "name", "size"}`, `{"do": "event", "kind", "evidence"}`.
"""

import json
import random
from collections.abc import Iterator, Mapping
from pathlib import Path

from .collector import Collector
from .signing import JSON

HEADER = b"#!AMR\n"
CHAT_APP = "com.tencent.mm"
_SAID = ("您好，请问今天方便吗？", "好的，明天下午联系。", "合同已发，请查收。", "收到，谢谢。")


def happen(collector: Collector, deed: Mapping[str, JSON]) -> str | None:
    """Let a deed happen; give the id of what was kept of it."""
    told = {name: value for name, value in deed.items() if name != "do"}
    match deed["do"]:
        case "call":
            size, seed = told.pop("sound_bytes", 0), told.pop("seed", 0)
            return collector.call(**told, sound=sound(size, seed) if size else b"")
        case "sms":
            return collector.sms(**told)
        case "chat":
            return collector.chat(**told)
        case "file":
            return collector.file(**told)
        case _:
            return collector.event(**told)


def sound(size: int, seed: int) -> bytes:
    """Make a recording: not to be heard, but with bytes of its own."""
    return HEADER + random.Random(seed).randbytes(size - len(HEADER))  # noqa: S311 - to be repeatable


def made_up(
    chance: random.Random, numbers: list[str], *, most_bytes: int = 60_000
) -> Iterator[dict[str, JSON]]:
    """Make up deeds without end, with these people."""
    while True:
        number, outgoing = chance.choice(numbers), chance.random() < 0.6
        kind = chance.choices(("call", "sms", "chat", "event"), weights=(3, 3, 3, 1))[0]
        if kind == "call":
            seconds = chance.choice((0, 3, 40, 200))
            size = chance.randrange(100, most_bytes) if seconds else 0
            more = {"duration_s": seconds, "sound_bytes": size, "seed": chance.getrandbits(32)}
            yield {"do": "call", "number": number, "outgoing": outgoing, **more}
        elif kind == "sms":
            text = f"{chance.choice(_SAID)} {chance.getrandbits(32):08x}"
            yield {"do": "sms", "number": number, "outgoing": outgoing, "text": text}
        elif kind == "chat":
            said = {
                "app": CHAT_APP,
                "contact": number,
                "text": f"{chance.choice(_SAID)} {chance.getrandbits(32):08x}",
            }
            yield {"do": "chat", **said, "outgoing": outgoing}
        else:
            yield {"do": "event", "kind": chance.choice(("CODE_SCANNED", "DEVELOPER_MODE_ON"))}


class DeedsFile:
    """Reads a growing file of deeds; each happens once in the life of this object."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._done = 0

    def fresh(self) -> list[dict[str, JSON]]:
        """Give the whole lines that were added."""
        try:
            lines = self._path.read_text("utf-8").splitlines(keepends=True)
        except FileNotFoundError:
            return []
        added = [line for line in lines[self._done :] if line.endswith("\n")]
        self._done += len(added)
        return [json.loads(line) for line in added]
