"""Puts the parts of review together, and enters every finished inspection into its book."""

from dataclasses import dataclass

from core.clock import Clock
from core.db import Database
from core.events import EventBus
from core.ledger import Ledger
from core.vault import Vault
from qa.alerts import AlertService
from qa.inspection.events import InspectionDone
from qa.inspection.rulebook import Rulebook
from qa.inspection.sealing import Sealer
from qa.review.appeals import AppealService
from qa.review.book import ReviewBook
from qa.review.policy import SECRET_NAME, ReviewPolicy, Sampler, own_policy
from qa.review.reading import ReviewReader
from qa.review.service import ReviewService


@dataclass(frozen=True, slots=True)
class Reviews:
    """What pages and endpoints need of review."""

    reader: ReviewReader
    service: ReviewService
    appeals: AppealService


def review_book(vault: Vault, bus: EventBus, policy: ReviewPolicy | None = None) -> ReviewBook:
    """Make the book and let it hear of finished inspections; hearing twice does no harm."""
    policy = policy or own_policy()
    book = ReviewBook(policy, Sampler(vault.secret(SECRET_NAME).reveal(), policy.clean_percent))
    bus.subscribe(InspectionDone, book.on_inspected)
    return book


def build_reviews(
    book: ReviewBook,
    *,
    database: Database,
    clock: Clock,
    bus: EventBus,
    ledger: Ledger,
    sealer: Sealer,
    rulebook: Rulebook,
    alerts: AlertService,
) -> Reviews:
    """Build the services around a book."""
    return Reviews(
        reader=ReviewReader(database=database, clock=clock, sealer=sealer, policy=book.policy),
        service=ReviewService(
            database=database,
            clock=clock,
            bus=bus,
            ledger=ledger,
            sealer=sealer,
            rulebook=rulebook,
            alerts=alerts,
            book=book,
        ),
        appeals=AppealService(
            database=database, clock=clock, bus=bus, ledger=ledger, sealer=sealer, book=book
        ),
    )
