"""The checkpoint log: every signed checkpoint once more, in a file outside the database.

Whoever owns the database can put an old copy back, but then it is older than this file says. Send the
file elsewhere (another host, a mail, paper): the farther, the better. One JSON object a line.
"""

import fcntl
import json
import os
from collections.abc import Sequence
from pathlib import Path

from core.files import sync_folder
from core.ledger.notes import Checkpoint, CheckpointInvalid, LedgerVerifier


class CheckpointLog:
    """An append-only file of signed notes, `{"note": "..."}` a line, in the order of signing."""

    def __init__(self, path: Path, verifier: LedgerVerifier) -> None:
        self._path = path
        self._verifier = verifier

    def read(self) -> list[Checkpoint]:
        """Read all checkpoints. A last line cut by a crash is skipped; any other damage raises.

        Raises:
            CheckpointInvalid: a line is not a checkpoint of this ledger.
        """
        return [self._verifier.read(note) for note in self.notes()]

    def notes(self) -> list[str]:
        """Read all notes without checking them."""
        try:
            raw = self._path.read_bytes()
        except FileNotFoundError:
            return []
        return [_note(line) for line in raw.split(b"\n")[:-1] if line.strip(b"\x00 ")]

    def last(self) -> Checkpoint | None:
        """Read the newest checkpoint, from the end of the file only."""
        try:
            with self._path.open("rb") as handle:
                handle.seek(0, os.SEEK_END)
                handle.seek(max(0, handle.tell() - 16384))
                lines = handle.read().split(b"\n")[:-1]
        except FileNotFoundError:
            return None
        return self._verifier.read(_note(lines[-1])) if lines else None

    def append(self, checkpoints: Sequence[Checkpoint]) -> None:
        """Write checkpoints and wait until they are on the disk."""
        if not checkpoints:
            return
        new = not self._path.exists()
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        lines = b"".join(json.dumps({"note": one.note}).encode() + b"\n" for one in checkpoints)
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            _drop_torn_line(descriptor)
            os.write(descriptor, lines)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        if new:
            sync_folder(self._path.parent)


def _drop_torn_line(descriptor: int) -> None:
    """Cut a last line without an end: a crash tore it, and the database still has its checkpoint."""
    size = os.fstat(descriptor).st_size
    start = max(0, size - 16384)
    tail = os.pread(descriptor, size - start, start)
    if tail and not tail.endswith(b"\n"):
        os.ftruncate(descriptor, start + tail.rfind(b"\n") + 1)


def _note(line: bytes) -> str:
    try:
        note = json.loads(line)["note"]
    except (ValueError, KeyError, TypeError):
        raise CheckpointInvalid from None
    if not isinstance(note, str):
        raise CheckpointInvalid
    return note
