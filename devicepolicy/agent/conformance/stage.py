"""A server that plays what a case asks for, and writes down what an agent does."""

import asyncio
import hashlib
import json
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from aiohttp import web
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from ..agent import BUNDLE
from ..signing import (
    COMMAND,
    DESIRED,
    JSON,
    b64u,
    document_sha256,
    key_text,
    setting_sha256,
    sha256_of,
    thumbprint,
    unb64u,
)
from .checks import Unsigned, check_request

API = "/api/v1/agent"
DEVICE = "0193f3a1b2c37d4e8f90112233445566"
OTHER = "0193f3a1b2c37d4e8f90112233445567"
WINDOW_S = 300
POLL_S = 0.5
LOCATION_TERMS = "2026-01-01-location"


@dataclass(slots=True)
class Queued:
    """One command that is offered. `bad` ones are offered twice and then dropped."""

    command_id: str
    seq: int
    token: str
    bad: bool = False
    begin: bool = True
    again: bool = False
    offered: int = 0
    acked: bool = False


@dataclass(slots=True)
class Sound:
    """A recording that an agent hands in. `sent`: bytes that came, those that came twice too."""

    told: Mapping[str, JSON]
    data: bytearray = field(default_factory=bytearray)
    sent: int = 0

    @property
    def whole(self) -> bool:
        return len(self.data) >= int(self.told["size"])


