"""baresip as a telephone: somebody else's SIP, RTP and digest, speaking a file."""

import asyncio
import shutil
import wave
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.support.media import RATE, tone
from tests.support.system import HOST

BARESIP = shutil.which("baresip")
NO_BARESIP = "baresip is missing: apt-get install baresip-core"
MODULES = next(
    (str(path) for path in Path("/usr/lib").glob("**/baresip/modules") if path.is_dir()),
    "/usr/lib/baresip/modules",
)
CONFIG = """
poll_method epoll
sip_listen {host}:{port}
net_interface {host}
audio_source aufile,{folder}/say.wav
audio_player aufile,{folder}/heard.wav
audio_alert aufile,/dev/null
ausrc_format s16
auplay_format s16
auenc_format s16
audec_format s16
audio_buffer 20-160
jitter_buffer_delay 5-10
module_path {modules}
module g711.so
module aufile.so
module_tmp account.so
module_app menu.so
"""


class Baresip:
    """One running baresip; `said` waits for a line of its output."""

    def __init__(self, process: asyncio.subprocess.Process, folder: Path) -> None:
        self.process, self.folder = process, folder
        self.output = ""

    async def said(self, words: str, timeout_s: float = 60) -> None:
        assert self.process.stdout is not None
        try:
            async with asyncio.timeout(timeout_s):
                while words not in self.output:
                    data = await self.process.stdout.read(4096)
                    assert data, f"baresip ended: {self.output[-2000:]}"
                    self.output += data.decode(errors="replace")
        except TimeoutError:
            raise AssertionError(f"baresip never said {words!r}: {self.output[-2000:]}") from None

    async def stop(self) -> None:
        """End it as a user does: it hangs up and unregisters."""
        if self.process.returncode is None:
            self.process.terminate()
        rest, _ = await asyncio.wait_for(self.process.communicate(), 60)
        self.output += rest.decode(errors="replace")


@asynccontextmanager
async def baresip(
    folder: Path,
    account: str,
    *,
    port: int,
    hertz: float,
    seconds: float = 20,
    commands: tuple[str, ...] = (),
) -> AsyncIterator[Baresip]:
    """Start baresip with one account; it speaks a tone and executes `commands` once it runs."""
    _prepare(folder, account, port, tone(hertz, int(seconds * RATE)).astype("<i2").tobytes())
    assert BARESIP is not None
    arguments = [
        BARESIP,
        "-4",
        "-f",
        str(folder),
        *(word for command in commands for word in ("-e", command)),
    ]
    process = await asyncio.create_subprocess_exec(
        *arguments, stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    phone = Baresip(process, folder)
    try:
        yield phone
    finally:
        await phone.stop()
        print(phone.output)  # noqa: T201 pytest shows it with a failure


def _prepare(folder: Path, account: str, port: int, sound: bytes) -> None:
    """Write what baresip reads: its settings, its account, its voice."""
    folder.mkdir()
    with wave.open(str(folder / "say.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(sound)
    config = CONFIG.format(host=HOST, port=port, folder=folder, modules=MODULES)
    (folder / "config").write_text(config, encoding="ascii")
    (folder / "accounts").write_text(account + "\n", encoding="ascii")
