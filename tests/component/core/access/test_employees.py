"""Administration: who may change whom, what ends at once, and the tree of departments."""

import asyncio

import pytest
from sqlalchemy import select

from core.access.departments import MAX_DEPTH, DepartmentChange
from core.access.employees import EmployeeFilter, NewEmployee
from core.access.errors import (
    AdministratorPresent,
    DepartmentNameTaken,
    DepartmentTreeInvalid,
    DepartmentUnknown,
    EmployeeUnknown,
    LastAdministrator,
    LoginRefused,
    RolesIncompatible,
    SelfChange,
    SessionUnknown,
    UsernameTaken,
)
from core.access.events import EmployeeSuspended
from core.access.model import Role
from core.access.models import Employee, EmployeeRole, EmployeeState, Stage
from core.access.sessions import hash_token
from core.errors import Forbidden
from tests.support.access import PASSWORD


async def test_the_first_administrator(office):
    employees = office.access.employees
    made = await employees.create_first_administrator("root", "管理员")
    assert made.employee.roles == (Role.ADMINISTRATOR,)
    assert made.password not in repr(made)
    assert (await office.log_in("root", made.password)).stage is Stage.CHANGE_PASSWORD
    with pytest.raises(AdministratorPresent):
        await employees.create_first_administrator("root2", "管理员")
    with pytest.raises(UsernameTaken):
        await employees.create_first_administrator("root", "管理员", even_if_present=True)
    await employees.create_first_administrator("root2", "管理员", even_if_present=True)


async def test_names_are_taken_once(office):
    await office.hire(username="zhangsan")
    with pytest.raises(UsernameTaken):
        await office.hire(username="ZhangSan")


@pytest.mark.parametrize("roles", [set(), {Role.AUDITOR, Role.ADMINISTRATOR}, {Role.AUDITOR, Role.AGENT}])
async def test_an_auditor_is_nothing_else(office, roles):
    with pytest.raises(RolesIncompatible):
        await office.access.employees.create(office.root, NewEmployee("x1", "甲", frozenset(roles)))
    made = await office.hire(Role.AGENT, Role.SUPERVISOR)
    with pytest.raises(RolesIncompatible):
        await office.access.employees.set_roles(office.root, made.employee.id, roles)


async def test_suspending_ends_sessions_at_once_and_tells(office):
    made = await office.ready()
    opened = [await office.log_in(made.employee.username) for _ in range(2)]
    seen = await office.access.employees.suspend(office.root, made.employee.id)
    assert (seen.state, seen.suspended_at) == (EmployeeState.SUSPENDED, office.clock.now())
    for session in opened:
        assert await office.access.sessions.authenticate(session.token) is None
    assert [event.employee_id for event in office.suspended] == [made.employee.id]
    await office.access.employees.suspend(office.root, made.employee.id)
    assert len(office.suspended) == 1
    with pytest.raises(LoginRefused):
        await office.log_in(made.employee.username)
    await office.access.employees.reactivate(office.root, made.employee.id)
    assert (await office.log_in(made.employee.username)).stage is Stage.FULL
    # the last entries: suspended (once), the refused log-in, reactivated, accepted
    assert [kind for kind, _ in await office.ledger()][-4:] == [
        "employee.suspended",
        "login.refused",
        "employee.reactivated",
        "login.password-accepted",
    ]


async def test_a_failing_listener_undoes_the_suspension(office, database):
    made = await office.ready()
    opened = await office.log_in(made.employee.username)

    async def fail(session, event):
        raise RuntimeError

    office.bus.subscribe(EmployeeSuspended, fail)
    with pytest.raises(RuntimeError):
        await office.access.employees.suspend(office.root, made.employee.id)
    assert await office.access.sessions.authenticate(opened.token) is not None
    assert "employee.suspended" not in [kind for kind, _ in await office.ledger()]


async def test_suspension_within_a_larger_transaction(office, database):
    made = await office.ready()
    async with database.begin() as session:
        await office.access.employees.suspend_in(session, made.employee.id, by=None)
    assert (await office.access.employees.get(office.root, made.employee.id)).state is EmployeeState.SUSPENDED
    async with database.begin() as session:
        with pytest.raises(EmployeeUnknown):
            await office.access.employees.suspend_in(session, "0" * 32, by=None)


async def test_a_suspended_employee_has_no_session_even_if_the_row_is_there(office, database):
    made = await office.ready()
    opened = await office.log_in(made.employee.username)
    async with database.begin() as session:
        (await session.get(Employee, made.employee.id)).state = EmployeeState.SUSPENDED
    assert await office.access.sessions.authenticate(opened.token) is None


