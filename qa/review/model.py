"""The words of review: where it stands, what was decided, what an objection came to."""

from enum import StrEnum


class ReviewState(StrEnum):
    """Where an inspection's review stands."""

    UNREVIEWED = "unreviewed"
    IN_REVIEW = "in_review"
    REVIEWED = "reviewed"


class Ruling(StrEnum):
    """What a reviewer says of a finding: it stands, or it does not."""

    CONFIRM = "confirm"
    OVERTURN = "overturn"


class Step(StrEnum):
    """One entry of a finding's history; `undo` takes back the ruling before it."""

    CONFIRM = "confirm"
    OVERTURN = "overturn"
    UNDO = "undo"


class AppealState(StrEnum):
    """What an objection came to: `accepted` overturned the finding, `rejected` confirmed it."""

    OPEN = "open"
    ACCEPTED = "accepted"
    REJECTED = "rejected"


class Priority(StrEnum):
    """Why an inspection stands where it stands in the queue, the most urgent first."""

    APPEAL = "appeal"
    SEVERE = "severe"
    SUSPECTED = "suspected"
    FOUND = "found"
    SAMPLE = "sample"
    REST = "rest"

    @property
    def rank(self) -> int:
        """Its place: 0 comes first."""
        return tuple(Priority).index(self)
