"""Takes the evidence along and has it verified by the stand-alone verifier, which knows nothing of us."""

import asyncio
import subprocess
import sys
import tempfile
from pathlib import Path

from core.config import Settings
from maskline.demo.messages import PlayedMessage
from maskline.demo.play import PlayedCall
from maskline.evidence import export_contacts
from maskline.ground import open_ground

VERIFIER = Path(__file__).parent.parent.parent / "verifier" / "maskline_verify.py"


async def verified_offline(
    settings: Settings, played: list[PlayedCall], messages: list[PlayedMessage]
) -> bool:
    """Export the evidence of all contacts, recordings included, and run the verifier on it."""
    contacts = [one.facts["contact"]["id"] for one in played] + [one.facts["contact_id"] for one in messages]
    with tempfile.TemporaryDirectory(prefix="maskline-evidence-") as folder:
        bundle, key = Path(folder) / "evidence.zip", Path(folder) / "ledger.vkey"
        async with open_ground(settings) as ground:
            await export_contacts(ground, contacts, bundle)
            key.write_text(ground.ledger_service.verifier.vkey)
        return await asyncio.to_thread(_verify, bundle, key)


async def bundle_verifies(settings: Settings, content: bytes) -> bool:
    """Run the verifier on a bundle that the API gave."""
    with tempfile.TemporaryDirectory(prefix="maskline-evidence-") as folder:
        bundle, key = Path(folder) / "bundle.zip", Path(folder) / "ledger.vkey"
        bundle.write_bytes(content)
        async with open_ground(settings) as ground:
            key.write_text(ground.ledger_service.verifier.vkey)
        return await asyncio.to_thread(_verify, bundle, key)


def _verify(bundle: Path, key: Path) -> bool:
    command = [sys.executable, "-I", str(VERIFIER), "evidence", str(bundle), "--public-key", str(key)]
    return subprocess.run(command, capture_output=True, check=False, timeout=120).returncode == 0  # noqa: S603
