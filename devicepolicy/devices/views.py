"""Makes what readers see of a phone's row."""

from devicepolicy.capabilities.facts import Backend, DeviceFacts
from devicepolicy.devices.model import DeviceView, Status, Trust
from devicepolicy.devices.models import DeviceRow


def device_view(row: DeviceRow) -> DeviceView:
    """Show a phone."""
    return DeviceView(
        id=row.id,
        name=row.name,
        trust=row.trust,
        employee_id=row.employee_id,
        department_id=row.department_id,
        state=row.state,
        applied_state=row.applied_state,
        manufacturer=row.manufacturer,
        model=row.model,
        os_version=row.os_version,
        facts=DeviceFacts(row.api_level, row.mode, frozenset(Backend(name) for name in row.backends)),
        agent_version=row.agent_version,
        compliance=row.compliance,
        compliance_since=row.compliance_since,
        desired_version=row.desired_version,
        applied_version=row.applied_version,
        status=Status(**row.status),
        online=row.trust is Trust.TRUSTED and not row.offline,
        last_seen_at=row.last_seen_at,
        last_report_at=row.last_report_at,
        terms_version=row.terms_version,
        enrolled_at=row.enrolled_at,
        trusted_at=row.trusted_at,
        ended_at=row.ended_at,
        end_reason=row.end_reason,
        counts=row.settings.get("counts", {}),
    )
