"""Commands on the phone: fetched, stored, acknowledged, carried out once and in order, and told about."""

from collections.abc import Sequence

from .client import Client, Problem
from .faults import Faults, NetworkLost
from .memory import Kept, Memory
from .phone import LAST, SimulatedPhone
from .signing import COMMAND, JSON, Refused, unverified, verify
from .store import Store
from .succession import follow, settle

FAREWELLS = 3
"""How often the result of a last command is sent before it is carried out."""
REMEMBERED = 500
"""Finished commands that are kept; older numbers are refused as replays."""


class Orders:
    """One phone's commands."""

    def __init__(
        self, client: Client, store: Store, phone: SimulatedPhone, memory: Memory, faults: Faults
    ) -> None:
        self._client = client
        self._store = store
        self._phone = phone
        self._memory = memory
        self._faults = faults
        self.report_wanted = False

    async def work(self) -> None:
        """Do all there is to do. Interrupted anywhere and called again, each command takes effect once."""
        await self._resume()
        more = True
        while more and not self._memory.ended:
            more = await self._fetch()
            begin = await self._acknowledge()
            for command_id in begin:
                await self._carry_out(command_id)
                if self._memory.ended:
                    return
            more = await self._tell() and more

    async def _resume(self) -> None:
        """Finish what a power cut interrupted."""
        for command_id, kept in sorted(self._memory.commands.items(), key=lambda item: item[1].seq):
            if kept.phase == "begun":
                await self._carry_out(command_id)
            elif kept.phase in {"done", "told"} and kept.doc["type"] in LAST and _succeeded(kept):
                await self._end(command_id, kept)
            if self._memory.ended:
                return

    async def _fetch(self) -> bool:
        """Fetch and store; say whether there is more. Stops at the first command that is not authentic."""
        memory = self._memory
        answer = (await self._client.ask("GET", f"/commands?after={memory.acked}")).body
        more = bool(answer["more"])
        for token in answer["commands"]:
            await follow(self._client, memory, self._store, token)
            try:
                self._keep(token)
            except Refused as refused:
                if not await self._complain(token, refused):
                    more = False
                    break
        for command_id in answer["results_wanted"]:
            kept = memory.commands.get(command_id)
            if kept is None:
                unknown = {"state": "FAILED", "error_code": "UNKNOWN"}
                memory.commands[command_id] = Kept(0, {"type": ""}, 0, "done", unknown)
            elif kept.phase == "told":
                kept.phase = "done"
        memory.save(self._store)
        self._faults.cut("kept")
        return more

    def _keep(self, token: str) -> None:
        memory, client = self._memory, self._client
        found = verify(token, COMMAND, keys=memory.keys, device_id=memory.device_id, now=client.now())
        settle(memory, token)
        command_id, kind = found.doc.get("command_id"), found.doc.get("type")
        if not isinstance(command_id, str) or not isinstance(kind, str):
            raise Refused("malformed")
        if command_id in memory.commands or found.sequence <= memory.forgotten_to:
            return
        memory.floor_s = max(memory.floor_s, found.issued)
        memory.commands[command_id] = Kept(found.sequence, dict(found.doc), found.expires)

    async def _complain(self, token: str, refused: Refused) -> bool:
        """Tell the server why a command is not taken; say whether those behind it may be.

        One that expired was its own: the others follow. After one that is not, nothing is believed.
        """
        command_id = unverified(token).get("command_id")
        late = refused.reason == "expired"
        known = isinstance(command_id, str) and command_id in self._memory.commands
        if isinstance(command_id, str) and not known:
            code = "TOO_LATE" if late else "NOT_AUTHENTIC"
            told = {"command_id": command_id, "state": "REJECTED", "error_code": code}
            await self._client.ask("POST", "/commands/results", {"results": [told]})
        return late

    async def _acknowledge(self) -> Sequence[str]:
        """Say up to where all is stored; give what may begin, in order."""
        memory = self._memory
        up_to = max((kept.seq for kept in memory.commands.values()), default=0)
        if not any(kept.phase == "kept" for kept in memory.commands.values()):
            return ()
        try:
            answer = (await self._client.ask("POST", "/commands/acks", {"up_to": up_to})).body
        except Problem as problem:
            if problem.code == "command-ack-ahead":
                memory.acked = 0
                memory.save(self._store)
            raise
        memory.acked = up_to
        begin: list[str] = list(answer["begin"])
        for command_id, kept in memory.commands.items():
            if kept.phase == "kept" and command_id not in begin:
                kept.phase, kept.doc = "told", {"type": kept.doc["type"]}  # taken back, or too late
        memory.save(self._store)
        return begin

    async def _carry_out(self, command_id: str) -> None:
        kept = self._memory.commands.get(command_id)
        if kept is None or kept.phase not in {"kept", "begun"}:
            return
        kind = kept.doc["type"]
        if kept.phase == "kept":
            error = self._phone.check(kind)
            if self._client.now() >= kept.expires:
                error = "TOO_LATE"
            if error is not None:
                self._done(kept, {"state": "REJECTED", "error_code": error})
                return
            kept.phase = "begun"
            self._memory.save(self._store)
        self._faults.cut("begun")
        result: dict[str, JSON] = {"state": "SUCCEEDED"}
        if kind not in LAST and not self._phone.took_effect(command_id):
            try:
                status = self._phone.carry_out(command_id, kept.doc)
            except (KeyError, TypeError):
                result = {"state": "FAILED", "error_code": "INVALID_VALUE"}
            else:
                result |= {} if status is None else {"status": status}
            self._faults.cut("effect")
        self._done(kept, result)
        self._faults.cut("done")
        self.report_wanted = True
        if kind in LAST:
            await self._end(command_id, kept)

    def _done(self, kept: Kept, result: dict[str, JSON]) -> None:
        kept.phase, kept.result = "done", result
        kept.doc = {"type": kept.doc["type"]}  # a password is not kept longer than needed
        self._memory.save(self._store)

    async def _end(self, command_id: str, kept: Kept) -> None:
        """Tell first, for nobody can afterwards; then do it, whether or not that was heard."""
        for _ in range(FAREWELLS):
            try:
                await self._tell()
                break
            except NetworkLost:
                continue
            except Problem:
                break  # it has let us go already
        if kept.doc["type"] == "WIPE":
            self._phone.wipe(command_id)
        else:
            self._phone.relinquish(command_id)
        self._memory.ended = kept.doc["type"]

    async def _tell(self) -> bool:
        """Send every result that the server does not have. True: all were taken."""
        memory = self._memory
        due = {name: kept for name, kept in memory.commands.items() if kept.phase == "done"}
        for begin in range(0, len(due), 100):
            part = dict(list(due.items())[begin : begin + 100])
            results = [{"command_id": name, **(kept.result or {})} for name, kept in part.items()]
            await self._client.ask("POST", "/commands/results", {"results": results})
            for kept in part.values():
                kept.phase = "told"
        self._forget()
        if due:
            memory.save(self._store)
        return True

    def _forget(self) -> None:
        """Drop what is long over; its numbers stay refused."""
        told = sorted(
            (kept.seq, name) for name, kept in self._memory.commands.items() if kept.phase == "told"
        )
        for seq, name in told[: max(0, len(told) - REMEMBERED)]:
            del self._memory.commands[name]
            self._memory.forgotten_to = max(self._memory.forgotten_to, seq)


def _succeeded(kept: Kept) -> bool:
    return (kept.result or {}).get("state") == "SUCCEEDED"