async def test_nobody_changes_their_own_rights(office):
    made = await office.hire(Role.ADMINISTRATOR)
    await office.hire(Role.ADMINISTRATOR)
    me = office.principal(Role.ADMINISTRATOR, employee_id=made.employee.id)
    employees = office.access.employees
    for attempt in (
        employees.suspend(me, me.id),
        employees.set_roles(me, me.id, {Role.AUDITOR}),
        employees.move(me, me.id, None),
        employees.reset_password(me, me.id),
        employees.remove_second_factor(me, me.id),
    ):
        with pytest.raises(SelfChange):
            await attempt


async def test_the_last_administrator_stays(office):
    made = await office.hire(Role.ADMINISTRATOR)
    employees = office.access.employees
    with pytest.raises(LastAdministrator):
        await employees.suspend(office.root, made.employee.id)
    with pytest.raises(LastAdministrator):
        await employees.set_roles(office.root, made.employee.id, {Role.AGENT})
    other = await office.hire(Role.ADMINISTRATOR)
    await employees.suspend(office.root, other.employee.id)
    with pytest.raises(LastAdministrator):
        await employees.suspend(office.root, made.employee.id)


async def test_two_administrators_cannot_suspend_each_other_at_once(office):
    first, second = [await office.hire(Role.ADMINISTRATOR) for _ in range(2)]
    answers = await asyncio.gather(
        office.access.employees.suspend(office.root, first.employee.id),
        office.access.employees.suspend(office.root, second.employee.id),
        return_exceptions=True,
    )
    assert [type(answer) for answer in answers].count(LastAdministrator) == 1


async def test_new_roles_count_from_the_next_request(office, database):
    made = await office.ready()
    opened = await office.log_in(made.employee.username)
    await office.access.employees.set_roles(office.root, made.employee.id, [Role.REVIEWER])
    assert await office.access.sessions.authenticate(opened.token) is None
    opened = await office.log_in(made.employee.username)
    async with database.begin() as session:  # as another process would
        row = await session.get(EmployeeRole, (made.employee.id, Role.REVIEWER))
        await session.delete(row)
    assert (await office.who(opened)).grants == {}


async def test_a_reset_password_ends_sessions_and_must_be_changed(office):
    made = await office.ready()
    opened = await office.log_in(made.employee.username)
    reset = await office.access.employees.reset_password(office.root, made.employee.id)
    assert await office.access.sessions.authenticate(opened.token) is None
    assert (await office.log_in(made.employee.username, reset.password)).stage is Stage.CHANGE_PASSWORD


async def test_only_those_with_the_permission(office):
    made = await office.hire()
    for role in (Role.AGENT, Role.SUPERVISOR, Role.REVIEWER, Role.AUDITOR):
        who = office.principal(role)
        employees = office.access.employees
        for attempt in (
            employees.create(who, NewEmployee("zz", "甲", frozenset({Role.AGENT}))),
            employees.suspend(who, made.employee.id),
            employees.set_roles(who, made.employee.id, {Role.ADMINISTRATOR}),
            office.access.departments.create(who, "甲", None),
            office.access.session_admin.end_all(who, made.employee.id),
        ):
            with pytest.raises(Forbidden):
                await attempt


async def test_a_supervisor_sees_the_own_branch_only(office):
    tree = office.access.departments
    top = await tree.create(office.root, "总部", None)
    mine = await tree.create(office.root, "一部", top.id)
    below = await tree.create(office.root, "一组", mine.id)
    other = await tree.create(office.root, "二部", top.id)
    places = {}
    for department in (top, mine, below, other):
        made = await office.hire(department_id=department.id)
        places[department.id] = made.employee.id
    who = office.principal(Role.SUPERVISOR, path=mine.path, department_id=mine.id)
    listed, following = await office.access.employees.page(who, EmployeeFilter(), cursor=None, limit=50)
    assert {seen.id for seen in listed} == {places[mine.id], places[below.id]}
    assert following is None
    with pytest.raises(EmployeeUnknown):
        await office.access.employees.get(who, places[other.id])
    await office.access.employees.get(who, places[below.id])


async def test_lists_go_page_by_page(office):
    made = [(await office.hire()).employee.id for _ in range(5)]
    await office.access.employees.suspend(office.root, made[4])
    seen, cursor = [], None
    while True:
        page, cursor = await office.access.employees.page(
            office.root, EmployeeFilter(state=EmployeeState.ACTIVE), cursor=cursor, limit=2
        )
        seen += [view.id for view in page]
        if cursor is None:
            break
    assert seen == made[:4]


