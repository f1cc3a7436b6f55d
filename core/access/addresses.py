"""Where people sign in from: each address once, so that a new one can be told. Forgotten after 180 days."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address, ip_network

from sqlalchemy import delete, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from core.access.models import SignInAddress

FORGET_AFTER = timedelta(days=180)


@dataclass(frozen=True, slots=True)
class NewAddress:
    """An address that a person signed in from for the first time. `is_news`: from a network new to them.

    The first one of somebody is no news: there is nothing that it differs from.
    """

    employee_id: str
    source: str
    at: datetime
    is_news: bool


async def remember(session: AsyncSession, employee_id: str, source: str, now: datetime) -> None:
    """Note a sign-in, in its transaction."""
    insert = (postgresql if session.get_bind().dialect.name == "postgresql" else sqlite).insert
    new = insert(SignInAddress).values(
        employee_id=employee_id, source=source, first_seen_at=now, last_seen_at=now, judged=False
    )
    await session.execute(
        new.on_conflict_do_update(
            index_elements=[SignInAddress.employee_id, SignInAddress.source], set_={"last_seen_at": now}
        )
    )


async def new_addresses(session: AsyncSession, *, v4: int, v6: int) -> list[NewAddress]:
    """Give the addresses that are not judged yet, the oldest first; networks are of so many bits."""
    query = (
        select(SignInAddress).where(~SignInAddress.judged).order_by(SignInAddress.first_seen_at).limit(100)
    )
    found = []
    for row in (await session.scalars(query)).all():
        before = await session.scalars(
            select(SignInAddress.source).where(
                SignInAddress.employee_id == row.employee_id, SignInAddress.first_seen_at < row.first_seen_at
            )
        )
        known = {network(source, v4, v6) for source in before}
        news = bool(known) and network(row.source, v4, v6) not in known
        found.append(NewAddress(row.employee_id, row.source, row.first_seen_at, news))
    return found


async def judged_now(session: AsyncSession, address: NewAddress) -> bool:
    """Take this one as dealt with; False if somebody else already has."""
    taken = await session.scalars(
        update(SignInAddress)
        .where(
            SignInAddress.employee_id == address.employee_id,
            SignInAddress.source == address.source,
            ~SignInAddress.judged,
        )
        .values(judged=True)
        .returning(SignInAddress.source)
    )
    return taken.first() is not None


async def forget(session: AsyncSession, now: datetime) -> None:
    """Delete what nobody has used for long."""
    await session.execute(delete(SignInAddress).where(SignInAddress.last_seen_at < now - FORGET_AFTER))


def network(source: str, v4: int, v6: int) -> str:
    """Give the network of an address; what is no IP address stands for itself."""
    try:
        address = ip_address(source)
    except ValueError:
        return source
    mapped = getattr(address, "ipv4_mapped", None)
    address = mapped or address
    return str(ip_network((address, v4 if address.version == 4 else v6), strict=False))
