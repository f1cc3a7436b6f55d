"""The evidence bundle: entries, their proofs and every checkpoint in one zip that anybody can verify."""

import asyncio
import base64
import hashlib
import json
import re
import zipfile
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib.resources import files
from pathlib import Path
from typing import IO, Any

from sqlalchemy import select

from core.clock import Clock
from core.db import Database
from core.errors import Invalid
from core.ledger.ledger import EntryUnknown
from core.ledger.models import CheckpointRow, EntryRow
from core.ledger.notes import Checkpoint
from core.ledger.service import LedgerService
from core.ledger.timestamping.service import covering
from core.ledger.tree import Tree

FORMAT = "maskline-evidence/1"
BATCH = 500
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


class AttachmentInvalid(Invalid):
    """An attachment's name is 1 to 100 letters, digits, dots, hyphens and underscores, each once."""

    code = "evidence-attachment-invalid"
    zh = "附件名须为 1 至 100 个字母、数字、点、连字符或下划线，且不得重复。"


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file whose SHA-256 one of the exported entries names."""

    name: str
    content: bytes | AsyncIterator[bytes]


@dataclass(frozen=True, slots=True)
class Bundle:
    """What was written: entries by number, attachments as (name, SHA-256)."""

    seqs: tuple[int, ...]
    attachments: tuple[tuple[str, str], ...]
    checkpoint: Checkpoint


@dataclass(frozen=True, slots=True)
class _Facts:
    """Everything of the ledger that a bundle holds."""

    records: list[tuple[int, bytes]]
    proofs: list[tuple[bytes, ...]]
    checkpoint: Checkpoint
    chain: list[tuple[Checkpoint, tuple[bytes, ...]]]
    stamps: list[tuple[int, bytes]]


class EvidenceExporter:
    """Writes evidence bundles. What it gives away is for the caller to permit and to log."""

    def __init__(self, *, database: Database, ledger: LedgerService, clock: Clock) -> None:
        self._database = database
        self._ledger = ledger
        self._clock = clock

    async def export(
        self, target: Path, seqs: Sequence[int], attachments: Sequence[Attachment] = ()
    ) -> Bundle:
        """Write a bundle for the entries `seqs` to `target`, which must not exist.

        Raises:
            EntryUnknown: one of the entries does not exist.
            AttachmentInvalid: a name is not plain, or twice there.
        """
        handle = await asyncio.to_thread(target.open, "xb")
        try:
            return await self.write(handle, seqs, attachments)
        except BaseException:
            await asyncio.to_thread(target.unlink, missing_ok=True)
            raise
        finally:
            handle.close()

    async def write(
        self, handle: IO[bytes], seqs: Sequence[int], attachments: Sequence[Attachment] = ()
    ) -> Bundle:
        """Write a bundle to an open file, which need not be seekable. Raises as `export` does."""
        names = [one.name for one in attachments]
        if len({*names}) != len(names) or not all(_NAME.fullmatch(name) for name in names):
            raise AttachmentInvalid
        facts = await self._facts(sorted({*seqs}))
        with zipfile.ZipFile(handle, "w", zipfile.ZIP_DEFLATED) as archive:
            hashes = [(one.name, await _attach(archive, one)) for one in attachments]
            manifest = _manifest(facts, hashes, self._clock.now(), self._ledger.verifier.vkey)
            await asyncio.to_thread(_write, archive, facts, manifest)
        return Bundle(tuple(seq for seq, _ in facts.records), tuple(hashes), facts.checkpoint)

    async def _facts(self, seqs: list[int]) -> _Facts:
        checkpoint = await self._ledger.latest_checkpoint()
        if checkpoint is None or (seqs and seqs[-1] >= checkpoint.size):
            checkpoint = await self._ledger.sign_checkpoint()
        if any(not 0 <= seq < checkpoint.size for seq in seqs):
            raise EntryUnknown
        records: list[tuple[int, bytes]] = []
        async with self._database.read() as session:
            for start in range(0, len(seqs), BATCH):
                rows = await session.execute(
                    select(EntryRow.seq, EntryRow.record)
                    .where(EntryRow.seq.in_(seqs[start : start + BATCH]))
                    .order_by(EntryRow.seq)
                )
                records.extend(rows)
            tree = Tree(session)
            proofs = await tree.inclusions(seqs, checkpoint.size)
            notes = await session.scalars(
                select(CheckpointRow.note)
                .where(CheckpointRow.size <= checkpoint.size)
                .order_by(CheckpointRow.size)
            )
            known = [self._ledger.verifier.read(note) for note in notes]
            sizes = [one.size for one in known]
            steps = await tree.consistency(list(zip([0, *sizes], sizes, strict=False)))
            stamps = await covering(session, seqs, checkpoint.size)
        return _Facts(records, proofs, checkpoint, list(zip(known, steps, strict=True)), stamps)


async def _attach(archive: zipfile.ZipFile, attachment: Attachment) -> str:
    """Write one attachment as it comes, and give its SHA-256."""
    digest = hashlib.sha256()
    with archive.open(f"attachments/{attachment.name}", "w", force_zip64=True) as handle:
        if isinstance(attachment.content, bytes):
            digest.update(attachment.content)
            await asyncio.to_thread(handle.write, attachment.content)
        else:
            async for part in attachment.content:
                digest.update(part)
                await asyncio.to_thread(handle.write, part)
    return digest.hexdigest()


def _manifest(facts: _Facts, hashes: Sequence[tuple[str, str]], now: datetime, vkey: str) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "exported_at": now.isoformat(),
        "origin": facts.checkpoint.origin,
        "public_key": vkey,
        "size": facts.checkpoint.size,
        "entries": [seq for seq, _ in facts.records],
        "attachments": [{"name": name, "sha256": value} for name, value in hashes],
        "timestamps": [size for size, _ in facts.stamps],
    }


def _write(archive: zipfile.ZipFile, facts: _Facts, manifest: dict[str, Any]) -> None:
    for (seq, record), proof in zip(facts.records, facts.proofs, strict=True):
        archive.writestr(f"entries/{seq}.json", record)
        archive.writestr(f"proofs/{seq}.tlog-proof", _proof_text(seq, proof, facts.checkpoint))
    chain = "".join(
        json.dumps({"note": one.note, "consistency": [_base64(value) for value in step]}) + "\n"
        for one, step in facts.chain
    )
    archive.writestr("checkpoints.jsonl", chain)
    for size, reply in facts.stamps:
        archive.writestr(f"timestamps/{size}.tsr", reply)
    archive.writestr("checkpoint.txt", facts.checkpoint.note)
    archive.writestr("public_key.txt", manifest["public_key"] + "\n")
    archive.writestr("README.md", (files("core.ledger") / "evidence_readme.md").read_text("utf-8"))
    archive.writestr("manifest.json", json.dumps(manifest, ensure_ascii=False, indent=2) + "\n")


def _proof_text(seq: int, proof: Sequence[bytes], checkpoint: Checkpoint) -> str:
    """Write a proof as C2SP tlog-proof@v1."""
    hashes = "".join(_base64(value) + "\n" for value in proof)
    return f"c2sp.org/tlog-proof@v1\nindex {seq}\n{hashes}\n{checkpoint.note}"


def _base64(value: bytes) -> str:
    return base64.b64encode(value).decode()
