"""The evidence of a call at the command line: exported, verified, and refused when anybody touched it."""

import asyncio
import shutil
import zipfile
from pathlib import Path

import pytest

from tests.acceptance.command import run_command
from tests.acceptance.talking import talking

CALL_S = 5.0


def rewritten(bundle: Path, member: str, change) -> Path:
    """Copy a bundle with one member changed."""
    target = bundle.with_name("touched.zip")
    with zipfile.ZipFile(bundle) as source, zipfile.ZipFile(target, "w") as copy:
        for name in source.namelist():
            content = source.read(name)
            copy.writestr(name, change(content) if name == member else content)
    return target


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_evidence_is_exported_verified_and_refused(system, desk, customer, tmp_path):
    bound = await desk.bind(await desk.hire())
    async with talking(desk, customer, bound) as talk:
        await asyncio.sleep(CALL_S)
        await talk.staff.hang_up()
    row = await desk.one_call(bound, "completed")
    bundle, key = tmp_path / "evidence.zip", tmp_path / "evidence.vkey"

    async def type_command(*arguments: str, language: str = "zh"):
        return await asyncio.to_thread(
            run_command, tmp_path, *arguments, variables=system.environment(), language=language
        )

    exported = await type_command("evidence", "export", row.contact_id, "--out", str(bundle))
    assert exported.code == 0, exported
    with zipfile.ZipFile(bundle) as archive:
        names = archive.namelist()
        assert f"attachments/{row.id}.wav" in names
        whole = b"".join(archive.read(name) for name in names)
    assert bound.number.encode() not in whole
    assert bound.number.removeprefix("+86").encode() not in whole
    good = await type_command("evidence", "verify", str(bundle), "--public-key", str(key))
    assert good.code == 0, good
    again = await type_command("evidence", "export", row.contact_id, "--out", str(bundle), language="en")
    assert again.code != 0
    assert "Traceback" not in again.err
    unknown = await type_command("evidence", "export", "f" * 32, "--out", str(tmp_path / "none.zip"))
    assert unknown.code == 1
    assert not (tmp_path / "none.zip").exists()

    entry = next(name for name in names if name.startswith("entries/"))
    touched = (
        (f"attachments/{row.id}.wav", lambda content: content[:-1] + bytes([content[-1] ^ 1])),
        (entry, lambda content: content.replace(b'"kind":"', b'"kind":"x', 1)),
        ("checkpoint.txt", lambda content: content.replace(b"\n", b"\n1", 1)),
    )
    for member, change in touched:
        bad = rewritten(bundle, member, change)
        said = await type_command("evidence", "verify", str(bad), "--public-key", str(key), language="en")
        assert said.code not in {0, 2}, (member, said)
        assert "Traceback" not in said.err
    shutil.copy(bundle, tmp_path / "cut.zip")
    with (tmp_path / "cut.zip").open("r+b") as handle:
        handle.truncate(bundle.stat().st_size // 2)
    said = await type_command("evidence", "verify", str(tmp_path / "cut.zip"), "--public-key", str(key))
    assert said.code != 0
    assert "Traceback" not in said.err
