"""The findings of an inspection in the order in which a person looks at them."""

from qa.inspection.views import FindingView, InspectionDetail
from qa.lexicon.model import Severity


def worst_first(inspection: InspectionDetail | None) -> list[FindingView]:
    """Give the most severe first, and of these what was said earlier."""
    if inspection is None:
        return []
    return sorted(
        inspection.findings,
        key=lambda found: (-Severity(found.severity).rank, found.begin_ms, found.sentence_index or 0),
    )