@dataclass
class Stage:
    """One server for one case. `faults` are breaches of rules that hold in every case."""

    clock_s: float = 0.0
    faults: list[str] = field(default_factory=list)
    seen: list[str] = field(default_factory=list)
    reports: list[Mapping[str, JSON]] = field(default_factory=list)
    results: list[Mapping[str, JSON]] = field(default_factory=list)
    queue: list[Queued] = field(default_factory=list)
    results_wanted: list[str] = field(default_factory=list)
    desired: Callable[[], tuple[int, str, str]] | None = None
    fetched: int = 0
    held_tags: int = 0
    skewed: int = 0
    ended: bool = False
    deeds: Path | None = None
    items: list[Mapping[str, JSON]] = field(default_factory=list)
    """Records and events that were answered."""
    tried: list[Mapping[str, JSON]] = field(default_factory=list)
    """And those whose answer was a failure."""
    sounds: dict[str, Sound] = field(default_factory=dict)
    failing: int = 0
    lost_answers: int = 0
    consent_missing: bool = False
    refused: int = 0
    location_agreed: bool = False
    fixes: list[Mapping[str, JSON]] = field(default_factory=list)
    visits: dict[str, Mapping[str, JSON]] = field(default_factory=dict)
    photos: dict[str, bytes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.key = Ed25519PrivateKey.generate()
        self.kid = thumbprint(self.key.public_key())
        self.token = b64u(self.key.sign(b"token")[:32])
        self.phone: Ed25519PublicKey | None = None
        self.url = ""
        self._nonces: set[str] = set()
        self._changed = asyncio.Event()
        text = {"title": "terms", "sections": [{"title": "1", "text": "..."}]}
        texts = {name: {**text, "sha256": sha256_of([name, text])} for name in ("zh", "en")}
        self.terms: dict[str, JSON] = {
            "version": "2026-01-01",
            "effective_from": "2026-01-01",
            **texts,
            "legal": [],
        }

    # --- what a case scripts

    def now(self) -> float:
        return time.time() + self.clock_s

    def qr(self) -> str:
        told = {"server": self.url, "token": self.token, "key": key_text(self.key.public_key())}
        return json.dumps({BUNDLE: {f"maskline.{name}": value for name, value in told.items()}})

    def sign(
        self,
        kind: str,
        doc: Mapping[str, JSON],
        seq: int,
        *,
        audience: str = DEVICE,
        age_s: int = 0,
        lives_s: int = 3600,
        key: Ed25519PrivateKey | None = None,
    ) -> str:
        issued = int(self.now()) - age_s
        payload = {
            "aud": audience,
            "seq": seq,
            "iat": issued,
            "nbf": issued,
            "exp": issued + lives_s,
            "doc": dict(doc),
        }
        head = {"alg": "EdDSA", "kid": self.kid, "typ": kind}
        signed = ".".join(b64u(json.dumps(part).encode()) for part in (head, payload))
        return f"{signed}.{b64u((key or self.key).sign(signed.encode()))}"

    def want(self, version: int, policy: Mapping[str, JSON], values: Mapping[str, JSON], **how: JSON) -> None:
        """Want a policy from now on; `values` are its settings by name."""
        settings = {name: setting_sha256(name, value) for name, value in values.items()}
        document = {"state": "ACTIVE", "policy": dict(policy), "settings": settings}
        digest = document_sha256(document)
        full = {"version": version, "sha256": digest, **document}
        self.desired = lambda: (version, digest, self.sign(DESIRED, full, version, **how))

    def happen(self, *deeds: Mapping[str, JSON]) -> None:
        """Let something happen on the phone."""
        if self.deeds is not None:
            with self.deeds.open("a", encoding="utf-8") as file:
                file.write("".join(f"{json.dumps(deed, ensure_ascii=False)}\n" for deed in deeds))

    def tamper(self) -> None:
        """Change what is wanted without signing it anew."""
        made = self.desired
        if made is None:
            return

        def changed() -> tuple[int, str, str]:
            version, digest, token = made()
            head, payload, signature = token.split(".")
            told = json.loads(unb64u(payload))
            told["doc"]["state"] = "LOST"
            return version, digest, ".".join((head, b64u(json.dumps(told).encode()), signature))

        self.desired = changed

    def order(self, number: int, kind: str, *, bad: bool = False, begin: bool = True, **how: JSON) -> Queued:
        """Offer a command; its id is made of its number."""
        command_id = f"{number:032x}"
        doc = {"command_id": command_id, "type": kind, **_parameters(kind)}
        made = Queued(command_id, number, self.sign(COMMAND, doc, number, **how), bad, begin)
        self.queue.append(made)
        return made

    async def until(self, what: str, check: Callable[[], bool], within_s: float = 15.0) -> None:
        """Wait for the agent; raise `AssertionError` saying what never happened."""
        try:
            async with asyncio.timeout(within_s):
                while not check():
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            raise AssertionError(f"never: {what}") from None

    def result(self, queued: Queued) -> Mapping[str, JSON] | None:
        """Give the last word on a command."""
        told = [one for one in self.results if one.get("command_id") == queued.command_id]
        return told[-1] if told else None

    # --- what an agent meets

    def app(self) -> web.Application:
        app = web.Application()
        routes: list[tuple[str, str, Callable[[web.Request, JSON], Awaitable[web.StreamResponse]]]] = [
            ("POST", "/enrol", self._enrol),
            ("GET", "/me", self._me),
            ("POST", "/consent", self._nothing),
            ("GET", "/desired", self._desired),
            ("POST", "/report", self._report),
            ("GET", "/commands", self._commands),
            ("POST", "/commands/acks", self._acks),
            ("POST", "/commands/results", self._results),
            ("POST", "/uploads/records", self._records),
            ("POST", "/uploads/events", self._records),
            ("POST", "/uploads/recordings", self._announce),
            ("PATCH", "/uploads/recordings/{id}", self._piece),
            ("GET", "/location/terms", self._location_terms),
            ("POST", "/location/consent", self._location_agree),
            ("DELETE", "/location/consent", self._location_withdraw),
            ("POST", "/location/fixes", self._fixes),
            ("POST", "/location/check-ins", self._check_in),
            ("PUT", "/location/check-ins/{id}/photo", self._photo),
            ("GET", "/wake", self._wake),
            ("GET", "/wake/poll", self._poll),
        ]
        for method, path, handler in routes:
            app.router.add_route(method, f"{API}{path}", self._guarded(path, handler))
        app.router.add_get(f"{API}/terms", self._terms)
        app.router.add_get(f"{API}/keys", self._keys)
        return app

    def _guarded(
        self, path: str, handler: Callable[[web.Request, JSON], Awaitable[web.StreamResponse]]
    ) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def handle(request: web.Request) -> web.StreamResponse:
            self.seen.append(path)
            self._changed.set()
            raw = await request.read()
            body = raw if request.method in {"PATCH", "PUT"} else json.loads(raw) if raw else None
            key = self.phone
            if path == "/enrol" and isinstance(body, dict):
                key = Ed25519PublicKey.from_public_bytes(unb64u(body["public_key"]))
            if key is None:
                return self._fault("asked before it was enrolled")
            try:
                told = check_request(request.method, request.raw_path, request.headers, raw, key)
                self._check_parameters(told, thumbprint(key) if path == "/enrol" else DEVICE)
            except Unsigned as wrong:
                return self._fault(f"{path}: {wrong}")
            if abs(int(told["created"]) - self.now()) > WINDOW_S:
                self.skewed += 1
                return _problem(401, "clock-skewed", server_time=self._time(), window_s=WINDOW_S)
            if self.ended:
                return _problem(403, "device-released")
            answer = await handler(request, body)
            self._changed.set()
            return answer

        return handle

    def _check_parameters(self, told: Mapping[str, str], key_id: str) -> None:
        if told["keyid"] != key_id:
            raise Unsigned("keyid")
        if told["nonce"] in self._nonces:
            raise Unsigned("a nonce twice")
        self._nonces.add(told["nonce"])

    def _fault(self, text: str) -> web.Response:
        self.faults.append(text)
        self._changed.set()
        return _problem(401, "signature-forged")

    def _time(self) -> str:
        return datetime.fromtimestamp(self.now(), UTC).isoformat(timespec="milliseconds")

    async def _terms(self, _: web.Request) -> web.Response:
        self.seen.append("/terms")
        return web.json_response(self.terms)

    async def _keys(self, _: web.Request) -> web.Response:
        return web.json_response({"keys": [self._key()]})

    def _key(self) -> dict[str, str]:
        x = key_text(self.key.public_key())
        return {"kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA", "kid": self.kid, "x": x}

    async def _enrol(self, _: web.Request, body: JSON) -> web.Response:
        agreed = body["consent"]
        if (
            agreed["sha256"] != self.terms.get(agreed["language"], {}).get("sha256")
            or "/terms" not in self.seen
        ):
            return self._fault("it did not agree to the terms as they are")
        if body["token"] != self.token:
            return self._fault("another token")
        self.phone = Ed25519PublicKey.from_public_bytes(unb64u(body["public_key"]))
        told = {"device_id": DEVICE, "trust": "TRUSTED", "keys": [self._key()]}
        return web.json_response({**told, "server_time": self._time(), "report_every_s": 15}, status=201)

    async def _me(self, _: web.Request, __: JSON) -> web.Response:
        version = self.terms["version"]
        told = {"device_id": DEVICE, "trust": "TRUSTED", "employee_assigned": False}
        return web.json_response(
            {**told, "terms_version": version, "terms_wanted": version, "server_time": self._time()}
        )

    async def _nothing(self, _: web.Request, __: JSON) -> web.Response:
        return web.Response(status=204)

    async def _desired(self, request: web.Request, _: JSON) -> web.Response:
        if self.desired is None:
            return _problem(404, "nothing-desired")
        version, digest, token = self.desired()
        tag = f'"{version}.{digest}"'
        self.fetched += 1
        if request.headers.get("If-None-Match") == tag:
            self.held_tags += 1
            return web.Response(status=304, headers={"ETag": tag})
        body = {"version": version, "sha256": digest, "signed": token}
        return web.json_response(body, headers={"ETag": tag})

    async def _report(self, _: web.Request, body: JSON) -> web.Response:
        if self.reports and body["seq"] <= self.reports[-1]["seq"]:
            self.faults.append("a report's number did not rise")
        self.reports.append(body)
        version, digest, _token = self.desired() if self.desired else (0, "", "")
        told = {"compliance": "PENDING", "desired_version": version, "desired_sha256": digest, "problems": []}
        return web.json_response({**told, "next_report_s": 15, "server_time": self._time()})

    async def _commands(self, request: web.Request, _: JSON) -> web.Response:
        after = int(request.query.get("after", "0"))
        offered = [one for one in self.queue if not one.acked or one.seq > after or one.again]
        for one in offered:
            one.offered += 1
        self.queue = [one for one in self.queue if not (one.bad and one.offered >= 2)]
        told = {
            "commands": [one.token for one in offered],
            "results_wanted": list(self.results_wanted),
            "last_seq": max((one.seq for one in offered), default=0),
        }
        return web.json_response({**told, "more": False, "server_time": self._time()})

    async def _acks(self, _: web.Request, body: JSON) -> web.Response:
        begin = []
        for one in self.queue:
            if one.seq <= body["up_to"]:
                one.acked = True
                if one.begin and self.result(one) is None:
                    begin.append(one.command_id)
        return web.json_response({"begin": begin, "server_time": self._time()})

    async def _results(self, _: web.Request, body: JSON) -> web.Response:
        for told in body["results"]:
            one = next((one for one in self.queue if one.command_id == told["command_id"]), None)
            if one is not None and not one.acked and told["state"] == "SUCCEEDED":
                self.faults.append("a command was carried out before its acknowledgement was answered")
            self.results.append(told)
        self.results_wanted.clear()
        known = [{"command_id": one["command_id"], "state": one["state"]} for one in body["results"]]
        return web.json_response({"results": known, "server_time": self._time()})

    async def _records(self, _: web.Request, body: JSON) -> web.Response:
        items = body.get("records") or body.get("events")
        if self.consent_missing:
            self.refused += 1
            return _problem(403, "consent-required", terms_version=self.terms["version"])
        if self.failing > 0:
            self.failing -= 1
            self.tried += items
            return _problem(503, "unavailable")
        known = {item["id"] for item in self.items}
        results = [{"outcome": "duplicate" if one["id"] in known else "kept", "id": DEVICE} for one in items]
        self.items += [item for item in items if item["id"] not in known]
        return web.json_response({"results": results, "server_time": self._time(), "skew_s": 0})

    async def _announce(self, _: web.Request, body: JSON) -> web.Response:
        sound_id = hashlib.sha256(f"{body['id']}|{body['sha256']}".encode()).hexdigest()[:32]
        return self._progress(sound_id, self.sounds.setdefault(sound_id, Sound(body)))

    async def _piece(self, request: web.Request, body: JSON) -> web.Response:
        sound_id, offset = request.match_info["id"], int(request.query["offset"])
        sound = self.sounds[sound_id]
        sound.sent += len(body)
        if offset != len(sound.data):
            return _problem(409, "offset-wrong", offset=len(sound.data))
        sound.data += body
        if self.lost_answers > 0:
            self.lost_answers -= 1
            return _problem(503, "unavailable")
        return self._progress(sound_id, sound)

    def _progress(self, sound_id: str, sound: Sound) -> web.Response:
        state = "COMPLETE" if sound.whole else "OPEN"
        told = {"id": sound_id, "state": state, "offset": len(sound.data), "size": sound.told["size"]}
        return web.json_response(told)

    async def _location_terms(self, _: web.Request, __: JSON) -> web.Response:
        return web.json_response({**self.terms, "version": LOCATION_TERMS})

    async def _location_agree(self, _: web.Request, body: JSON) -> web.Response:
        right = self.terms[body["language"]]["sha256"]
        if (body["version"], body["sha256"]) != (LOCATION_TERMS, right):
            return self._fault("it did not agree to the terms on location as they are")
        self.location_agreed = True
        return web.Response(status=204)

    async def _location_withdraw(self, _: web.Request, __: JSON) -> web.Response:
        self.location_agreed = False
        return web.Response(status=204)

    async def _fixes(self, _: web.Request, body: JSON) -> web.Response:
        if not self.location_agreed:
            self.faults.append("it told where it is without the consent to that")
            return _problem(403, "location-consent-required", terms_version=LOCATION_TERMS)
        self.fixes += body["fixes"]
        told = {"outcomes": ["kept"] * len(body["fixes"]), "server_time": self._time(), "skew_s": 0}
        return web.json_response(told)

    async def _check_in(self, _: web.Request, body: JSON) -> web.Response:
        if not self.location_agreed:
            self.faults.append("it checked in without the consent to that")
            return _problem(403, "location-consent-required", terms_version=LOCATION_TERMS)
        check_in_id = hashlib.sha256(body["check_in"]["id"].encode()).hexdigest()[:32]
        self.visits[check_in_id] = body["check_in"]
        photo = "COMPLETE" if check_in_id in self.photos else "AWAITED"
        return web.json_response({"id": check_in_id, "photo": photo, "bound": False})

    async def _photo(self, request: web.Request, body: JSON) -> web.Response:
        check_in_id = request.match_info["id"]
        if check_in_id not in self.visits:
            return _problem(404, "check-in-unknown")
        self.photos[check_in_id] = body
        return web.json_response({"id": check_in_id, "photo": "COMPLETE", "bound": False})

    async def _wake(self, request: web.Request, _: JSON) -> web.StreamResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        async for _message in socket:
            self.faults.append("it talked on the WebSocket")
        return socket

    async def _poll(self, _: web.Request, __: JSON) -> web.Response:
        await asyncio.sleep(POLL_S)
        return web.json_response({"looks": []})


def _parameters(kind: str) -> dict[str, JSON]:
    return {"startLostModeParams": {}} if kind == "START_LOST_MODE" else {}


def _problem(status: int, code: str, **facts: JSON) -> web.Response:
    body = {"type": f"about:{code}", "status": status, "code": code, "facts": facts}
    return web.json_response(body, status=status, content_type="application/problem+json")
