"""Statistics of the values, which SQLite's planner needs and nobody else makes."""

from datetime import UTC, datetime

from sqlalchemy import text

from core.access.models import Department
from core.db import Database
from core.ids import new_id


async def test_sqlite_knows_how_its_values_are_spread_after_an_analysis(database):
    async with database.begin() as session:
        for number in range(3):
            row = Department(id=new_id(), name=f"{number}", path=f"/{number}/", created_at=datetime.now(UTC))
            session.add(row)
    await database.analyse()
    if database.is_sqlite:
        async with database.read() as session:
            told = await session.scalar(
                text("SELECT count(*) FROM sqlite_stat1 WHERE tbl = 'access_departments'")
            )
        assert told > 0


async def test_a_list_of_a_team_is_read_in_its_order_not_sorted(sqlite_url):
    """Without statistics SQLite reads every row of the team and sorts them for a page of fifty."""
    database = Database(sqlite_url)
    async with database.begin() as session:
        await session.execute(
            text(
                "INSERT INTO gw_calls (id, contact_id, node, flow, direction, purpose, employee_id,"
                " department_id, customer_id, binding_id, line_id, decision, started_at, recorded_packets,"
                " relayed_packets, duration_ms) WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n"
                " WHERE i < 3000) SELECT printf('%032d', i), printf('%032d', i), 'n', 'staff', 'outbound',"
                " 'sales', 'e' || (i % 50), 'd' || (i % 5), 'c', 'b', 'l', 'allow', '2026-11-21', 0, 0, 0"
                " FROM n"
            )
        )
    await database.analyse()
    await database.close()
    reopened = Database(sqlite_url)
    async with reopened.read() as session:
        plan = await session.execute(
            text(
                "EXPLAIN QUERY PLAN SELECT * FROM gw_calls WHERE (employee_id = 'e1' OR department_id IN"
                " (SELECT id FROM access_departments WHERE path LIKE '/d1/%')) ORDER BY id DESC LIMIT 51"
            )
        )
        steps = [row[3] for row in plan]
    await reopened.close()
    assert not [step for step in steps if "TEMP B-TREE" in step], steps
