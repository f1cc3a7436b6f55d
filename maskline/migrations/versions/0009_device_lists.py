"""Lists of expected phones; file operations.

Revision: 0009, after 0008.
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "dp_device_lists",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column(
            "state",
            sa.Enum("preview", "taken", name="liststate", native_enum=False, length=24),
            nullable=False,
        ),
        sa.Column("admits", sa.Boolean(), nullable=False),
        sa.Column("created_by", sa.String(length=32), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("taken_by", sa.String(length=32), nullable=True),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("rows_read", sa.Integer(), nullable=False),
        sa.Column("good", sa.Integer(), nullable=False),
        sa.Column("known", sa.Integer(), nullable=False),
        sa.Column("refusals", sa.JSON(), nullable=False),
        sa.Column("ignored_columns", sa.JSON(), nullable=False),
        sa.Column("draft", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dp_device_lists")),
    )
    op.create_table(
        "dp_listed_phones",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("list_id", sa.String(length=32), nullable=False),
        sa.Column("asset_number", sa.String(length=40), nullable=True),
        sa.Column("model", sa.String(length=60), nullable=True),
        sa.Column("employee_id", sa.String(length=32), nullable=True),
        sa.Column("department_id", sa.String(length=32), nullable=True),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("rejected_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("rejected_by", sa.String(length=32), nullable=True),
        sa.ForeignKeyConstraint(
            ["list_id"], ["dp_device_lists.id"], name=op.f("fk_dp_listed_phones_list_id_dp_device_lists")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dp_listed_phones")),
    )
    op.create_index(op.f("ix_dp_listed_phones_department_id"), "dp_listed_phones", ["department_id"])
    op.create_index(op.f("ix_dp_listed_phones_employee_id"), "dp_listed_phones", ["employee_id"])
    op.create_index(op.f("ix_dp_listed_phones_list_id"), "dp_listed_phones", ["list_id"])
    op.create_table(
        "dp_listed_hardware",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("phone_id", sa.String(length=32), nullable=False),
        sa.Column(
            "kind",
            sa.Enum("serial", "imei", "imei2", name="hardwarekind", native_enum=False, length=24),
            nullable=False,
        ),
        sa.Column("hardware", sa.LargeBinary(), nullable=False),
        sa.Column("value", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["phone_id"],
            ["dp_listed_phones.id"],
            name=op.f("fk_dp_listed_hardware_phone_id_dp_listed_phones"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dp_listed_hardware")),
        sa.UniqueConstraint("hardware", name=op.f("uq_dp_listed_hardware_hardware")),
    )
    op.create_index(op.f("ix_dp_listed_hardware_phone_id"), "dp_listed_hardware", ["phone_id"])
    op.create_index("ix_dp_devices_hardware", "dp_devices", ["hardware"])
    op.add_column("dp_upload_events", sa.Column("amount_fen", sa.BigInteger(), nullable=True))
    op.add_column("dp_upload_events", sa.Column("outgoing", sa.Boolean(), nullable=True))
    op.add_column(
        "dp_upload_records",
        sa.Column(
            "deed",
            sa.Enum(
                "downloaded", "uploaded", "forwarded", "saved", name="filedeed", native_enum=False, length=24
            ),
            nullable=True,
        ),
    )
    op.create_index("ix_dp_upload_records_kind", "dp_upload_records", ["kind", "at"])


def downgrade() -> None:
    op.drop_index("ix_dp_upload_records_kind", table_name="dp_upload_records")
    op.drop_column("dp_upload_records", "deed")
    op.drop_column("dp_upload_events", "outgoing")
    op.drop_column("dp_upload_events", "amount_fen")
    op.drop_index("ix_dp_devices_hardware", table_name="dp_devices")
    op.drop_index(op.f("ix_dp_listed_hardware_phone_id"), table_name="dp_listed_hardware")
    op.drop_table("dp_listed_hardware")
    op.drop_index(op.f("ix_dp_listed_phones_list_id"), table_name="dp_listed_phones")
    op.drop_index(op.f("ix_dp_listed_phones_employee_id"), table_name="dp_listed_phones")
    op.drop_index(op.f("ix_dp_listed_phones_department_id"), table_name="dp_listed_phones")
    op.drop_table("dp_listed_phones")
    op.drop_table("dp_device_lists")
