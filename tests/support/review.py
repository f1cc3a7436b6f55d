"""A reviewers' desk for tests: the inspection desk with the review slice wired as the house does it."""

from dataclasses import dataclass

from core.access.model import Role
from core.clock import ManualClock
from core.db import Database
from qa.alerts import AlertService
from qa.inspection.events import InspectionDone
from qa.inspection.rulebook import own_rulebook
from qa.inspection.views import FindingView
from qa.memory import ScriptedTranscriber
from qa.review.book import ReviewBook
from qa.review.build import Reviews, build_reviews
from qa.review.model import Ruling
from qa.review.policy import Sampler, own_policy
from qa.review.views import FindingReview, InspectionReview
from tests.support.inspection import AGENT, InspectionDesk, principal, say

BAD = say(
    ("staff", "您好，我是示例金融的催收员。"),
    ("staff", "你再不还钱，我就告诉你家人和同事，让你单位都知道。"),
    ("staff", "你个王八蛋，臭不要脸。"),
)
CLEAN = say(("staff", "您好，我是示例金融的客户经理。"), ("customer", "好的。"))
SUSPECTED = say(("staff", "告诉你家仁"), confidence=0.3)
FIRST, SECOND = principal(Role.REVIEWER, "1" * 32), principal(Role.REVIEWER, "2" * 32)
INSPECTED = principal(Role.AGENT, AGENT)


@dataclass
class ReviewDesk:
    """Calls come in inspected; `reviews` is the slice under test."""

    database: Database
    clock: ManualClock
    percent: int = 50

    def __post_init__(self) -> None:
        self.desk = InspectionDesk(self.database, self.clock)
        self.policy = own_policy().model_copy(update={"clean_percent": self.percent})
        self.book = ReviewBook(self.policy, Sampler(b"k" * 32, self.percent))
        self.desk.bus.subscribe(InspectionDone, self.book.on_inspected)
        self.reviews = self.on(self.database)
        self.reader, self.service, self.appeals = (
            self.reviews.reader, self.reviews.service, self.reviews.appeals,
        )  # fmt: skip

    def on(self, database: Database) -> Reviews:
        """Give the slice over another connection, for two at once."""
        desk = self.desk
        alerts = AlertService(
            database=database, clock=self.clock, bus=desk.bus, ledger=desk.ledger, sealer=desk.sealer
        )
        return build_reviews(
            self.book,
            database=database,
            clock=self.clock,
            bus=desk.bus,
            ledger=desk.ledger,
            sealer=desk.sealer,
            rulebook=own_rulebook(),
            alerts=alerts,
        )

    async def inspected(self, sentences: object = BAD, *, agent: str = AGENT) -> str:
        """Let a call come in and be inspected; gives the inspection's id."""
        service = self.desk.build(ScriptedTranscriber(sentences))  # type: ignore[arg-type]
        facts = await self.desk.call(agent=agent)
        return await service.inspect(facts.contact_id)

    async def findings(self, inspection_id: str) -> tuple[FindingView, ...]:
        return (await self.desk.reader.get(FIRST, inspection_id)).findings

    async def shown(self, inspection_id: str, who: object = FIRST) -> InspectionReview:
        return await self.reader.of_inspection(who, inspection_id)  # type: ignore[arg-type]

    async def of(self, finding_id: str, who: object = FIRST) -> FindingReview:
        return await self.reader.of_finding(who, finding_id)  # type: ignore[arg-type]

    async def decide(
        self, finding_id: str, ruling: Ruling, comment: str = "", *, who: object = FIRST
    ) -> None:
        """Decide by what the reviewer sees now."""
        seen = await self.of(finding_id, who)
        await self.service.decide(
            who,
            finding_id,
            ruling,
            comment=comment,
            revision=seen.revision,  # type: ignore[arg-type]
        )


__all__ = ["BAD", "CLEAN", "FIRST", "INSPECTED", "SECOND", "SUSPECTED", "ReviewDesk"]
