"""What a phone's hardware id amounts to. It is the phone's own word until a phone can prove it."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from core.access.models import Department
from core.sealed import BlindIndex
from devicepolicy.devices.model import Trust
from devicepolicy.devices.models import DeviceRow
from devicepolicy.roster.model import Claim, Flag
from devicepolicy.roster.models import DeviceListRow, ListedHardwareRow, ListedPhoneRow

_LIVE = (Trust.TRUSTED, Trust.PENDING)


async def listed_phone(session: AsyncSession, hardware: BlindIndex) -> ListedPhoneRow | None:
    """Lock the listed phone that has this id, so that nobody rejects it meanwhile; None: it is on no list."""
    query = (
        select(ListedPhoneRow)
        .join(ListedHardwareRow, ListedHardwareRow.phone_id == ListedPhoneRow.id)
        .where(ListedHardwareRow.hardware == hardware)
        .with_for_update(of=ListedPhoneRow)
    )
    phone: ListedPhoneRow | None = await session.scalar(query.execution_options(populate_existing=True))
    return phone


async def claims_of(session: AsyncSession, devices: Sequence[DeviceRow]) -> dict[str, Claim]:
    """Weigh what these phones claim, by their ids here."""
    hashes = {row.hardware for row in devices}
    listed = await _listed(session, hashes)
    others = await _others(session, hashes)
    wanted = {phone.department_id for phone, _ in listed.values()} | {row.department_id for row in devices}
    paths = await _paths(session, {place for place in wanted if place is not None})
    found = {}
    for row in devices:
        flags = []
        if others.get(row.hardware, set()) - {row.id}:
            flags.append(Flag.ALREADY_ENROLLED)
        phone, source = listed.get(row.hardware, (None, None))
        if phone is None or source is None:
            found[row.id] = Claim(flags=tuple(flags))
            continue
        if _for_another(phone, row, paths):
            flags.append(Flag.LISTED_FOR_ANOTHER)
        found[row.id] = Claim(
            phone_id=phone.id,
            list_name=source.name,
            asset_number=phone.asset_number,
            model=phone.model,
            employee_id=phone.employee_id,
            department_id=phone.department_id,
            rejected=phone.rejected_at is not None,
            admits_by=source.taken_by if source.admits else None,
            flags=tuple(flags),
        )
    return found


def _for_another(phone: ListedPhoneRow, row: DeviceRow, paths: dict[str, str]) -> bool:
    """Whether the list means another employee, or a department that the phone's is not within."""
    if phone.employee_id is not None:
        return row.employee_id != phone.employee_id
    if phone.department_id is None:
        return False
    wanted, own = paths.get(phone.department_id), paths.get(row.department_id or "")
    return wanted is not None and (own is None or not own.startswith(wanted))


async def _listed(
    session: AsyncSession, hashes: set[BlindIndex]
) -> dict[BlindIndex, tuple[ListedPhoneRow, DeviceListRow]]:
    query = (
        select(ListedHardwareRow.hardware, ListedPhoneRow, DeviceListRow)
        .join(ListedPhoneRow, ListedPhoneRow.id == ListedHardwareRow.phone_id)
        .join(DeviceListRow, DeviceListRow.id == ListedPhoneRow.list_id)
        .where(ListedHardwareRow.hardware.in_(hashes))
    )
    return {hardware: (phone, source) for hardware, phone, source in (await session.execute(query)).all()}


async def _others(session: AsyncSession, hashes: set[BlindIndex]) -> dict[BlindIndex, set[str]]:
    query = select(DeviceRow.hardware, DeviceRow.id).where(
        DeviceRow.hardware.in_(hashes), DeviceRow.trust.in_(_LIVE)
    )
    found: dict[BlindIndex, set[str]] = {}
    for hardware, device_id in (await session.execute(query)).all():
        found.setdefault(hardware, set()).add(device_id)
    return found


async def _paths(session: AsyncSession, ids: set[str]) -> dict[str, str]:
    query = select(Department.id, Department.path).where(Department.id.in_(ids))
    return dict((await session.execute(query)).all())
