"""One process at a time: a lock on a file, which the system frees when its holder dies, however it dies."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from core.errors import MasklineError


@contextmanager
def alone(path: Path, otherwise: type[MasklineError]) -> Iterator[None]:
    """Hold the lock while the block runs; raise `otherwise` if another process holds it."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        raise otherwise from None
    try:
        yield
    finally:
        os.close(handle)
