"""Unusual access: what a rule found, how far the log is judged, where people sign in from.

The access log gets what administrators do, and how many things an access took along. What the ledger had of
that before is repeated, as far as the log has followed the ledger; it goes on from there by itself.

Revision: 0005, after 0004.
"""

import json
from typing import Any

import sqlalchemy as sa
from alembic import op

from core.ids import new_id

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

# kind: where the entry keeps the target, the customer, the detail
_NEW: dict[str, tuple[str, str | None, str | None]] = {
    "offboarding.bundle-taken": ("offboarding", None, None),
    "customer.erased": ("customer", "customer", None),
    "command.issued": ("device_id", None, "kind"),
    "offboarding.begun": ("employee", None, None),
    "employee.created": ("employee_id", None, None),
    "employee.roles-set": ("employee_id", None, None),
    "employee.password-reset": ("employee_id", None, None),
    "employee.second-factor-removed": ("employee_id", None, None),
}
_LOG = sa.table(
    "core_access_log",
    *(
        sa.column(name)
        for name in ("id", "kind", "actor_id", "target_id", "customer_id", "detail", "amount", "ledger_seq")
    ),
    sa.column("at", sa.DateTime(timezone=True)),
)
_ENTRIES = sa.table(
    "core_ledger_entries",
    *(sa.column(name) for name in ("seq", "kind", "record")),
    sa.column("created_at", sa.DateTime(timezone=True)),
)
_BATCH = 500


def upgrade() -> None:
    op.add_column("core_access_log", sa.Column("amount", sa.Integer(), nullable=True))
    op.create_table(
        "core_unusual_access",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("rule_id", sa.String(length=24), nullable=False),
        sa.Column("rules_version", sa.String(length=32), nullable=False),
        sa.Column("employee_id", sa.String(length=32), nullable=False),
        sa.Column("other_id", sa.String(length=32), nullable=True),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen", sa.Integer(), nullable=False),
        sa.Column("most", sa.Integer(), nullable=False),
        sa.Column("window_s", sa.Integer(), nullable=False),
        sa.Column("usual", sa.Integer(), nullable=True),
        sa.Column("told_seen", sa.Integer(), nullable=False),
        sa.Column("found_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_core_unusual_access")),
    )
    op.create_index(
        "ix_core_unusual_access_person", "core_unusual_access", ["employee_id", "rule_id", "until"]
    )
    op.create_table(
        "core_unusual_judged",
        sa.Column("name", sa.String(length=16), nullable=False),
        sa.Column("line_id", sa.String(length=32), nullable=False),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_core_unusual_judged")),
    )
    op.create_table(
        "access_sign_in_addresses",
        sa.Column("employee_id", sa.String(length=32), nullable=False),
        sa.Column("source", sa.String(length=45), nullable=False),
        sa.Column("first_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("judged", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["employee_id"],
            ["access_employees.id"],
            name=op.f("fk_access_sign_in_addresses_employee_id_access_employees"),
        ),
        sa.PrimaryKeyConstraint("employee_id", "source", name=op.f("pk_access_sign_in_addresses")),
    )
    op.create_index(
        "ix_access_sign_in_addresses_judged", "access_sign_in_addresses", ["judged", "first_seen_at"]
    )
    _repeat_what_was()


def downgrade() -> None:
    op.drop_table("access_sign_in_addresses")
    op.drop_table("core_unusual_judged")
    op.drop_table("core_unusual_access")
    op.execute(sa.delete(_LOG).where(_LOG.c.kind.in_(_NEW)))
    op.drop_column("core_access_log", "amount")


def _repeat_what_was() -> None:
    connection = op.get_bind()
    followed = connection.scalar(sa.select(sa.func.max(_LOG.c.ledger_seq)))
    if followed is None:
        return
    last = -1
    while True:
        query = (
            sa.select(_ENTRIES.c.seq, _ENTRIES.c.kind, _ENTRIES.c.record, _ENTRIES.c.created_at)
            .where(_ENTRIES.c.kind.in_([*_NEW, "evidence.exported"]))
            .where(_ENTRIES.c.seq > last, _ENTRIES.c.seq <= followed)
            .order_by(_ENTRIES.c.seq)
            .limit(_BATCH)
        )
        entries = connection.execute(query).all()
        if not entries:
            return
        last = entries[-1].seq
        lines = [_line(entry) for entry in entries if entry.kind in _NEW]
        if lines:
            connection.execute(sa.insert(_LOG), lines)
        for entry in entries:
            if entry.kind not in _NEW:
                amount = json.loads(bytes(entry.record))["body"].get("contacts")
                line = sa.update(_LOG).where(_LOG.c.ledger_seq == entry.seq)
                connection.execute(line.values(amount=amount))


def _line(entry: Any) -> dict[str, Any]:
    body = json.loads(bytes(entry.record))["body"]
    target, customer, detail = _NEW[entry.kind]
    return {
        "id": new_id(),
        "at": entry.created_at,
        "kind": entry.kind,
        "actor_id": body.get("by"),
        "target_id": body.get(target),
        "customer_id": body.get(customer) if customer else None,
        "detail": body.get(detail) if detail else None,
        "amount": None,
        "ledger_seq": entry.seq,
    }
