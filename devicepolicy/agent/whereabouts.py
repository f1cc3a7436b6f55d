"""Where the phone is: nothing without the employee's own consent to it, and nothing outside of the hours.

What waits lies on the disk like the rest of the backlog, but has no number: a fix that is not collected
leaves no hole. A real agent has `LocationManager` or the maker's interface here, and the camera.
"""

import hashlib
import random
import secrets
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from .client import Client, Problem
from .collector import Collector
from .memory import Memory
from .signing import JSON, sha256_of
from .store import Store

FIX, VISIT = "fix-", "visit-"
BATCH = 100
JPEG = b"\xff\xd8\xff\xe0"
Consent = Callable[[Mapping[str, JSON]], str | None]
_GONE = frozenset({"location-consent-required"})
_REFUSED = frozenset({"check-in-refused", "photo-refused", "check-in-unknown"})


class Whereabouts:
    """A duty of each round, and what the employee does about it."""

    def __init__(self, store: Store, memory: Memory, client: Client, collector: Collector) -> None:
        self._store = store
        self._memory = memory
        self._client = client
        self._collector = collector
        self._asked: bool | None = None
        self.position: dict[str, JSON] | None = None
        """Where the simulated phone is, in WGS-84; None: it has no fix."""
        self.outcomes: Counter[str] = Counter()

    # --- what the employee does

    async def agree(self, consent: Consent) -> bool:
        """Show the terms on location, apart from the general ones, and record the employee's yes."""
        terms = (await self._client.ask("GET", "/location/terms")).body
        language = consent(terms)
        if language is None:
            return False
        told = {"version": terms["version"], "sha256": terms[language]["sha256"], "language": language}
        await self._client.ask("POST", "/location/consent", told)
        self._memory.location_version = terms["version"]
        self._memory.save(self._store)
        return True

    async def withdraw(self) -> None:
        """Record that the employee takes it back; what waits is not handed in any more."""
        self._forget()
        await self._client.ask("DELETE", "/location/consent")

    def check_in(self, purpose: str, photo: bytes, *, binding_id: str | None = None) -> str | None:
        """Check in here and now with a picture. Gives its id; None: not asked for, or no consent."""
        if self.position is None or not self._may(("LOCATION_CHECK_IN_ONLY", "LOCATION_TRACK")):
            return None
        more: dict[str, JSON] = {
            "purpose": purpose,
            "photo_sha256": hashlib.sha256(photo).hexdigest(),
            "photo_size": len(photo),
        }
        if binding_id is not None:
            more["binding_id"] = binding_id
        item = self._fix(more)
        name = f"{VISIT}{item['id']}"
        self._store.write_bytes(name, photo)
        self._store.write(name, {"item": item, "jump_s": self._collector.jump_s})
        return str(item["id"])

    def happen(self, deed: Mapping[str, JSON]) -> bool:
        """Let a deed of whereabouts happen; False: it is none.

        `{"do": "move", "lat", "lon", "accuracy_m", "provider", "mock"}`, `{"do": "check_in", "purpose",
        "photo_bytes", "binding_id"}`, `{"do": "agree_location"}`, `{"do": "withdraw_location"}`.
        """
        match deed["do"]:
            case "move":
                told = {name: value for name, value in deed.items() if name != "do"}
                self.position = {"accuracy_m": 10.0, "provider": "gps", "mock": False, **told}
            case "check_in":
                photo = picture(int(deed.get("photo_bytes", 2000)))
                self.check_in(str(deed["purpose"]), photo, binding_id=deed.get("binding_id"))
            case "agree_location" | "withdraw_location":
                self._asked = deed["do"] == "agree_location"
            case _:
                return False
        return True

    # --- what the agent does by itself

    async def __call__(self, client: Client) -> None:
        """Take a fix if one is due, and hand in what waits. Raises `Problem`, `NetworkLost`."""
        if self._asked is not None:
            await (self.agree(lambda _: "zh") if self._asked else self.withdraw())
            self._asked = None
        self._take_fix()
        if not self._memory.location_version:
            return
        try:
            while names := self._store.names(FIX)[:BATCH]:
                await self._hand_in(client, names)
            for name in self._store.names(VISIT):
                await self._visit(client, name)
        except Problem as problem:
            if problem.code not in _GONE:
                raise
            self._forget()

    def _take_fix(self) -> None:
        now = self._client.now()
        apart = self._collector.wishes.location_interval_s()
        if self.position is None or not self._may(("LOCATION_TRACK",)) or now < self._memory.fixed_s + apart:
            return
        item = self._fix({})
        self._memory.fixed_s = now
        self._memory.save(self._store)
        name = f"{FIX}{int(now * 1000):016d}"
        self._store.write(name, {"item": item, "jump_s": self._collector.jump_s})

    def _may(self, modes: tuple[str, ...]) -> bool:
        """Policy, both consents and hours, by the server's time: setting the clock opens nothing."""
        self._collector.mind_clock()
        memory, wishes = self._memory, self._collector.wishes
        agreed = bool(memory.device_id and memory.terms_version and memory.location_version)
        return agreed and wishes.location() in modes and wishes.location_open(self._client.now())

    def _fix(self, more: Mapping[str, JSON]) -> dict[str, JSON]:
        item: dict[str, JSON] = {
            "id": secrets.token_hex(16),
            "at": datetime.fromtimestamp(self._client.clock(), UTC).isoformat(timespec="milliseconds"),
            "salt": secrets.token_urlsafe(16),
            **(self.position or {}),
            **more,
        }
        return {**item, "sha256": sha256_of(item)}

    async def _hand_in(self, client: Client, names: list[str]) -> None:
        """Hand in those that were made under one setting of the clock."""
        kept = {name: self._store.read(name) for name in names}
        jump_s = kept[names[0]]["jump_s"]
        together = [name for name in names if kept[name]["jump_s"] == jump_s]
        body = {
            "sent_at": self._collector.sent_at(jump_s),
            "fixes": [kept[name]["item"] for name in together],
        }
        answer = (await client.ask("POST", "/location/fixes", body)).body
        self.outcomes.update(answer["outcomes"])
        for name in together:
            self._store.drop(name)

    async def _visit(self, client: Client, name: str) -> None:
        kept = self._store.read(name)
        body = {"sent_at": self._collector.sent_at(kept["jump_s"]), "check_in": kept["item"]}
        try:
            told = (await client.ask("POST", "/location/check-ins", body)).body
            if told["photo"] == "AWAITED":
                photo = self._store.read_bytes(name, 0, kept["item"]["photo_size"])
                await client.ask("PUT", f"/location/check-ins/{told['id']}/photo", photo)
            self.outcomes["checked-in"] += 1
        except Problem as problem:
            if problem.code not in _REFUSED:
                raise
            self.outcomes[problem.code] += 1
        self._store.drop(name)

    def _forget(self) -> None:
        self._memory.location_version = ""
        self._memory.save(self._store)
        for name in (*self._store.names(FIX), *self._store.names(VISIT)):
            self._store.drop(name)


def picture(size: int) -> bytes:
    """Make a picture: not to be looked at, but with bytes of its own."""
    return JPEG + random.Random(size).randbytes(size - len(JPEG))  # noqa: S311 - to be repeatable
