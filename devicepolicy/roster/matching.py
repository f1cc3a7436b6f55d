"""Compares a file's lines with what is there: who is meant, and which phones are on a list already."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from core.access.models import Department, Employee, EmployeeState
from core.sealed import BlindIndex
from core.sheets.faults import Fault, RowRefusal, refusal
from core.vault import Vault
from devicepolicy.roster.hardware import blind
from devicepolicy.roster.model import Draft
from devicepolicy.roster.models import ListedHardwareRow, ListedPhoneRow

CHUNK = 400
Holder = tuple[str | None, str | None]


@dataclass(frozen=True, slots=True, repr=False)
class Matched:
    """What can be added. `holders`: employee and department by line; `known`: lines that change nothing."""

    good: tuple[Draft, ...]
    holders: Mapping[int, Holder]
    known: int
    refusals: tuple[RowRefusal, ...]


async def match(session: AsyncSession, vault: Vault, drafts: Sequence[Draft]) -> Matched:
    """Sort lines out against the database."""
    people, places = await _people(session, drafts), await _places(session, drafts)
    hashes = {value: blind(vault, value) for draft in drafts for value in draft.hardware.values()}
    listed = await _listed(session, list(hashes.values()))
    good: list[Draft] = []
    holders: dict[int, Holder] = {}
    refusals: list[RowRefusal] = []
    known = 0
    for draft in drafts:
        holder, faults = _holder(draft, people, places)
        earlier = {hashes[value]: listed.get(hashes[value]) for value in draft.hardware.values()}
        found = [phone for phone in earlier.values() if phone is not None]
        if found and not faults and len(found) == len(earlier) and _same(draft, holder, found):
            known += 1
            continue
        if found:
            zh = "清单上已有这台手机，内容不同；要改动请先从清单移除。"
            en = "This phone is listed already, and differs; remove it from the list first to change it."
            faults.append(Fault(next(iter(draft.hardware)).value, "already-listed", zh, en))
        refusals += [refusal(draft.number, fault) for fault in faults]
        if not faults:
            good.append(draft)
            holders[draft.number] = holder
    return Matched(tuple(good), holders, known, tuple(refusals))


def _same(draft: Draft, holder: Holder, found: Sequence[ListedPhoneRow]) -> bool:
    phone = found[0]
    kept = (phone.asset_number, phone.model, phone.employee_id, phone.department_id)
    return {one.id for one in found} == {phone.id} and kept == (draft.asset_number, draft.model, *holder)


def _holder(
    draft: Draft, people: Mapping[str, Employee], places: Mapping[str, Sequence[Department]]
) -> tuple[Holder, list[Fault]]:
    """Find who is meant; with an employee the department is theirs, as it is for invitations."""
    employee = people.get(draft.employee)
    if draft.employee:
        if employee is None or employee.state is not EmployeeState.ACTIVE:
            zh, en = "没有这个在职员工账号。", "There is no active employee with this user name."
            return (None, None), [Fault("employee", "employee-unknown", zh, en)]
        return (employee.id, employee.department_id), []
    if not draft.department:
        return (None, None), []
    found = places.get(draft.department, ())
    if len(found) != 1:
        zh = "部门不存在。" if not found else "有多个同名部门，请改填员工账号。"
        en = "There is no such department." if not found else "Several departments have this name."
        return (None, None), [Fault("department", "department-unknown", zh, en)]
    return (None, found[0].id), []


async def _people(session: AsyncSession, drafts: Sequence[Draft]) -> dict[str, Employee]:
    names = sorted({draft.employee for draft in drafts if draft.employee})
    found: dict[str, Employee] = {}
    for start in range(0, len(names), CHUNK):
        query = select(Employee).where(Employee.username.in_(names[start : start + CHUNK]))
        found |= {one.username: one for one in await session.scalars(query)}
    return found


async def _places(session: AsyncSession, drafts: Sequence[Draft]) -> dict[str, list[Department]]:
    names = sorted({draft.department for draft in drafts if draft.department})
    found: dict[str, list[Department]] = {}
    for start in range(0, len(names), CHUNK):
        query = select(Department).where(Department.name.in_(names[start : start + CHUNK]))
        for one in await session.scalars(query):
            found.setdefault(one.name, []).append(one)
    return found


async def _listed(session: AsyncSession, hashes: Sequence[BlindIndex]) -> dict[BlindIndex, ListedPhoneRow]:
    found: dict[BlindIndex, ListedPhoneRow] = {}
    for start in range(0, len(hashes), CHUNK):
        query = (
            select(ListedHardwareRow.hardware, ListedPhoneRow)
            .join(ListedPhoneRow, ListedPhoneRow.id == ListedHardwareRow.phone_id)
            .where(ListedHardwareRow.hardware.in_(hashes[start : start + CHUNK]))
        )
        found |= dict((await session.execute(query)).all())
    return found
