"""Wires the ground floor: what every process with a database shares."""

import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

from core.audit import AccessLog, AuditService
from core.blobs import BlobStore, LocalBlobStore
from core.clock import Clock, SystemClock
from core.config import Settings
from core.db import Database
from core.events import EventBus
from core.ledger import Ledger, LedgerService, LedgerSigner
from core.ledger.timestamping import Authority, Timestamps
from core.outbox import Outbox
from core.vault import Keyring, SubjectKeys, Vault


@dataclass(frozen=True, slots=True)
class Ground:
    """The collaborators that know no call and no phone."""

    settings: Settings
    clock: Clock
    database: Database
    vault: Vault
    subject_keys: SubjectKeys
    ledger: Ledger
    ledger_service: LedgerService
    outbox: Outbox
    bus: EventBus
    blobs: BlobStore
    access_log: AccessLog

    @property
    def audit(self) -> AuditService:
        """Who saw what."""
        return AuditService(self.database, ledger=self.ledger, notes=self.access_log)

    @property
    def timestamps(self) -> Timestamps:
        """An outside authority's word on when a checkpoint existed."""
        wanted = self.settings.ledger.timestamp
        authority = Authority(wanted.url, wanted.roots) if wanted.url and wanted.roots else None
        return Timestamps(
            self.database,
            self.ledger_service,
            self.clock,
            authority=authority,
            every=timedelta(seconds=wanted.interval_s),
        )


def load_keyring(settings: Settings) -> Keyring:
    """Read the keyring from the setting (environment, secrets folder), else from its file.

    Raises:
        KeyringMissing, KeyringInvalid: see `core.vault`.
    """
    if settings.keyring is not None:
        return Keyring.parse(settings.keyring.get_secret_value())
    return Keyring.load(settings.keyring_path)


@asynccontextmanager
async def open_ground(settings: Settings, clock: Clock | None = None) -> AsyncIterator[Ground]:
    """Open database and keys; close the database at the end."""
    clock = clock or SystemClock()
    keyring = load_keyring(settings)
    vault = Vault(keyring)
    database = Database(settings.database)
    signer = LedgerSigner(settings.ledger.origin, keyring.ledger)
    try:
        yield Ground(
            settings=settings,
            clock=clock,
            database=database,
            vault=vault,
            subject_keys=SubjectKeys(vault, clock),
            ledger=Ledger(clock),
            ledger_service=LedgerService(
                database=database,
                clock=clock,
                signer=signer,
                checkpoint_log=settings.data_dir / "ledger" / "checkpoints.log",
            ),
            outbox=Outbox(clock, lease_s=settings.outbox.lease_s),
            bus=EventBus(),
            blobs=LocalBlobStore(settings.data_dir / "blobs"),
            access_log=AccessLog(database, clock),
        )
    finally:
        await database.close()


def seed_of(settings: Settings) -> int:
    """Give a number that is the same for this deployment each time: line choice can be replayed."""
    return int.from_bytes(hashlib.sha256(settings.institution.encode()).digest()[:8])
