"""Blobs: large encrypted streams, written chunk by chunk and read by range."""

from core.blobs.local import LocalBlobStore
from core.blobs.memory import InMemoryBlobStore
from core.blobs.ports import (
    BlobBusy,
    BlobCorrupt,
    BlobInfo,
    BlobReader,
    BlobStore,
    BlobUnfinished,
    BlobUnknown,
    BlobUnwritable,
    BlobWriter,
)

__all__ = [
    "BlobBusy",
    "BlobCorrupt",
    "BlobInfo",
    "BlobReader",
    "BlobStore",
    "BlobUnfinished",
    "BlobUnknown",
    "BlobUnwritable",
    "BlobWriter",
    "InMemoryBlobStore",
    "LocalBlobStore",
]
