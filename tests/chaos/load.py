"""What people do meanwhile: agents who call, agents who write, an SMSC that answers; each takes any refusal."""

import asyncio
import json
import random
import sys
from collections import Counter
from dataclasses import dataclass, field

import aiohttp

from core.ids import new_id
from core.tasks import cancel, spawn
from maskline.demo.api import Api, ApiRefused
from maskline.demo.phone import Phone, PhoneFailed
from tests.acceptance.talking import THREAT, script
from tests.support.system_desk import Staff, SystemDesk
from tests.telephony.sound import STAFF_HZ

RETRY_EVERY_S = 0.5
TEXTS = (
    "您好，请于明天还款。",
    "有事请打我手机13712345678",
    "请转到 6222021234567890128 这张卡",
    "再不还钱我弄死你",
)


@dataclass
class Told:
    """What the outside world saw."""

    counts: Counter[str] = field(default_factory=Counter)
    accepted: set[str] = field(default_factory=set)
    """Ids of messages that the API took."""
    submitted: list[tuple[str, str]] = field(default_factory=list)
    """(SMSC id, number) of each message that the provider took as a new one."""


class Smsc:
    """An SMSC in a process of its own that gives a receipt for everything, while somebody is bound."""

    def __init__(self, process: asyncio.subprocess.Process, told: Told) -> None:
        self._process, self._told = process, told
        self.port = 0
        self._listening: asyncio.Task[None] | None = None

    @classmethod
    async def start(cls, told: Told) -> "Smsc":
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.support.smsc", "0", "--dedupe",
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        smsc = cls(process, told)
        assert process.stdout is not None
        smsc.port = json.loads(await process.stdout.readline())["port"]
        smsc._listening = spawn(smsc._listen(), name="smsc")
        return smsc

    async def _listen(self) -> None:
        assert self._process.stdout is not None
        while line := await self._process.stdout.readline():
            said = json.loads(line)
            if said["event"] == "submit":
                self._told.submitted.append((said["id"], said["to"]))
                await self._receipt(said["id"])

    async def _receipt(self, smsc_id: str) -> None:
        assert self._process.stdin is not None
        order = {"do": "receipt", "id": smsc_id, "stat": "DELIVRD"}
        self._process.stdin.write(json.dumps(order).encode() + b"\n")
        await self._process.stdin.drain()

    async def stop(self) -> None:
        if self._listening is not None:
            await cancel(self._listening)
        if self._process.returncode is None:
            self._process.kill()
        await self._process.wait()
        assert self._process.stdin is not None
        self._process.stdin.close()


async def caller(desk: SystemDesk, staff: Staff, chance: random.Random, told: Told) -> None:
    """Dial one customer after the other, speak, hang up. A gateway that does not answer is tried again."""
    account = staff.sip
    while True:
        bound = await desk.bind(staff)
        phone = Phone(account.username, password=account.password)
        await phone.start()
        try:
            async with asyncio.timeout(20):
                status = await phone.dial(bound.token, desk.system.sip)
                told.counts[f"dialled {status}"] += 1
                if status == 200:
                    voice = spawn(phone.say(script(THREAT, STAFF_HZ)), name="caller speaks")
                    try:
                        await asyncio.wait_for(phone.ended.wait(), chance.uniform(2, 9))
                    except TimeoutError:
                        await phone.hang_up()
                    finally:
                        await cancel(voice)
        except (TimeoutError, PhoneFailed, OSError):
            told.counts["dialled in vain"] += 1
        finally:
            await phone.close()
        await asyncio.sleep(chance.uniform(0.2, 1.5))


async def writer(desk: SystemDesk, staff: Staff, api: Api, chance: random.Random, told: Told) -> None:
    """Write to one customer after the other; the same key again until the API took it."""
    while True:
        bound = await desk.bind(staff)
        body = {
            "binding_id": bound.binding_id, "channel": "sms", "text": chance.choice(TEXTS),
            "idempotency_key": new_id(),
        }  # fmt: skip
        made = await _insist(api, body, told)
        told.accepted.add(made["id"])
        told.counts[f"written {made['state']}"] += 1
        await asyncio.sleep(chance.uniform(0.1, 1.0))


async def _insist(api: Api, body: dict[str, str], told: Told) -> dict[str, str]:
    while True:
        try:
            made: dict[str, str] = await api.post("/messages", body)
        except ApiRefused as refused:
            if refused.facts.get("status", 0) < 500:
                raise
        except (aiohttp.ClientError, TimeoutError, OSError):
            pass
        else:
            return made
        told.counts["written again"] += 1
        await asyncio.sleep(RETRY_EVERY_S)
