"""Policies on the phone: fetched, verified, carried out, and reported by what is really in force."""

import json
from collections.abc import Mapping

from . import __version__
from .client import Client, Problem
from .faults import Faults
from .memory import Memory
from .phone import SimulatedPhone
from .signing import DESIRED, JSON, Refused, document_sha256, setting_sha256, verify
from .store import Store
from .succession import follow, settle


class Policy:
    """What is wanted of one phone, and what became of it."""

    def __init__(
        self, client: Client, store: Store, phone: SimulatedPhone, memory: Memory, faults: Faults
    ) -> None:
        self._client = client
        self._store = store
        self._phone = phone
        self._memory = memory
        self._faults = faults

    async def fetch(self) -> None:
        """Ask what is wanted; keep it if it is new. Raises `Refused` where it must not be believed."""
        memory = self._memory
        held = memory.etag if self._client.now() < memory.refresh_s else ""
        answer = await self._client.ask("GET", "/desired", etag=held)
        if answer.status == 304:
            return
        body = answer.body
        await follow(self._client, memory, self._store, body["signed"])
        found = verify(
            body["signed"],
            DESIRED,
            keys=memory.keys,
            device_id=memory.device_id,
            now=self._client.now(),
            not_behind=memory.version,
        )
        wanted = dict(found.doc)
        if wanted.get("version") != found.sequence or wanted.get("sha256") != document_sha256(wanted):
            raise Refused("hash-differs")
        settle(memory, body["signed"])
        memory.floor_s = max(memory.floor_s, found.issued)
        memory.wanted, memory.etag = wanted, answer.etag
        memory.believe_until_s = found.expires
        memory.refresh_s = found.issued + (found.expires - found.issued) / 2
        memory.save(self._store)

    def apply(self) -> None:
        """Carry out what is wanted; after a power cut from the beginning, which does no harm."""
        memory, phone = self._memory, self._phone
        wanted = memory.wanted
        if wanted is None:
            return
        values, reasons = self._values(wanted)
        for name in phone.names() - values.keys():
            phone.clear(name)
        for name, value in values.items():
            self._faults.cut("applying")
            reason = phone.put(name, value)
            if reason is not None:
                reasons[name] = reason
        phone.enter(str(wanted["state"]))
        self._faults.cut("applied")
        applied = (wanted["version"], wanted["sha256"], reasons)
        if applied != (memory.applied_version, memory.applied_sha256, memory.reasons):
            memory.applied_version, memory.applied_sha256, memory.reasons = applied
            memory.save(self._store)

    def _values(self, wanted: Mapping[str, JSON]) -> tuple[dict[str, JSON], dict[str, str]]:
        """Find each setting's value; one whose hash is not that of its value is not carried out."""
        values: dict[str, JSON] = {}
        reasons: dict[str, str] = {}
        for name, digest in wanted["settings"].items():
            try:
                value = self._phone.settings.value(wanted["policy"], name)
                right = setting_sha256(name, value) == digest
            except (KeyError, ValueError):
                right, value = False, None
            if right:
                values[name] = value
            else:
                row = self._phone.settings.of(name)
                reasons[name] = "UNSUPPORTED" if row is None else "INVALID_VALUE"
        return values, reasons

    def told(self) -> dict[str, JSON]:
        """Say how the phone is: hashes of what it reads back, never of what it was told."""
        memory, phone = self._memory, self._phone
        settings: dict[str, JSON] = {}
        for name in (memory.wanted or {}).get("settings", {}):
            value = phone.value(name)
            said: dict[str, JSON] = {} if value is None else {"sha256": setting_sha256(name, value)}
            if name in memory.reasons and said.get("sha256") != (memory.wanted or {})["settings"][name]:
                said["reason"] = memory.reasons[name]
            settings[name] = said
        return {
            "applied_version": memory.applied_version,
            "applied_sha256": memory.applied_sha256,
            "state": phone.state,
            "settings": settings,
            "status": phone.status(),
            "facts": phone.facts.document(),
            "os_version": "14",
            "security_patch": "2026-11-01",
            "agent_version": __version__,
        }

    async def report(self, *, due: bool) -> None:
        """Report if something changed or it is time. The number is used up before the report goes out."""
        memory = self._memory
        told = self.told()
        text = json.dumps(told, sort_keys=True)
        silent = self._client.now() - memory.reported_s
        if not due and text == memory.reported and 0 <= silent < memory.report_every_s:
            return
        memory.report_seq += 1
        memory.save(self._store)
        self._faults.cut("reporting")
        try:
            standing = (await self._client.ask("POST", "/report", {"seq": memory.report_seq, **told})).body
        except Problem as problem:
            last = problem.facts.get("last_seq")
            if problem.code != "report-out-of-order" or not isinstance(last, int):
                raise
            memory.report_seq = last + 1
            memory.save(self._store)
            body = {"seq": memory.report_seq, **told}
            standing = (await self._client.ask("POST", "/report", body)).body
        memory.reported, memory.reported_s = text, self._client.now()
        memory.compliance = standing["compliance"]
        memory.report_every_s = float(standing["next_report_s"])
        memory.save(self._store)
