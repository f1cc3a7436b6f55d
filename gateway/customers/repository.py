"""SQL of customers: rows by id, by index and by filter, within what a principal may see."""

from collections.abc import Collection, Sequence

from sqlalchemy import Select, delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from core.access.model import Principal
from core.access.scope import scope_clause
from core.sealed import BlindIndex
from core.web.paging import paginate
from gateway.customers.errors import CustomerUnknown
from gateway.customers.model import CustomerFilter
from gateway.customers.models import CustomerRow, CustomerTagRow
from gateway.customers.sealing import CustomerSealing, is_surname

BATCH = 500


async def fetch(
    session: AsyncSession, principal: Principal, permission: str, customer_id: str, *, lock: bool = False
) -> CustomerRow:
    """Give a customer within the principal's scope, or raise `CustomerUnknown`."""
    query = select(CustomerRow).where(
        CustomerRow.id == customer_id,
        scope_clause(principal, permission, owner=CustomerRow.owner_id, department=CustomerRow.department_id),
    )
    row = await session.scalar(query.with_for_update() if lock else query)
    if row is None:
        raise CustomerUnknown
    return row


def matching(
    principal: Principal, permission: str, wanted: CustomerFilter, sealing: CustomerSealing
) -> Select[CustomerRow]:
    """Select the customers within the principal's scope that fit a filter."""
    query = select(CustomerRow).where(
        CustomerRow.erased_at.is_(None),
        scope_clause(principal, permission, owner=CustomerRow.owner_id, department=CustomerRow.department_id),
    )
    if wanted.name:
        by_surname = CustomerRow.surname_index == sealing.surname_index(wanted.name)
        by_name = CustomerRow.name_index == sealing.name_index(wanted.name)
        query = query.where(by_surname if is_surname(wanted.name) else by_name)
    if wanted.last_four:
        query = query.where(CustomerRow.last_four_index == sealing.last_four_index(wanted.last_four))
    if wanted.owner_id:
        query = query.where(CustomerRow.owner_id == wanted.owner_id)
    if wanted.tag:
        tagged = select(CustomerTagRow.customer_id).where(CustomerTagRow.tag == wanted.tag)
        query = query.where(CustomerRow.id.in_(tagged))
    return query


async def find_page(
    session: AsyncSession,
    principal: Principal,
    permission: str,
    wanted: CustomerFilter,
    sealing: CustomerSealing,
    *,
    cursor: str | None,
    limit: int,
) -> tuple[Sequence[CustomerRow], str | None]:
    """Give one page of customers, newest first."""
    query = matching(principal, permission, wanted, sealing)
    return await paginate(session, query, key=CustomerRow.id, cursor=cursor, limit=limit)


async def tags_of(session: AsyncSession, customer_ids: Collection[str]) -> dict[str, tuple[str, ...]]:
    """Give the tags of many customers, sorted."""
    tags: dict[str, list[str]] = {customer_id: [] for customer_id in customer_ids}
    query = select(CustomerTagRow).where(CustomerTagRow.customer_id.in_(customer_ids))
    for row in await session.scalars(query.order_by(CustomerTagRow.tag)):
        tags[row.customer_id].append(row.tag)
    return {customer_id: tuple(values) for customer_id, values in tags.items()}


async def put_tags(session: AsyncSession, customer_id: str, tags: Collection[str]) -> None:
    """Replace a customer's tags."""
    await session.execute(delete(CustomerTagRow).where(CustomerTagRow.customer_id == customer_id))
    session.add_all(CustomerTagRow(customer_id=customer_id, tag=tag) for tag in tags)


async def known_phones(session: AsyncSession, indexes: Sequence[BlindIndex]) -> set[BlindIndex]:
    """Tell which of these numbers already belong to a customer."""
    known: set[BlindIndex] = set()
    for start in range(0, len(indexes), BATCH):
        part = indexes[start : start + BATCH]
        query = select(CustomerRow.phone_index).where(CustomerRow.phone_index.in_(part))
        known.update(index for index in await session.scalars(query) if index is not None)
    return known


async def known_external_ids(session: AsyncSession, external_ids: Sequence[str]) -> set[str]:
    """Tell which of these external ids are taken."""
    known: set[str] = set()
    for start in range(0, len(external_ids), BATCH):
        part = external_ids[start : start + BATCH]
        query = select(CustomerRow.external_id).where(CustomerRow.external_id.in_(part))
        known.update(value for value in await session.scalars(query) if value is not None)
    return known
