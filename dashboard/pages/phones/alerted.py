"""Where on the phones' pages stands what an alert is about."""

from collections.abc import Sequence

from core.access.model import Principal
from devicepolicy.permissions import UPLOAD_READ
from devicepolicy.uploads.build import Uploads
from qa.alert_queue import AlertLine


async def told_by_phones(
    uploads: Uploads, principal: Principal, lines: Sequence[AlertLine]
) -> dict[str, str]:
    """Give the addresses by the finding that raised the alert: of a conduct event, or of a phone's gaps."""
    ids = {line.alert.conduct_id for line in lines if line.alert.conduct_id}
    if not ids or not principal.allows(UPLOAD_READ):
        return {}
    gaps = await uploads.queries.missing_by_conduct(principal, ids)
    events = await uploads.desk.by_conduct(principal, ids)
    return {told: f"/phones/{device_id}/uploads#gaps" for told, device_id in gaps.items()} | {
        told: f"/conduct/{event_id}" for told, event_id in events.items()
    }
