"""The real switch process, SIPp around it, and a scripted `calls` at the other end of its socket."""

import asyncio
import contextlib
import os
import shutil
import signal
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pydantic import SecretStr

from gateway.switch import protocol as p
from gateway.switch.link import LinkEvent, LinkUp
from gateway.switch.server import LinkServer
from tests.support.ports import free_port

SCENARIOS = Path(__file__).parent / "scenarios"
SIPP = shutil.which("sipp")
NO_SIPP = "sipp is missing: apt-get install sip-tester"
LINE = "4001234567"
E = TypeVar("E")

RUNNER = """
from pathlib import Path
from core import logging
from gateway.switch.options import SwitchOptions
from gateway.switch.run import serve
logging.configure("switch", level="DEBUG")
serve(SwitchOptions(node="switch", host="127.0.0.1", port={port}, advertised_host=None, realm="maskline",
                    socket_path=Path({path!r}), linger_s={linger_s}, max_legs={max_legs},
                    silence_s={silence_s}, texts={texts}))
"""


def sdp(port: int = 20000, direction: str = "sendrecv") -> str:
    return (
        "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
        f"m=audio {port} RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\na={direction}\r\n"
    )


async def until(condition, *, timeout_s: float = 60.0, what: str = "condition") -> None:
    """Poll something outside of this process; there is no event to wait for."""
    try:
        async with asyncio.timeout(timeout_s):
            while not condition():  # noqa: ASYNC110 see above
                await asyncio.sleep(0.02)
    except TimeoutError:
        raise AssertionError(f"never: {what}") from None


def is_bound(port: int) -> bool:
    wanted = f":{port:04X}"
    lines = Path("/proc/net/udp").read_text(encoding="ascii").splitlines()[1:]
    return any(line.split()[1].endswith(wanted) for line in lines)


@dataclass(slots=True)
class Phone:
    """One running SIPp."""

    process: asyncio.subprocess.Process
    messages: Path
    port: int

    async def done(self, timeout_s: float = 90.0) -> None:
        """Wait for its end; it must have been satisfied with every call."""
        async with asyncio.timeout(timeout_s):
            _, err = await self.process.communicate()
        assert self.process.returncode == 0, f"sipp: {self.process.returncode} {err.decode()[-2000:]}"

    def received(self) -> str:
        """Give the bytes it received, without those it sent."""
        parts = self.messages.read_text(encoding="utf-8", errors="replace").split(
            "----------------------------------------------- "
        )
        return "".join(part for part in parts if "message received" in part[:200])


class Rig:
    """Switch, link and phones of one test."""

    def __init__(
        self, folder: Path, *, linger_s: float, max_legs: int, silence_s: float, texts: bool = False
    ) -> None:
        self.folder = folder
        self.port = free_port()
        self.socket_path = folder / "run" / "switch.sock"
        self.log = folder / "switch.log"
        self._options = {"linger_s": linger_s, "max_legs": max_legs, "silence_s": silence_s, "texts": texts}
        self._phones: list[Phone] = []
        self._count = 0
        self.process: asyncio.subprocess.Process | None = None
        self.link: LinkServer | None = None
        self.events: AsyncIterator[LinkEvent] | None = None

    async def start_switch(self) -> None:
        code = RUNNER.format(port=self.port, path=str(self.socket_path), **self._options)
        with self.log.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                sys.executable, "-c", code, stdout=log, stderr=log, cwd=Path(__file__).parents[2]
            )

    async def start_link(self) -> None:
        self.link = LinkServer(self.socket_path, ping_interval_s=0.1)
        await self.link.start()
        self.events = self.link.events()
        await self.expect(LinkUp)

    async def stop(self) -> None:
        for phone in self._phones:
            if phone.process.returncode is None:
                phone.process.kill()
                await phone.process.wait()
        if self.process is not None and self.process.returncode is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                async with asyncio.timeout(30):
                    await self.process.wait()
            except TimeoutError:
                self.process.kill()
                await self.process.wait()
        if self.link is not None:
            await self.link.close()

    async def expect(self, kind: type[E], timeout_s: float = 60.0) -> E:
        """Wait for the next event, which must be of `kind`."""
        async with asyncio.timeout(timeout_s):
            event = await anext(self.events)
        assert isinstance(event, kind), f"expected {kind.__name__}, got {event!r}"
        return event

    def send(self, command: p.SwitchCommand) -> None:
        self.link.send(command)

    def originate(self, leg: str, port: int, *, user: str = "13800138000", **changes) -> None:
        fields = {"ring_timeout_s": 30, "max_duration_s": 60} | changes
        self.send(
            p.Originate(
                leg=leg,
                uri=SecretStr(f"sip:{user}@127.0.0.1:{port}"),
                from_user=SecretStr(LINE),
                sdp=sdp(),
                **fields,
            )
        )

    async def counted(self, condition, what: str) -> p.Pong:
        """Wait until the switch's own counters say so, counted after this moment."""
        last = self.link.status()[0].last_pong
        fresh = last.sequence + 2 if last else 2  # the next one may be on its way already

        def true() -> bool:
            pong = self.link.status()[0].last_pong
            return pong is not None and pong.sequence >= fresh and condition(pong)

        await until(true, what=what)
        return self.link.status()[0].last_pong

    async def idle(self) -> p.Pong:
        """Wait until no leg and no dialog is left in the switch."""
        return await self.counted(lambda pong: pong.legs == 0 and pong.dialogs == 0, "no legs, no dialogs")

    async def phone(self, scenario: str, *, calls: int = 1, rate: int = 10, **words: str) -> Phone:
        """Start SIPp on one of our scenarios; `words` replace `@WORD@` in it."""
        self._count += 1
        folder = self.folder / f"sipp{self._count}"
        folder.mkdir()
        text = (SCENARIOS / f"{scenario}.xml").read_text(encoding="utf-8")
        for word, value in {"from": "1001", "to": "token1", "extra": "X-None: 0", **words}.items():
            text = text.replace(f"@{word.upper()}@", value)
        (folder / "scenario.xml").write_text(text, encoding="utf-8")
        port = free_port()
        process = await asyncio.create_subprocess_exec(
            SIPP, "-sf", "scenario.xml", "-i", "127.0.0.1", "-p", str(port), "-mp", str(free_port()),
            "-m", str(calls), "-l", str(max(calls, 10)), "-r", str(rate), "-nostdin", "-timeout", "80",
            "-timeout_error", "-recv_timeout", "60000", "-trace_msg", "-message_file", "messages.log",
            *([f"127.0.0.1:{self.port}"] if not scenario.startswith("uas") else []),
            cwd=folder, stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        phone = Phone(process, folder / "messages.log", port)
        self._phones.append(phone)
        await until(lambda: is_bound(port) or process.returncode is not None, what="sipp listens")
        return phone

    def log_text(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")


@contextlib.asynccontextmanager
async def rig(
    folder: Path, *, linger_s: float = 0.3, max_legs: int = 200, silence_s: float = 10.0, texts: bool = False
) -> AsyncIterator[Rig]:
    """Give a running switch that is connected."""
    made = Rig(folder, linger_s=linger_s, max_legs=max_legs, silence_s=silence_s, texts=texts)
    try:
        await made.start_switch()
        await made.start_link()
        yield made
    finally:
        await made.stop()


def environment() -> dict[str, str]:
    return {key: value for key, value in os.environ.items() if not key.startswith("MASKLINE_")}
