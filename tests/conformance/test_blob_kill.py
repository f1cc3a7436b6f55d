"""A real process is killed with SIGKILL while it writes a blob: what it said it wrote is there."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from core.blobs import BlobBusy, LocalBlobStore

WRITER = """
import asyncio, sys
from pathlib import Path
from core.blobs import LocalBlobStore

async def main():
    writer = await LocalBlobStore(Path(sys.argv[1])).create(b"k" * 32, "audio/x-test")
    print(writer.blob_id, flush=True)
    number = 0
    while True:
        writer.append(number.to_bytes(8) * 200)
        number += 1
        print(number, flush=True)

asyncio.run(main())
"""


@pytest.mark.parametrize("wanted", [1, 40, 400])
async def test_killed_writer_loses_nothing_that_it_reported(tmp_path: Path, wanted: int) -> None:
    process = subprocess.Popen(  # noqa: ASYNC220 - nothing else runs here
        [sys.executable, "-c", WRITER, str(tmp_path)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    assert process.stdout
    store = LocalBlobStore(tmp_path)
    with process:
        blob_id = process.stdout.readline().strip()
        reported = 0
        while reported < wanted:
            reported = int(process.stdout.readline())
        with pytest.raises(BlobBusy):
            await store.recover(blob_id, b"k" * 32)
        process.send_signal(signal.SIGKILL)
        rest = process.stdout.read().split()
    reported = int(rest[-1]) if rest else reported
    assert process.returncode == -signal.SIGKILL
    assert await store.unfinished() == [blob_id]
    info = await store.recover(blob_id, b"k" * 32)
    reader = await store.open(blob_id, b"k" * 32)
    data = b"".join([part async for part in reader.stream()])
    await reader.aclose()
    chunks = len(data) // 1600
    assert info.size == len(data) == chunks * 1600
    assert chunks >= reported
    assert data == b"".join(number.to_bytes(8) * 200 for number in range(chunks))