async def test_moving_to_a_department(office):
    department = await office.access.departments.create(office.root, "一部", None)
    made = await office.ready()
    opened = await office.log_in(made.employee.username)
    await office.access.employees.move(office.root, made.employee.id, department.id)
    assert (await office.who(opened)).department_path == department.path
    with pytest.raises(DepartmentUnknown):
        await office.access.employees.move(office.root, made.employee.id, "0" * 32)


async def test_own_sessions_only(office):
    made = await office.ready()
    other = await office.full()
    await office.log_in(made.employee.username)
    who = await office.who(await office.log_in(made.employee.username))
    mine = await office.access.session_admin.own(who)
    assert len(mine) == 3
    assert {seen.employee_id for seen in mine} == {made.employee.id}
    with pytest.raises(SessionUnknown):
        await office.access.session_admin.end_own(who, other.session_id)
    await office.access.session_admin.end_own(who, mine[1].id)
    assert len(await office.access.session_admin.own(who)) == 2
    assert await office.access.session_admin.end_all(office.root, made.employee.id) == 2
    assert await office.access.session_admin.of(office.root, made.employee.id) == []


async def test_a_branch_moves_with_everything_below(office):
    tree = office.access.departments
    top = await tree.create(office.root, "甲", None)
    other = await tree.create(office.root, "乙", None)
    child = await tree.create(office.root, "丙", top.id)
    leaf = await tree.create(office.root, "丁", child.id)
    await tree.change(office.root, child.id, DepartmentChange("丙二", other.id))
    seen = {item.id: item for item in await tree.tree(office.root)}
    assert seen[child.id].path == f"{other.path}{child.id}/"
    assert seen[leaf.id].path == f"{other.path}{child.id}/{leaf.id}/"
    assert seen[child.id].name == "丙二"
    assert [item.id for item in await tree.tree(office.root)][-1] == leaf.id


async def test_the_tree_stays_a_tree(office):
    tree = office.access.departments
    top = await tree.create(office.root, "甲", None)
    child = await tree.create(office.root, "乙", top.id)
    for parent in (top.id, child.id):
        with pytest.raises(DepartmentTreeInvalid):
            await tree.change(office.root, top.id, DepartmentChange("甲", parent))
    with pytest.raises(DepartmentNameTaken):
        await tree.create(office.root, "甲", None)
    with pytest.raises(DepartmentNameTaken):
        await tree.create(office.root, "乙", top.id)
    with pytest.raises(DepartmentUnknown):
        await tree.create(office.root, "丙", "0" * 32)
    deep = top.id
    for level in range(MAX_DEPTH - 1):
        deep = (await tree.create(office.root, f"层{level}", deep)).id
    with pytest.raises(DepartmentTreeInvalid):
        await tree.create(office.root, "太深", deep)


async def test_two_departments_cannot_move_below_each_other_at_once(office):
    tree = office.access.departments
    first = await tree.create(office.root, "甲", None)
    second = await tree.create(office.root, "乙", None)
    answers = await asyncio.gather(
        tree.change(office.root, first.id, DepartmentChange("甲", second.id)),
        tree.change(office.root, second.id, DepartmentChange("乙", first.id)),
        return_exceptions=True,
    )
    assert [type(answer) for answer in answers].count(DepartmentTreeInvalid) == 1


async def test_passwords_are_argon2id(office, database):
    made = await office.ready()
    async with database.read() as session:
        stored = await session.scalar(select(Employee.password_hash).where(Employee.id == made.employee.id))
    assert stored.startswith("$argon2id$")
    assert PASSWORD not in stored
    assert hash_token(PASSWORD) not in stored


async def test_one_session_of_somebody_ends_and_the_others_stay(office) -> None:
    made = await office.ready(Role.AGENT)
    first = await office.log_in(made.employee.username)
    second = await office.log_in(made.employee.username)
    root = office.root
    sessions = office.access.session_admin
    await sessions.end_one(root, made.employee.id, first.session_id)
    left = {seen.id for seen in await sessions.of(root, made.employee.id)}
    assert second.session_id in left
    assert first.session_id not in left
    with pytest.raises(SessionUnknown):
        await sessions.end_one(root, made.employee.id, first.session_id)
    other = await office.ready(Role.AGENT)
    with pytest.raises(SessionUnknown):
        await sessions.end_one(root, other.employee.id, second.session_id)
    assert [kind for kind, _ in await office.ledger()].count("employee.session-ended") == 1
