"""Check-ins and whereabouts of phones.

Revision: 0008, after 0007.
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Consents to location, fixes, counts of refused ones, check-ins."""
    op.create_table(
        "dp_location_consents",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("device_id", sa.String(length=32), nullable=False),
        sa.Column("employee_id", sa.String(length=32), nullable=False),
        sa.Column("terms_version", sa.String(length=20), nullable=False),
        sa.Column("terms_sha256", sa.String(length=64), nullable=False),
        sa.Column("language", sa.String(length=2), nullable=False),
        sa.Column("given_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "end_reason",
            sa.Enum(
                "withdrawn",
                "superseded",
                "assigned",
                "device-ended",
                name="consentend",
                native_enum=False,
                length=24,
            ),
            nullable=True,
        ),
        sa.Column("track_key", sa.String(length=32), nullable=False),
        sa.Column("check_in_key", sa.String(length=32), nullable=False),
        sa.Column("track_erased_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("check_ins_erased_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["device_id"], ["dp_devices.id"], name=op.f("fk_dp_location_consents_device_id_dp_devices")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dp_location_consents")),
    )
    with op.batch_alter_table("dp_location_consents", schema=None) as batch_op:
        batch_op.create_index("ix_dp_location_consents_device", ["device_id", "id"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_dp_location_consents_employee_id"), ["employee_id"], unique=False
        )

    op.create_table(
        "dp_location_refusals",
        sa.Column("device_id", sa.String(length=32), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column(
            "reason",
            sa.Enum(
                "no-consent",
                "not-wanted",
                "outside-hours",
                "before-consent",
                "too-soon",
                "contradiction",
                "hash-mismatch",
                name="refusal",
                native_enum=False,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["device_id"], ["dp_devices.id"], name=op.f("fk_dp_location_refusals_device_id_dp_devices")
        ),
        sa.PrimaryKeyConstraint("device_id", "day", "reason", name=op.f("pk_dp_location_refusals")),
    )
    op.create_table(
        "dp_check_ins",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("device_id", sa.String(length=32), nullable=False),
        sa.Column("consent_id", sa.String(length=32), nullable=False),
        sa.Column("employee_id", sa.String(length=32), nullable=False),
        sa.Column("department_id", sa.String(length=32), nullable=True),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("device_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "purpose",
            sa.Enum(
                "sales-visit",
                "collection-visit",
                "service-visit",
                "other",
                name="purpose",
                native_enum=False,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("customer_id", sa.String(length=32), nullable=True),
        sa.Column("mock", sa.Boolean(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column(
            "photo",
            sa.Enum("AWAITED", "COMPLETE", name="photostate", native_enum=False, length=24),
            nullable=False,
        ),
        sa.Column("photo_sha256", sa.String(length=64), nullable=False),
        sa.Column("photo_size", sa.Integer(), nullable=False),
        sa.Column("media_type", sa.String(length=40), nullable=True),
        sa.Column("blob_id", sa.String(length=64), nullable=True),
        sa.Column("completed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["consent_id"],
            ["dp_location_consents.id"],
            name=op.f("fk_dp_check_ins_consent_id_dp_location_consents"),
        ),
        sa.ForeignKeyConstraint(
            ["device_id"], ["dp_devices.id"], name=op.f("fk_dp_check_ins_device_id_dp_devices")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dp_check_ins")),
        sa.UniqueConstraint("device_id", "key", name=op.f("uq_dp_check_ins_device_id")),
    )
    with op.batch_alter_table("dp_check_ins", schema=None) as batch_op:
        batch_op.create_index("ix_dp_check_ins_consent", ["consent_id", "id"], unique=False)
        batch_op.create_index(batch_op.f("ix_dp_check_ins_customer_id"), ["customer_id"], unique=False)
        batch_op.create_index("ix_dp_check_ins_device", ["device_id", "id"], unique=False)
        batch_op.create_index(batch_op.f("ix_dp_check_ins_employee_id"), ["employee_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_dp_check_ins_received_at"), ["received_at"], unique=False)

    op.create_table(
        "dp_location_fixes",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("device_id", sa.String(length=32), nullable=False),
        sa.Column("consent_id", sa.String(length=32), nullable=False),
        sa.Column("employee_id", sa.String(length=32), nullable=False),
        sa.Column("department_id", sa.String(length=32), nullable=True),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("device_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("mock", sa.Boolean(), nullable=False),
        sa.Column("too_fast", sa.Boolean(), nullable=False),
        sa.Column("away", sa.Boolean(), nullable=True),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["consent_id"],
            ["dp_location_consents.id"],
            name=op.f("fk_dp_location_fixes_consent_id_dp_location_consents"),
        ),
        sa.ForeignKeyConstraint(
            ["device_id"], ["dp_devices.id"], name=op.f("fk_dp_location_fixes_device_id_dp_devices")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dp_location_fixes")),
        sa.UniqueConstraint("device_id", "key", name=op.f("uq_dp_location_fixes_device_id")),
    )
    with op.batch_alter_table("dp_location_fixes", schema=None) as batch_op:
        batch_op.create_index("ix_dp_location_fixes_consent", ["consent_id", "id"], unique=False)
        batch_op.create_index("ix_dp_location_fixes_device", ["device_id", "at"], unique=False)
        batch_op.create_index(batch_op.f("ix_dp_location_fixes_employee_id"), ["employee_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_dp_location_fixes_received_at"), ["received_at"], unique=False)


def downgrade() -> None:
    """Drop them."""
    with op.batch_alter_table("dp_location_fixes", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_dp_location_fixes_received_at"))
        batch_op.drop_index(batch_op.f("ix_dp_location_fixes_employee_id"))
        batch_op.drop_index("ix_dp_location_fixes_device")
        batch_op.drop_index("ix_dp_location_fixes_consent")

    op.drop_table("dp_location_fixes")
    with op.batch_alter_table("dp_check_ins", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_dp_check_ins_received_at"))
        batch_op.drop_index(batch_op.f("ix_dp_check_ins_employee_id"))
        batch_op.drop_index("ix_dp_check_ins_device")
        batch_op.drop_index(batch_op.f("ix_dp_check_ins_customer_id"))
        batch_op.drop_index("ix_dp_check_ins_consent")

    op.drop_table("dp_check_ins")
    op.drop_table("dp_location_refusals")
    with op.batch_alter_table("dp_location_consents", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_dp_location_consents_employee_id"))
        batch_op.drop_index("ix_dp_location_consents_device")

    op.drop_table("dp_location_consents")
