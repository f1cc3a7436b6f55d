"""SIPp on both sides of the gateway: many calls by one process, with real RTP of a tone."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from gateway.media.model import Law
from tests.support.ports import HOST, free_port, free_range
from tests.support.system import until
from tests.telephony.sip_phone import PAYLOAD_TYPE
from tests.telephony.sound import tone_file

SCENARIOS = Path(__file__).parent / "scenarios"
SIPP = shutil.which("sipp")
NO_SIPP = "sipp is missing: apt-get install sip-tester"


class Sipp:
    """One running SIPp."""

    def __init__(self, process: asyncio.subprocess.Process, folder: Path, port: int) -> None:
        self.process, self.folder, self.port = process, folder, port

    async def done(self, timeout_s: float) -> None:
        """Wait for its end: it must have been satisfied with every call."""
        _, error = await asyncio.wait_for(self.process.communicate(), timeout_s)
        log = next(self.folder.glob("*_errors.log"), None)
        told = log.read_text(errors="replace")[-3000:] if log else ""
        assert self.process.returncode == 0, (
            f"sipp: {self.process.returncode} {error.decode()[-500:]}\n{told}"
        )


def is_bound(port: int) -> bool:
    lines = Path("/proc/net/udp").read_text(encoding="ascii").splitlines()[1:]
    return any(line.split()[1].endswith(f":{port:04X}") for line in lines)


@asynccontextmanager
async def sipp(
    folder: Path,
    scenario: str,
    *,
    calls: int,
    hertz: float,
    law: Law,
    port: int = 0,
    server: tuple[str, int] | None = None,
    at_once: int = 1,
    fields: Sequence[str] = (),
    **words: str,
) -> AsyncIterator[Sipp]:
    """Start SIPp on a scenario of ours; `words` replace `@WORD@` in it, `fields` are its lines of input."""
    port = port or free_port()
    _prepare(folder, scenario, hertz, law, fields, words)
    low, _ = free_range(4 * at_once + 20)
    process = await asyncio.create_subprocess_exec(
        SIPP or "sipp", *([f"{server[0]}:{server[1]}"] if server else []), "-sf", "scenario.xml",
        "-i", HOST, "-p", str(port), "-m", str(calls), "-l", str(at_once), "-r", str(max(20, at_once)),
        "-mp", str(low), *(["-inf", "input.csv"] if fields else []),
        "-nostdin", "-trace_err", "-recv_timeout", "60000", "-timeout_error",
        cwd=folder, stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        await until(lambda: is_bound(port) or process.returncode is not None, what="sipp listens")
        yield Sipp(process, folder, port)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def _prepare(
    folder: Path, scenario: str, hertz: float, law: Law, fields: Sequence[str], words: dict[str, str]
) -> None:
    """Write what SIPp reads: scenario, input lines, tone."""
    folder.mkdir()
    law_words = {"pt": str(PAYLOAD_TYPE[law]), "law": law.value}
    tone_file(folder / "tone.raw", hertz, 1.0, law)
    text = (SCENARIOS / f"{scenario}.xml").read_text(encoding="utf-8")
    for word, value in {"tone": "tone.raw", **law_words, **words}.items():
        text = text.replace(f"@{word.upper()}@", value)
    (folder / "scenario.xml").write_text(text, encoding="utf-8")
    (folder / "input.csv").write_text("SEQUENTIAL\n" + "".join(f"{line}\n" for line in fields), "utf-8")
