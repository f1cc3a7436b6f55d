"""`kill -9` in the middle of a call costs at most the last second, and what is left plays."""

import asyncio
import sys
from pathlib import Path

import pytest

from core.blobs import BlobUnfinished, LocalBlobStore
from gateway.media.recording import RecordingReader, recover_recording
from tests.support.media import KEY, loudest_hertz, write_notice


async def test_kill_nine_costs_at_most_a_second(tmp_path: Path):
    write_notice(tmp_path / "notice.flac")
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.support.media_child", str(tmp_path), stdout=asyncio.subprocess.PIPE
    )
    assert child.stdout is not None
    reached_ms = 0
    try:
        async with asyncio.timeout(60):
            blob_id = (await child.stdout.readline()).decode().strip()
            while reached_ms < 3500:
                reached_ms = int(await child.stdout.readline())
    finally:
        child.kill()
        await child.wait()

    store = LocalBlobStore(tmp_path / "blobs")
    with pytest.raises(BlobUnfinished):
        await RecordingReader.open(store, blob_id, KEY)
    info = await recover_recording(store, blob_id, KEY)
    assert await recover_recording(store, blob_id, KEY) == info
    async with await RecordingReader.open(store, blob_id, KEY) as reader:
        assert not reader.complete
        assert reader.call_id == "d" * 32
        assert reader.duration_ms >= reached_ms - 1000
        assert min(reader.recorded_packets) >= (reader.duration_ms - 1500) / 20
        sound = (await reader.samples())[:, 9600:]  # after the notice
        assert [loudest_hertz(channel) for channel in sound] == pytest.approx([500, 1250], abs=5)
        assert len(await reader.wav()) == reader.wav_size
