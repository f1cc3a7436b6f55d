"""Changes, erasures and exports of customers that wait for a second person.

Revision: 0006, after 0005.
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "gw_customer_requests",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column(
            "kind",
            sa.Enum("change", "erasure", "export", name="requestkind", native_enum=False, length=24),
            nullable=False,
        ),
        sa.Column(
            "state",
            sa.Enum(
                "waiting",
                "done",
                "rejected",
                "withdrawn",
                "expired",
                "stale",
                name="requeststate",
                native_enum=False,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("customer_id", sa.String(length=32), nullable=True),
        sa.Column("asked_by", sa.String(length=32), nullable=False),
        sa.Column("department_id", sa.String(length=32), nullable=True),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("second_person", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.LargeBinary(), nullable=False),
        sa.Column("fields", sa.String(length=64), nullable=True),
        sa.Column("payload", sa.LargeBinary(), nullable=True),
        sa.Column("shown", sa.LargeBinary(), nullable=True),
        sa.Column("base", sa.LargeBinary(), nullable=True),
        sa.Column(
            "ground",
            sa.Enum(
                "purpose_ended",
                "retention_over",
                "consent_withdrawn",
                "unlawful",
                "other_law",
                "customer_request",
                name="erasureground",
                native_enum=False,
                length=24,
            ),
            nullable=True,
        ),
        sa.Column(
            "sheet",
            sa.Enum("csv", "xlsx", name="sheetformat", native_enum=False, length=24),
            nullable=True,
        ),
        sa.Column("tag", sa.String(length=40), nullable=True),
        sa.Column("owner_id", sa.String(length=32), nullable=True),
        sa.Column("rows", sa.Integer(), nullable=True),
        sa.Column("decided_by", sa.String(length=32), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("note", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(
            ["customer_id"],
            ["gw_customers.id"],
            name=op.f("fk_gw_customer_requests_customer_id_gw_customers"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_gw_customer_requests")),
    )
    with op.batch_alter_table("gw_customer_requests", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_gw_customer_requests_asked_by"), ["asked_by"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_gw_customer_requests_customer_id"), ["customer_id"], unique=False
        )
        batch_op.create_index("ix_gw_customer_requests_state", ["state", "expires_at"], unique=False)

    op.create_table(
        "gw_customer_exports",
        sa.Column("request_id", sa.String(length=32), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("key_id", sa.String(length=64), nullable=False),
        sa.Column("blob_id", sa.String(length=64), nullable=True),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["request_id"],
            ["gw_customer_requests.id"],
            name=op.f("fk_gw_customer_exports_request_id_gw_customer_requests"),
        ),
        sa.PrimaryKeyConstraint("request_id", name=op.f("pk_gw_customer_exports")),
    )
    with op.batch_alter_table("gw_customer_exports", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_gw_customer_exports_until"), ["until"], unique=False)


def downgrade() -> None:
    op.drop_table("gw_customer_exports")
    op.drop_table("gw_customer_requests")
