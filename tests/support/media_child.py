"""A process with one call in it, to be killed: tells the recording's id, then how far the call has come."""

import asyncio
import sys
from pathlib import Path

from core.blobs import LocalBlobStore
from gateway.media.model import Side
from tests.support.media import KEY, RtpPhone, media_plane, sdp, tone


async def main(folder: Path) -> None:
    staff, customer = RtpPhone.start(), RtpPhone.start()
    async with media_plane(folder / "notice.flac", LocalBlobStore(folder / "blobs")) as plane:
        session = await plane.open("d" * 32, KEY)
        session.set_remote(Side.STAFF, sdp(staff.port))
        session.set_remote(Side.CUSTOMER, sdp(customer.port))
        staff.call(session.local_sdp(Side.STAFF))
        customer.call(session.local_sdp(Side.CUSTOMER))
        sys.stdout.write(session.recording_id + "\n")
        await session.play_notice()
        session.bridge()
        for _ in range(600):
            await asyncio.gather(staff.speak(tone(500, 800)), customer.speak(tone(1250, 800)))
            sys.stdout.write(f"{session.stats().duration_ms}\n")
            sys.stdout.flush()


asyncio.run(main(Path(sys.argv[1])))
