"""A simulated phone that keeps the agent's protocol: signs, verifies, proves what it applied, counts effects.

What it must not lose (the orders it keeps, what it has done) it has in memory: here servers die, not phones.
"""

import asyncio
import json
import secrets
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from bench.fleet_wire import HOST, Answer, Http, Lost, Mqtt, json_of
from devicepolicy.agent.backoff import FIRST_S, MOST_S, Backoff
from devicepolicy.agent.signing import (
    COMMAND,
    DESIRED,
    Document,
    document_sha256,
    setting_sha256,
    sign_request,
    verify,
)

API = "/api/v1/agent"
MARK = "shortSupportMessage"
"""The setting by which a push is told from the one before."""
DONE = "SUCCEEDED"


def backoff() -> Backoff:
    """Give the agent's pauses, five times as short at first: a run is to end within minutes."""
    return Backoff(FIRST_S / 5, MOST_S / 10)


@dataclass(frozen=True, slots=True)
class World:
    """Where phones of one process live. `source` is the address they come from."""

    port: int
    keys: Mapping[str, str]
    mqtt_port: int = 0
    source: str = HOST
    note: Callable[..., None] = lambda *_: None


@dataclass(eq=False, slots=True)
class Phone:
    """One phone."""

    world: World
    index: int
    device_id: str
    key: Ed25519PrivateKey
    password: str = ""
    topics: tuple[str, ...] = ()
    way: str = ""
    line: Http | Mqtt | None = None
    version: int = 0
    etag: str = ""
    seq: int = 0
    acked: int = 0
    kept: dict[str, int] = field(default_factory=dict)
    done: dict[str, str] = field(default_factory=dict)
    untold: dict[str, str] = field(default_factory=dict)
    effects: Counter[str] = field(default_factory=Counter)
    pending: dict[str, int] = field(default_factory=dict)
    round: asyncio.Task[None] | None = None
    again: Backoff = field(default_factory=backoff)

    # --- staying connected

    async def stay(self, way: str, turn: asyncio.Semaphore) -> None:
        """Be woken by `way` until cancelled; what breaks comes back as the protocol says.

        Over WebSocket it is told at once what it missed; over MQTT it does a round, but for the first time.
        """
        self.way, joined, pause = way, False, backoff()
        while True:
            try:
                async with turn:
                    line = self.line = await self._join()
                self.world.note("joined", self.index)
                pause.worked()
                if joined and way == "mqtt":
                    self.look("commands")
                    self.look("policy")
                joined = True
                await line.over
            except (Lost, OSError):
                pass  # it was away, or would not
            finally:
                if self.line is not None:
                    self.line.close()
                    self.line = None
            await asyncio.sleep(pause.next_s())

    async def _join(self) -> Http | Mqtt:
        loop = asyncio.get_running_loop()
        source = (self.world.source, 0)
        if self.way == "mqtt":
            _, broker = await loop.create_connection(
                lambda: Mqtt(self.hear), HOST, self.world.mqtt_port, local_addr=source
            )
            await broker.subscribe(self.device_id, self.password, self.topics)
            return broker
        _, socket = await loop.create_connection(
            lambda: Http(self.hear), HOST, self.world.port, local_addr=source
        )
        bare = self.way == "bare"
        await socket.upgrade("/ws" if bare else f"{API}/wake", [] if bare else self._signed("GET", "/wake"))
        return socket

    def hear(self, raw: bytes) -> None:
        """Take a wake: `{"look", "version"}`."""
        said = json.loads(raw)
        self.world.note("woken", self.index, said["look"])
        if self.way != "bare":
            self.look(said["look"], said["version"])
        elif self.round is None:
            self.round = asyncio.get_running_loop().create_task(self._bare_round())

    # --- rounds

    def look(self, place: str, version: int = 0) -> None:
        """Ask there, now or when the round that goes on has ended; 0: whatever there is."""
        if version and version <= self._known(place):
            return
        self.pending[place] = version if version and self.pending.get(place, 1) else 0
        if self.round is None:
            self.round = asyncio.get_running_loop().create_task(self._rounds())

    async def _rounds(self) -> None:
        try:
            while self.pending:
                places, self.pending = self.pending, {}
                places = {place: at for place, at in places.items() if not at or at > self._known(place)}
                try:
                    if places:  # else the last round has seen to it
                        await self._ask_at(places)
                    self.again.worked()
                except (Lost, OSError):
                    self.world.note("lost", self.index)
                    self.pending |= dict.fromkeys(places, 0)
                    await asyncio.sleep(self.again.next_s())
        finally:
            self.round = None

    async def _bare_round(self) -> None:
        """Do with the peer what a push asks of a phone, without all that makes it one: a GET, a POST."""
        served = False
        while not served:
            try:
                served = await self._ask_peer()
            except (Lost, OSError):
                self.world.note("lost", self.index)
        self.world.note("answered", self.index)
        self.round = None

    async def _ask_peer(self) -> bool:
        _, http = await asyncio.get_running_loop().create_connection(
            Http, HOST, self.world.port, local_addr=(self.world.source, 0)
        )
        try:
            await http.ask("GET", "/desired")
            await http.ask("POST", "/report", body=b"{}" * 400)
        finally:
            http.close()
        return True

    def _known(self, place: str) -> int:
        return self.acked if place == "commands" else self.version

    async def _ask_at(self, places: Mapping[str, int]) -> None:
        _, http = await asyncio.get_running_loop().create_connection(
            Http, HOST, self.world.port, local_addr=(self.world.source, 0)
        )
        try:
            if "commands" in places:  # orders first: a lock must not wait behind a policy
                await self._commands(http)
            if "policy" in places:
                await self._policy(http)
        finally:
            http.close()

    def _signed(self, method: str, path: str, body: bytes = b"") -> list[tuple[str, str]]:
        headers = sign_request(
            self.key,
            self.device_id,
            method=method,
            target=API + path,
            created=int(time.time()),
            nonce=secrets.token_urlsafe(16),
            body=body,
        )
        return list(headers.items())

    async def _ask(self, http: Http, method: str, path: str, body: Any = None, etag: str = "") -> Answer:
        data = b"" if body is None else json.dumps(body).encode()
        headers = self._signed(method, path, data)
        if etag:
            headers.append(("If-None-Match", f'"{etag}"'))
        answer = await http.ask(method, API + path, headers, data)
        self.world.note(f"{method} {path.partition('?')[0]}", self.index)
        if answer.status >= 400:
            self.world.note(
                "refused", self.index, f"{path} {answer.status} {json_of(answer).get('code', '')}"
            )
            if answer.status >= 500:
                raise Lost
        return answer

    def _believe(self, token: str, kind: str, not_behind: int = 0) -> Document:
        return verify(
            token,
            kind,
            keys=self.world.keys,
            device_id=self.device_id,
            now=time.time(),
            not_behind=not_behind,
        )

    # --- policy

    async def _policy(self, http: Http) -> None:
        answer = await self._ask(http, "GET", "/desired", etag=self.etag)
        if answer.status != 200:
            return
        found = self._believe(str(json_of(answer)["signed"]), DESIRED, self.version)
        wanted = found.doc
        if wanted["version"] != found.sequence or wanted["sha256"] != document_sha256(wanted):
            raise AssertionError("the document's hash is another one")
        values = {name: wanted["policy"][name] for name in wanted["settings"]}
        mark = wanted["policy"].get(MARK, {}).get("defaultMessage", "")
        fetched = time.monotonic()
        told = {name: {"sha256": setting_sha256(name, value)} for name, value in values.items()}
        self.version = found.sequence
        compliance = await self._report(http, str(wanted["sha256"]), str(wanted["state"]), told)
        self.etag = answer.headers.get(b"etag", b"").decode().strip('"')  # else what was lost is never told
        self.world.note("applied", self.index, mark, compliance, fetched)

    async def _report(self, http: Http, sha256: str, state: str, told: Mapping[str, Any]) -> str:
        body = {
            "applied_version": self.version,
            "applied_sha256": sha256,
            "state": state,
            "settings": told,
            "status": {"battery_percent": 80, "charging": False, "network": "4g"},
            "facts": {"api_level": 34, "mode": "FULLY_MANAGED", "backends": ["ANDROID"]},
            "os_version": "14",
            "security_patch": "2026-11-01",
            "agent_version": "1.0.0",
        }
        said: dict[str, object] = {}
        for _ in range(2):
            self.seq += 1
            answer = await self._ask(http, "POST", "/report", {"seq": self.seq, **body})
            said = json_of(answer)
            if answer.status == 200:
                return str(said["compliance"])
            facts = said.get("facts")
            if said.get("code") != "report-out-of-order" or not isinstance(facts, dict):
                break
            self.seq = int(facts["last_seq"])
        raise AssertionError(f"report refused: {said}")

    # --- commands

    async def _commands(self, http: Http) -> None:
        more = True
        while more:
            said: dict[str, Any] = json_of(await self._ask(http, "GET", f"/commands?after={self.acked}"))
            for token in said["commands"]:
                found = self._believe(token, COMMAND)
                name = str(found.doc["command_id"])
                if name not in self.kept:
                    self.kept[name] = found.sequence
                    self.world.note("heard", self.index, name)
            if said["commands"]:
                await self._begin(http)
            results = dict(self.untold)
            for name in said["results_wanted"]:
                results.setdefault(name, self.done.get(name, "FAILED"))
            if results:
                await self._tell(http, results)
            more = bool(said["more"])

    async def _begin(self, http: Http) -> None:
        up_to = max(self.kept.values())
        said: dict[str, Any] = json_of(await self._ask(http, "POST", "/commands/acks", {"up_to": up_to}))
        self.acked = up_to
        for name in said["begin"]:
            if name not in self.done:
                self.effects[name] += 1
                self.done[name] = self.untold[name] = DONE
                self.world.note("done", self.index, name)

    async def _tell(self, http: Http, results: Mapping[str, str]) -> None:
        told = [{"command_id": name, "state": state} for name, state in list(results.items())[:100]]
        for one in told:
            if one["state"] != DONE:
                one["error_code"] = "UNKNOWN"
        answer = await self._ask(http, "POST", "/commands/results", {"results": told})
        if answer.status == 200:
            for one in told:
                self.untold.pop(one["command_id"], None)
