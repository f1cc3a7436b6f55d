"""Hands in what waits on the disk: batches in order, recordings piece by piece from the server's offset."""

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence

from .backlog import Backlog, Sound, Waiting
from .client import Client, Problem
from .collector import Collector
from .faults import Faults
from .signing import JSON, sha256_of

BATCH = 100
PIECE_BYTES = 256 * 1024
BROKEN_MOST = 3
"""So often a recording may come whole with a wrong hash before it is set aside."""
_UNREADABLE = frozenset({400, 413, 422})


class Uploads:
    """A duty of each round. Nothing is dropped before its answer; what is lost is sent again as it was."""

    def __init__(self, backlog: Backlog, collector: Collector, faults: Faults) -> None:
        self._backlog = backlog
        self._collector = collector
        self._faults = faults
        self.outcomes: Counter[str] = Counter()
        """What became of what was handed in since the start."""

    async def __call__(self, client: Client) -> None:
        """Hand all in. Raises `Problem`, `NetworkLost`: the rest waits for the next round."""
        while batch := self._batch():
            await self._hand_in(client, batch)
        for sound in self._backlog.sounds():
            await self._recording(client, sound)

    def _batch(self) -> list[Waiting]:
        """Give the oldest that can go together: one kind, one setting of the clock."""
        waiting = self._backlog.items(BATCH)
        if self._faults.shuffled:
            self._faults.chance.shuffle(waiting)
        if not waiting:
            return []
        first, together = waiting[0], []
        for one in waiting:
            if (one.what, one.jump_s) != (first.what, first.jump_s):
                if self._faults.shuffled:
                    continue
                break
            together.append(one)
        return together

    async def _hand_in(self, client: Client, batch: Sequence[Waiting]) -> None:
        self._faults.cut("sending")
        items = [self._as_sent(one.item) for one in batch]
        try:
            for _ in range(1 + self._faults.twice):
                await self._send(client, batch[0], items)
        except Problem as problem:
            if problem.status not in _UNREADABLE:
                raise
            await self._apart(client, batch)
            return
        self._faults.cut("sent")
        self._backlog.done(batch)
        if self._faults.changes > 0:
            self._faults.changes -= 1
            await self._send(client, batch[0], [_changed(batch[0].item)])

    async def _send(self, client: Client, first: Waiting, items: Sequence[Mapping[str, JSON]]) -> None:
        body = {"sent_at": self._collector.sent_at(first.jump_s), first.what: list(items)}
        answer = (await client.ask("POST", f"/uploads/{first.what}", body)).body
        self.outcomes.update(one["outcome"] for one in answer["results"])

    async def _apart(self, client: Client, batch: Sequence[Waiting]) -> None:
        """The server cannot read one of them: find it, and send the others."""
        if len(batch) == 1:
            self.outcomes["unreadable"] += 1
            self._backlog.aside(batch[0])
            return
        half = len(batch) // 2
        await self._hand_in(client, batch[:half])
        await self._hand_in(client, batch[half:])

    def _as_sent(self, item: Mapping[str, JSON]) -> Mapping[str, JSON]:
        if self._faults.lies <= 0:
            return item
        self._faults.lies -= 1
        return {**item, "sha256": hashlib.sha256(item["sha256"].encode()).hexdigest()}

    async def _recording(self, client: Client, sound: Sound) -> None:
        told = dict(sound.told)
        if self._faults.lies > 0 and not sound.failures:
            self._faults.lies -= 1
            told["sha256"] = hashlib.sha256(told["sha256"].encode()).hexdigest()
        try:
            state = await self._send_sound(client, sound, told)
        except Problem as problem:
            if problem.code == "recording-broken":
                self.outcomes["broken"] += 1
                self._backlog.failed(sound, self._measured(sound), most=BROKEN_MOST)
            elif problem.code in {"recording-not-wanted", "recording-unknown"}:
                self.outcomes[problem.code] += 1
                self._backlog.done_sound(sound)
            else:
                raise
            return
        if state == "COMPLETE":
            self.outcomes["complete"] += 1
            self._faults.cut("complete")
            self._backlog.done_sound(sound)

    async def _send_sound(self, client: Client, sound: Sound, told: Mapping[str, JSON]) -> str:
        """Announce, send from the offset on, announce again: whole, or the server still puts it together."""
        body = {"sent_at": self._collector.sent_at(sound.jump_s), **told}
        progress = (await client.ask("POST", "/uploads/recordings", body)).body
        sent = False
        while progress["state"] == "OPEN" and progress["offset"] < told["size"]:
            offset = progress["offset"]
            piece = self._backlog.piece(sound, offset, PIECE_BYTES)
            self._faults.cut("piece")
            path = f"/uploads/recordings/{progress['id']}?offset={offset}"
            sent = True
            try:
                progress = (await client.ask("PATCH", path, piece)).body
            except Problem as problem:
                if problem.code != "offset-wrong":
                    raise
                progress = {**progress, "offset": problem.facts["offset"]}
        if sent and progress["state"] == "OPEN":
            progress = (await client.ask("POST", "/uploads/recordings", body)).body
        return str(progress["state"])

    def _measured(self, sound: Sound) -> dict[str, JSON]:
        """Hash what is really on the disk: a store that rots must not be sent for ever under the old hash."""
        content = self._backlog.piece(sound, 0, int(sound.told["size"]))
        return {**sound.told, "sha256": hashlib.sha256(content).hexdigest(), "size": len(content)}


def _changed(item: Mapping[str, JSON]) -> dict[str, JSON]:
    """Give another story under the same id, rightly hashed."""
    other = {name: value for name, value in item.items() if name != "sha256"}
    name = next((one for one in ("duration_s", "text") if one in other), "salt")
    other[name] = {"duration_s": 1, "text": "改过的内容", "salt": str(other["salt"])[::-1]}[name]
    return {**other, "sha256": sha256_of(other)}
