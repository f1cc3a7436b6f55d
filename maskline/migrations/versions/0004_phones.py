"""Phones, policies, commands, unbinding; indexes for the queues of reviewers and calls.

Revision: 0004, after 0003.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "dp_devices",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column(
            "trust",
            sa.Enum("PENDING", "TRUSTED", "REJECTED", "RELEASED", name="trust", native_enum=False, length=24),
            nullable=False,
        ),
        sa.Column("public_key", sa.LargeBinary(length=32), nullable=False),
        sa.Column("hardware", sa.LargeBinary(), nullable=False),
        sa.Column("employee_id", sa.String(length=32), nullable=True),
        sa.Column("department_id", sa.String(length=32), nullable=True),
        sa.Column("token_id", sa.String(length=32), nullable=False),
        sa.Column("previous_id", sa.String(length=32), nullable=True),
        sa.Column(
            "state",
            sa.Enum(
                "PROVISIONING",
                "ACTIVE",
                "DISABLED",
                "LOST",
                "DELETED",
                name="devicestate",
                native_enum=False,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column(
            "applied_state",
            sa.Enum(
                "PROVISIONING",
                "ACTIVE",
                "DISABLED",
                "LOST",
                "DELETED",
                name="devicestate",
                native_enum=False,
                length=24,
            ),
            nullable=True,
        ),
        sa.Column("manufacturer", sa.String(length=60), nullable=False),
        sa.Column("model", sa.String(length=60), nullable=False),
        sa.Column("os_version", sa.String(length=40), nullable=False),
        sa.Column("security_patch", sa.String(length=20), nullable=True),
        sa.Column("api_level", sa.Integer(), nullable=False),
        sa.Column(
            "mode",
            sa.Enum(
                "FULLY_MANAGED",
                "DEDICATED",
                "WORK_PROFILE_COMPANY_OWNED",
                "WORK_PROFILE_PERSONALLY_OWNED",
                name="mode",
                native_enum=False,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("backends", sa.JSON(), nullable=False),
        sa.Column("agent_version", sa.String(length=40), nullable=False),
        sa.Column("status", sa.JSON(), nullable=False),
        sa.Column(
            "compliance",
            sa.Enum(
                "UNKNOWN",
                "PENDING",
                "COMPLIANT",
                "NOT_COMPLIANT",
                name="compliancestate",
                native_enum=False,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("compliance_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("left_compliance_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("settings", sa.JSON(), nullable=False),
        sa.Column("desired_version", sa.Integer(), nullable=False),
        sa.Column("desired_stale", sa.Boolean(), nullable=False),
        sa.Column("contact_needs_compliance", sa.Boolean(), nullable=True),
        sa.Column("max_silence_minutes", sa.Integer(), nullable=True),
        sa.Column("applied_version", sa.Integer(), nullable=True),
        sa.Column("report_seq", sa.BigInteger(), nullable=False),
        sa.Column("report_hash", sa.String(length=64), nullable=True),
        sa.Column("offline", sa.Boolean(), nullable=False),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_report_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("terms_version", sa.String(length=20), nullable=True),
        sa.Column("enrolled_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("trusted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("trusted_by", sa.String(length=32), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("end_reason", sa.String(length=24), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dp_devices")),
        sa.UniqueConstraint("public_key", name=op.f("uq_dp_devices_public_key")),
    )
    with op.batch_alter_table("dp_devices", schema=None) as batch_op:
        batch_op.create_index("ix_dp_devices_compliance", ["trust", "compliance"], unique=False)
        batch_op.create_index(
            "ix_dp_devices_stale",
            ["id"],
            unique=False,
            sqlite_where=sa.text("desired_stale = 1"),
            postgresql_where=sa.text("desired_stale"),
        )
        batch_op.create_index(batch_op.f("ix_dp_devices_department_id"), ["department_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_dp_devices_employee_id"), ["employee_id"], unique=False)
        batch_op.create_index(
            "uq_dp_devices_hardware",
            ["hardware"],
            unique=True,
            sqlite_where=sa.text("trust = 'TRUSTED'"),
            postgresql_where=sa.text("trust = 'TRUSTED'"),
        )

    op.create_table(
        "dp_enrolment_tokens",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("employee_id", sa.String(length=32), nullable=True),
        sa.Column("department_id", sa.String(length=32), nullable=True),
        sa.Column("policy_id", sa.String(length=32), nullable=True),
        sa.Column("approves", sa.Boolean(), nullable=False),
        sa.Column("created_by", sa.String(length=32), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("device_id", sa.String(length=32), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dp_enrolment_tokens")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_dp_enrolment_tokens_token_hash")),
    )
    with op.batch_alter_table("dp_enrolment_tokens", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_dp_enrolment_tokens_department_id"), ["department_id"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_dp_enrolment_tokens_employee_id"), ["employee_id"], unique=False)

    op.create_table(
        "dp_nonces",
        sa.Column("key_id", sa.String(length=64), nullable=False),
        sa.Column("nonce", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("key_id", "nonce", name=op.f("pk_dp_nonces")),
    )
    with op.batch_alter_table("dp_nonces", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_dp_nonces_created_at"), ["created_at"], unique=False)

    op.create_table(
        "dp_policies",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("about", sa.String(length=500), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dp_policies")),
        sa.UniqueConstraint("name", name=op.f("uq_dp_policies_name")),
    )
    op.create_table(
        "dp_wake_cursors",
        sa.Column("reader", sa.String(length=40), nullable=False),
        sa.Column("wake_id", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("reader", name=op.f("pk_dp_wake_cursors")),
    )
    op.create_table(
        "dp_wakes",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("device_id", sa.String(length=32), nullable=True),
        sa.Column(
            "place",
            sa.Enum("commands", "policy", "bye", name="place", native_enum=False, length=24),
            nullable=False,
        ),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dp_wakes")),
    )
    with op.batch_alter_table("dp_wakes", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_dp_wakes_at"), ["at"], unique=False)

    op.create_table(
        "dp_wipe_turns",
        sa.Column("employee_id", sa.String(length=32), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("employee_id", name=op.f("pk_dp_wipe_turns")),
    )
    op.create_table(
        "gw_offboarding_items",
        sa.Column("act_id", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("item_id", sa.String(length=32), nullable=False),
        sa.Column("customer_id", sa.String(length=32), nullable=False),
        sa.Column("former_department_id", sa.String(length=32), nullable=True),
        sa.Column("former_direct_dial", sa.Boolean(), nullable=False),
        sa.Column("move", sa.String(length=16), nullable=False),
        sa.Column("mark", sa.Integer(), nullable=False),
        sa.Column("back", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("act_id", "kind", "item_id", name=op.f("pk_gw_offboarding_items")),
    )
    op.create_table(
        "gw_offboarding_previews",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("employee_id", sa.String(length=32), nullable=False),
        sa.Column("successor_id", sa.String(length=32), nullable=True),
        sa.Column("wipe", sa.Boolean(), nullable=False),
        sa.Column("asked_by", sa.String(length=32), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("plan", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_gw_offboarding_previews")),
    )
    with op.batch_alter_table("gw_offboarding_previews", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_gw_offboarding_previews_expires_at"), ["expires_at"], unique=False
        )

    op.create_table(
        "gw_offboardings",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("employee_id", sa.String(length=32), nullable=False),
        sa.Column("department_id", sa.String(length=32), nullable=True),
        sa.Column("successor_id", sa.String(length=32), nullable=True),
        sa.Column("by", sa.String(length=32), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("was_active", sa.Boolean(), nullable=False),
        sa.Column("wipe", sa.Boolean(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("plan", sa.LargeBinary(), nullable=False),
        sa.Column("undo_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("undone_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("undone_by", sa.String(length=32), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("first_seq", sa.BigInteger(), nullable=False),
        sa.Column("last_seq", sa.BigInteger(), nullable=False),
        sa.Column("undo_seq", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_gw_offboardings")),
    )
    with op.batch_alter_table("gw_offboardings", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_gw_offboardings_department_id"), ["department_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_gw_offboardings_employee_id"), ["employee_id"], unique=False)
        batch_op.create_index(
            "uq_gw_offboardings_in_force",
            ["employee_id"],
            unique=True,
            sqlite_where=sa.text("ended_at IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL"),
        )

    op.create_table(
        "gw_rebindings",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("code_hash", sa.String(length=64), nullable=False),
        sa.Column("employee_id", sa.String(length=32), nullable=False),
        sa.Column("department_id", sa.String(length=32), nullable=True),
        sa.Column("device_id", sa.String(length=64), nullable=True),
        sa.Column("line_id", sa.String(length=32), nullable=True),
        sa.Column("holder_id", sa.String(length=32), nullable=True),
        sa.Column("by", sa.String(length=32), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("customers", sa.Integer(), nullable=False),
        sa.Column("bindings", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_gw_rebindings")),
        sa.UniqueConstraint("code_hash", name=op.f("uq_gw_rebindings_code_hash")),
    )
    with op.batch_alter_table("gw_rebindings", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_gw_rebindings_department_id"), ["department_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_gw_rebindings_employee_id"), ["employee_id"], unique=False)

    op.create_table(
        "dp_command_cursors",
        sa.Column("device_id", sa.String(length=32), nullable=False),
        sa.Column("last_seq", sa.BigInteger(), nullable=False),
        sa.Column("delivered_seq", sa.BigInteger(), nullable=False),
        sa.Column("acked_seq", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["device_id"], ["dp_devices.id"], name=op.f("fk_dp_command_cursors_device_id_dp_devices")
        ),
        sa.PrimaryKeyConstraint("device_id", name=op.f("pk_dp_command_cursors")),
    )
    op.create_table(
        "dp_commands",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("device_id", sa.String(length=32), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=True),
        sa.Column(
            "kind",
            sa.Enum(
                "LOCK",
                "UNLOCK",
                "WIPE",
                "RESET_PASSWORD",
                "REBOOT",
                "START_LOST_MODE",
                "STOP_LOST_MODE",
                "CLEAR_APP_DATA",
                "RELINQUISH_OWNERSHIP",
                "REQUEST_DEVICE_INFO",
                name="commandkind",
                native_enum=False,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("parameters", sa.LargeBinary(), nullable=True),
        sa.Column("parameters_mac", sa.String(length=64), nullable=True),
        sa.Column("reason", sa.LargeBinary(), nullable=True),
        sa.Column("employee_id", sa.String(length=32), nullable=True),
        sa.Column("department_id", sa.String(length=32), nullable=True),
        sa.Column("issued_by", sa.String(length=32), nullable=True),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("idempotency_key", sa.String(length=128), nullable=True),
        sa.Column("validity_s", sa.Integer(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "QUEUED",
                "DELIVERED",
                "ACKED",
                "SUCCEEDED",
                "FAILED",
                "EXPIRED",
                "CANCELED",
                "REJECTED",
                name="commandstate",
                native_enum=False,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column(
            "approval",
            sa.Enum(
                "not-needed",
                "waiting",
                "given",
                "refused",
                "late",
                name="approval",
                native_enum=False,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("approve_by", sa.DateTime(timezone=True), nullable=True),
        sa.Column("released_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("deliveries", sa.Integer(), nullable=False),
        sa.Column("delivered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("acked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("asked", sa.Integer(), nullable=False),
        sa.Column("ask_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "cause",
            sa.Enum(
                "approval-refused",
                "approval-late",
                "not-fetched",
                "not-acked",
                "no-result",
                "canceled",
                "by-device",
                name="cause",
                native_enum=False,
                length=24,
            ),
            nullable=True,
        ),
        sa.Column(
            "error",
            sa.Enum(
                "UNKNOWN",
                "API_LEVEL",
                "MANAGEMENT_MODE",
                "INVALID_VALUE",
                "UNSUPPORTED",
                "TOO_LATE",
                "NOT_AUTHENTIC",
                name="errorcode",
                native_enum=False,
                length=24,
            ),
            nullable=True,
        ),
        sa.Column("status", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(
            ["device_id"], ["dp_devices.id"], name=op.f("fk_dp_commands_device_id_dp_devices")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dp_commands")),
        sa.UniqueConstraint("device_id", "seq", name=op.f("uq_dp_commands_device_id")),
        sa.UniqueConstraint("issued_by", "idempotency_key", name=op.f("uq_dp_commands_issued_by")),
    )
    with op.batch_alter_table("dp_commands", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_dp_commands_department_id"), ["department_id"], unique=False)
        batch_op.create_index("ix_dp_commands_device", ["device_id", "id"], unique=False)
        batch_op.create_index(batch_op.f("ix_dp_commands_employee_id"), ["employee_id"], unique=False)
        batch_op.create_index("ix_dp_commands_open", ["state", "ask_at"], unique=False)

    op.create_table(
        "dp_consents",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("device_id", sa.String(length=32), nullable=False),
        sa.Column("employee_id", sa.String(length=32), nullable=True),
        sa.Column("terms_version", sa.String(length=20), nullable=False),
        sa.Column("terms_sha256", sa.String(length=64), nullable=False),
        sa.Column("language", sa.String(length=2), nullable=False),
        sa.Column("given_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["device_id"], ["dp_devices.id"], name=op.f("fk_dp_consents_device_id_dp_devices")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dp_consents")),
    )
    with op.batch_alter_table("dp_consents", schema=None) as batch_op:
        batch_op.create_index("ix_dp_consents_device", ["device_id", "id"], unique=False)
        batch_op.create_index(batch_op.f("ix_dp_consents_employee_id"), ["employee_id"], unique=False)

    op.create_table(
        "dp_desired",
        sa.Column("device_id", sa.String(length=32), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("policy_sha256", sa.String(length=64), nullable=False),
        sa.Column("document", sa.JSON(), nullable=False),
        sa.Column("cause", sa.String(length=40), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["device_id"], ["dp_devices.id"], name=op.f("fk_dp_desired_device_id_dp_devices")
        ),
        sa.PrimaryKeyConstraint("device_id", "version", name=op.f("pk_dp_desired")),
    )
    op.create_table(
        "dp_history",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("device_id", sa.String(length=32), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.Column("by", sa.String(length=32), nullable=True),
        sa.ForeignKeyConstraint(
            ["device_id"], ["dp_devices.id"], name=op.f("fk_dp_history_device_id_dp_devices")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dp_history")),
    )
    with op.batch_alter_table("dp_history", schema=None) as batch_op:
        batch_op.create_index("ix_dp_history_device", ["device_id", "id"], unique=False)

    op.create_table(
        "dp_policy_drafts",
        sa.Column("policy_id", sa.String(length=32), nullable=False),
        sa.Column("document", sa.JSON(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_by", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(
            ["policy_id"], ["dp_policies.id"], name=op.f("fk_dp_policy_drafts_policy_id_dp_policies")
        ),
        sa.PrimaryKeyConstraint("policy_id", name=op.f("pk_dp_policy_drafts")),
    )
    op.create_table(
        "dp_policy_versions",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("policy_id", sa.String(length=32), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("document", sa.LargeBinary(), nullable=False),
        sa.Column("note", sa.String(length=300), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("published_by", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(
            ["policy_id"], ["dp_policies.id"], name=op.f("fk_dp_policy_versions_policy_id_dp_policies")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dp_policy_versions")),
        sa.UniqueConstraint("policy_id", "number", name=op.f("uq_dp_policy_versions_policy_id")),
    )
    op.create_table(
        "dp_reports",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("device_id", sa.String(length=32), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("content_hash", sa.String(length=64), nullable=False),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.Column("applied_version", sa.Integer(), nullable=True),
        sa.Column(
            "compliance",
            sa.Enum(
                "UNKNOWN",
                "PENDING",
                "COMPLIANT",
                "NOT_COMPLIANT",
                name="compliancestate",
                native_enum=False,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("signature_base", sa.String(), nullable=False),
        sa.Column("signature", sa.LargeBinary(length=64), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["device_id"], ["dp_devices.id"], name=op.f("fk_dp_reports_device_id_dp_devices")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dp_reports")),
    )
    with op.batch_alter_table("dp_reports", schema=None) as batch_op:
        batch_op.create_index("ix_dp_reports_device", ["device_id", "id"], unique=False)

    op.create_table(
        "dp_upload_events",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("device_id", sa.String(length=32), nullable=False),
        sa.Column("employee_id", sa.String(length=32), nullable=True),
        sa.Column("department_id", sa.String(length=32), nullable=True),
        sa.Column(
            "kind",
            sa.Enum(
                "CONTACT_DELETED",
                "CHAT_DELETED",
                "NAME_CARD_PUSHED",
                "PRIVATE_GROUP_CREATED",
                "LOCATION_SHARED",
                "RED_PACKET",
                "TRANSFER",
                "CODE_SCANNED",
                "SCREENSHOT_TRIED",
                "BLOCKED_APP_OPENED",
                "SIM_CHANGED",
                "ROOT_FOUND",
                "DEVELOPER_MODE_ON",
                "SIM_CALL_OUTSIDE_GATEWAY",
                name="eventkind",
                native_enum=False,
            ),
            nullable=False,
        ),
        sa.Column(
            "severity",
            sa.Enum("minor", "moderate", "severe", name="severity", native_enum=False, length=24),
            nullable=False,
        ),
        sa.Column("catalogue_version", sa.String(length=20), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("device_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("outside_hours", sa.Boolean(), nullable=False),
        sa.Column("customer_id", sa.String(length=32), nullable=True),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("contradicts", sa.String(length=32), nullable=True),
        sa.Column("marked", sa.Integer(), nullable=False),
        sa.Column("conduct_id", sa.String(length=32), nullable=True),
        sa.Column("handled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("handled_by", sa.String(length=32), nullable=True),
        sa.Column("handled_in", sa.String(length=32), nullable=True),
        sa.Column("ledger_seq", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["device_id"], ["dp_devices.id"], name=op.f("fk_dp_upload_events_device_id_dp_devices")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dp_upload_events")),
        sa.UniqueConstraint("device_id", "key", "sha256", name=op.f("uq_dp_upload_events_device_id")),
    )
    with op.batch_alter_table("dp_upload_events", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_dp_upload_events_customer_id"), ["customer_id"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_dp_upload_events_department_id"), ["department_id"], unique=False
        )
        batch_op.create_index("ix_dp_upload_events_device", ["device_id", "id"], unique=False)
        batch_op.create_index(batch_op.f("ix_dp_upload_events_employee_id"), ["employee_id"], unique=False)
        batch_op.create_index("ix_dp_upload_events_open", ["handled_at", "id"], unique=False)

    op.create_table(
        "dp_upload_recordings",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("device_id", sa.String(length=32), nullable=False),
        sa.Column("employee_id", sa.String(length=32), nullable=True),
        sa.Column("department_id", sa.String(length=32), nullable=True),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("media_type", sa.String(length=40), nullable=False),
        sa.Column("duration_s", sa.Integer(), nullable=False),
        sa.Column("outgoing", sa.Boolean(), nullable=False),
        sa.Column("call_key", sa.String(length=64), nullable=True),
        sa.Column("customer_id", sa.String(length=32), nullable=True),
        sa.Column("counterpart", sa.LargeBinary(), nullable=True),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("key_id", sa.String(length=16), nullable=True),
        sa.Column("device_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("announced_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("touched_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("outside_hours", sa.Boolean(), nullable=False),
        sa.Column(
            "state",
            sa.Enum("OPEN", "COMPLETE", name="recordingstate", native_enum=False, length=24),
            nullable=False,
        ),
        sa.Column("received", sa.BigInteger(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("contradicts", sa.String(length=32), nullable=True),
        sa.Column("blob_id", sa.String(length=64), nullable=True),
        sa.Column("completed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("handed_on_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("message_id", sa.String(length=32), nullable=True),
        sa.ForeignKeyConstraint(
            ["device_id"], ["dp_devices.id"], name=op.f("fk_dp_upload_recordings_device_id_dp_devices")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dp_upload_recordings")),
        sa.UniqueConstraint("device_id", "key", "sha256", name=op.f("uq_dp_upload_recordings_device_id")),
    )
    with op.batch_alter_table("dp_upload_recordings", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_dp_upload_recordings_customer_id"), ["customer_id"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_dp_upload_recordings_department_id"), ["department_id"], unique=False
        )
        batch_op.create_index("ix_dp_upload_recordings_device", ["device_id", "id"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_dp_upload_recordings_employee_id"), ["employee_id"], unique=False
        )
        batch_op.create_index("ix_dp_upload_recordings_open", ["state", "touched_at"], unique=False)

    op.create_table(
        "dp_upload_records",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("device_id", sa.String(length=32), nullable=False),
        sa.Column("employee_id", sa.String(length=32), nullable=True),
        sa.Column("department_id", sa.String(length=32), nullable=True),
        sa.Column(
            "kind",
            sa.Enum("CALL", "SMS", "CHAT", "RECORDING", name="recordkind", native_enum=False, length=24),
            nullable=False,
        ),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("device_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("outside_hours", sa.Boolean(), nullable=False),
        sa.Column("outgoing", sa.Boolean(), nullable=False),
        sa.Column("duration_s", sa.Integer(), nullable=True),
        sa.Column("customer_id", sa.String(length=32), nullable=True),
        sa.Column("counterpart", sa.LargeBinary(), nullable=True),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("contradicts", sa.String(length=32), nullable=True),
        sa.Column("recording_due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("deleted_by", sa.String(length=32), nullable=True),
        sa.Column("handed_on_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("message_id", sa.String(length=32), nullable=True),
        sa.ForeignKeyConstraint(
            ["device_id"], ["dp_devices.id"], name=op.f("fk_dp_upload_records_device_id_dp_devices")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dp_upload_records")),
        sa.UniqueConstraint("device_id", "key", "sha256", name=op.f("uq_dp_upload_records_device_id")),
    )
    with op.batch_alter_table("dp_upload_records", schema=None) as batch_op:
        batch_op.create_index("ix_dp_upload_records_counterpart", ["device_id", "counterpart"], unique=False)
        batch_op.create_index(batch_op.f("ix_dp_upload_records_customer_id"), ["customer_id"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_dp_upload_records_department_id"), ["department_id"], unique=False
        )
        batch_op.create_index("ix_dp_upload_records_device", ["device_id", "id"], unique=False)
        batch_op.create_index(batch_op.f("ix_dp_upload_records_employee_id"), ["employee_id"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_dp_upload_records_recording_due_at"), ["recording_due_at"], unique=False
        )

    op.create_table(
        "gw_customer_handovers",
        sa.Column("act_id", sa.String(length=32), nullable=False),
        sa.Column("customer_id", sa.String(length=32), nullable=False),
        sa.Column("from_id", sa.String(length=32), nullable=False),
        sa.Column("to_id", sa.String(length=32), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("undone_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["customer_id"],
            ["gw_customers.id"],
            name=op.f("fk_gw_customer_handovers_customer_id_gw_customers"),
        ),
        sa.PrimaryKeyConstraint("act_id", "customer_id", name=op.f("pk_gw_customer_handovers")),
    )
    with op.batch_alter_table("gw_customer_handovers", schema=None) as batch_op:
        batch_op.create_index("ix_gw_customer_handovers_customer", ["customer_id", "to_id"], unique=False)

    op.create_table(
        "gw_evidence_holds",
        sa.Column("offboarding_id", sa.String(length=32), nullable=False),
        sa.Column("employee_id", sa.String(length=32), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lifted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lifted_by", sa.String(length=32), nullable=True),
        sa.ForeignKeyConstraint(
            ["offboarding_id"],
            ["gw_offboardings.id"],
            name=op.f("fk_gw_evidence_holds_offboarding_id_gw_offboardings"),
        ),
        sa.PrimaryKeyConstraint("offboarding_id", name=op.f("pk_gw_evidence_holds")),
    )
    with op.batch_alter_table("gw_evidence_holds", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_gw_evidence_holds_employee_id"), ["employee_id"], unique=False)

    op.create_table(
        "gw_offboarding_steps",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("offboarding_id", sa.String(length=32), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "account",
                "sessions",
                "registration",
                "calls",
                "customers",
                "bindings",
                "threads",
                "messages",
                "duties",
                "freeze",
                "wipe",
                "hold",
                "unfreeze",
                name="stepkind",
                native_enum=False,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("reference", sa.String(length=64), nullable=True),
        sa.Column("order_id", sa.String(length=64), nullable=True),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "waiting",
                "retrying",
                "done",
                "failed",
                "cancelled",
                name="stepstate",
                native_enum=False,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(length=64), nullable=True),
        sa.Column("next_try_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("leased_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ledger_seq", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["offboarding_id"],
            ["gw_offboardings.id"],
            name=op.f("fk_gw_offboarding_steps_offboarding_id_gw_offboardings"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_gw_offboarding_steps")),
    )
    with op.batch_alter_table("gw_offboarding_steps", schema=None) as batch_op:
        batch_op.create_index("ix_gw_offboarding_steps_act", ["offboarding_id"], unique=False)
        batch_op.create_index(
            "ix_gw_offboarding_steps_due",
            ["next_try_at"],
            unique=False,
            sqlite_where=sa.text("state IN ('waiting', 'retrying')"),
            postgresql_where=sa.text("state IN ('waiting', 'retrying')"),
        )
        batch_op.create_index("ix_gw_offboarding_steps_order", ["order_id"], unique=False)

    op.create_table(
        "dp_command_approvals",
        sa.Column("command_id", sa.String(length=32), nullable=False),
        sa.Column("decided_by", sa.String(length=32), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("approved", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(
            ["command_id"], ["dp_commands.id"], name=op.f("fk_dp_command_approvals_command_id_dp_commands")
        ),
        sa.PrimaryKeyConstraint("command_id", name=op.f("pk_dp_command_approvals")),
    )
    op.create_table(
        "dp_command_events",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("command_id", sa.String(length=32), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kind", sa.String(length=24), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "QUEUED",
                "DELIVERED",
                "ACKED",
                "SUCCEEDED",
                "FAILED",
                "EXPIRED",
                "CANCELED",
                "REJECTED",
                name="commandstate",
                native_enum=False,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("code", sa.String(length=32), nullable=True),
        sa.Column("by", sa.String(length=32), nullable=True),
        sa.ForeignKeyConstraint(
            ["command_id"], ["dp_commands.id"], name=op.f("fk_dp_command_events_command_id_dp_commands")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dp_command_events")),
    )
    with op.batch_alter_table("dp_command_events", schema=None) as batch_op:
        batch_op.create_index("ix_dp_command_events_command", ["command_id", "id"], unique=False)

    op.create_table(
        "dp_policy_assignments",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column(
            "layer",
            sa.Enum(
                "organisation", "department", "device", "incident", name="layer", native_enum=False, length=24
            ),
            nullable=False,
        ),
        sa.Column(
            "target_kind",
            sa.Enum(
                "everybody",
                "department",
                "employee",
                "device",
                name="targetkind",
                native_enum=False,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("target_id", sa.String(length=32), nullable=False),
        sa.Column("policy_id", sa.String(length=32), nullable=False),
        sa.Column("version_id", sa.String(length=32), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.String(length=32), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_by", sa.String(length=32), nullable=True),
        sa.ForeignKeyConstraint(
            ["policy_id"], ["dp_policies.id"], name=op.f("fk_dp_policy_assignments_policy_id_dp_policies")
        ),
        sa.ForeignKeyConstraint(
            ["version_id"],
            ["dp_policy_versions.id"],
            name=op.f("fk_dp_policy_assignments_version_id_dp_policy_versions"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dp_policy_assignments")),
    )
    with op.batch_alter_table("dp_policy_assignments", schema=None) as batch_op:
        batch_op.create_index("ix_dp_policy_assignments_target", ["target_kind", "target_id"], unique=False)
        batch_op.create_index(
            "uq_dp_policy_assignments_open",
            ["policy_id", "layer", "target_kind", "target_id"],
            unique=True,
            sqlite_where=sa.text("ended_at IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL"),
        )

    op.create_table(
        "dp_upload_deletions",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("device_id", sa.String(length=32), nullable=False),
        sa.Column("event_id", sa.String(length=32), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=True),
        sa.Column("counterpart", sa.LargeBinary(), nullable=True),
        sa.Column("customer_id", sa.String(length=32), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["device_id"], ["dp_devices.id"], name=op.f("fk_dp_upload_deletions_device_id_dp_devices")
        ),
        sa.ForeignKeyConstraint(
            ["event_id"],
            ["dp_upload_events.id"],
            name=op.f("fk_dp_upload_deletions_event_id_dp_upload_events"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dp_upload_deletions")),
    )
    with op.batch_alter_table("dp_upload_deletions", schema=None) as batch_op:
        batch_op.create_index(
            "ix_dp_upload_deletions_counterpart", ["device_id", "counterpart"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_dp_upload_deletions_customer_id"), ["customer_id"], unique=False)
        batch_op.create_index("ix_dp_upload_deletions_key", ["device_id", "key"], unique=False)

    op.create_table(
        "dp_conduct_acts",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("event_id", sa.String(length=32), nullable=False),
        sa.Column("batch_id", sa.String(length=32), nullable=False),
        sa.Column(
            "kind",
            sa.Enum("handled", "noted", "reopened", name="conductactkind", native_enum=False, length=24),
            nullable=False,
        ),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by", sa.String(length=32), nullable=False),
        sa.Column("customer_id", sa.String(length=32), nullable=True),
        sa.Column("note", sa.LargeBinary(), nullable=True),
        sa.Column("ledger_seq", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["event_id"],
            ["dp_upload_events.id"],
            name=op.f("fk_dp_conduct_acts_event_id_dp_upload_events"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dp_conduct_acts")),
    )
    with op.batch_alter_table("dp_conduct_acts", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_dp_conduct_acts_batch_id"), ["batch_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_dp_conduct_acts_event_id"), ["event_id"], unique=False)

    op.create_table(
        "dp_upload_marks",
        sa.Column("device_id", sa.String(length=32), nullable=False),
        sa.Column("seen_to", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["device_id"], ["dp_devices.id"], name=op.f("fk_dp_upload_marks_device_id_dp_devices")
        ),
        sa.PrimaryKeyConstraint("device_id", name=op.f("pk_dp_upload_marks")),
    )
    op.create_table(
        "dp_upload_gaps",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("device_id", sa.String(length=32), nullable=False),
        sa.Column("first", sa.BigInteger(), nullable=False),
        sa.Column("last", sa.BigInteger(), nullable=False),
        sa.Column("found_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("conduct_id", sa.String(length=32), nullable=True),
        sa.Column("filled_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["device_id"], ["dp_devices.id"], name=op.f("fk_dp_upload_gaps_device_id_dp_devices")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dp_upload_gaps")),
    )
    with op.batch_alter_table("dp_upload_gaps", schema=None) as batch_op:
        batch_op.create_index("ix_dp_upload_gaps_device", ["device_id", "first"], unique=False)

    op.create_table(
        "dp_upload_pieces",
        sa.Column("blob_id", sa.String(length=64), nullable=False),
        sa.Column("recording_id", sa.String(length=32), nullable=False),
        sa.Column("offset", sa.BigInteger(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("kept", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["recording_id"],
            ["dp_upload_recordings.id"],
            name=op.f("fk_dp_upload_pieces_recording_id_dp_upload_recordings"),
        ),
        sa.PrimaryKeyConstraint("blob_id", name=op.f("pk_dp_upload_pieces")),
    )
    with op.batch_alter_table("dp_upload_pieces", schema=None) as batch_op:
        batch_op.create_index("ix_dp_upload_pieces_recording", ["recording_id", "offset"], unique=False)

    op.create_table(
        "dp_rollouts",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("assignment_id", sa.String(length=32), nullable=False),
        sa.Column("from_version_id", sa.String(length=32), nullable=True),
        sa.Column("to_version_id", sa.String(length=32), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "running", "halted", "done", "rolled_back", name="rolloutstate", native_enum=False, length=24
            ),
            nullable=False,
        ),
        sa.Column("percentage", sa.Integer(), nullable=False),
        sa.Column("abort_percent", sa.Integer(), nullable=False),
        sa.Column("abort_after", sa.Integer(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("started_by", sa.String(length=32), nullable=False),
        sa.Column("halted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["assignment_id"],
            ["dp_policy_assignments.id"],
            name=op.f("fk_dp_rollouts_assignment_id_dp_policy_assignments"),
        ),
        sa.ForeignKeyConstraint(
            ["from_version_id"],
            ["dp_policy_versions.id"],
            name=op.f("fk_dp_rollouts_from_version_id_dp_policy_versions"),
        ),
        sa.ForeignKeyConstraint(
            ["to_version_id"],
            ["dp_policy_versions.id"],
            name=op.f("fk_dp_rollouts_to_version_id_dp_policy_versions"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dp_rollouts")),
    )
    with op.batch_alter_table("dp_rollouts", schema=None) as batch_op:
        batch_op.create_index(
            "uq_dp_rollouts_open",
            ["assignment_id"],
            unique=True,
            sqlite_where=sa.text("ended_at IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL"),
        )

    op.create_table(
        "dp_rollout_devices",
        sa.Column("rollout_id", sa.String(length=32), nullable=False),
        sa.Column("device_id", sa.String(length=32), nullable=False),
        sa.Column("failed", sa.Boolean(), nullable=False),
        sa.Column("reported_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["rollout_id"], ["dp_rollouts.id"], name=op.f("fk_dp_rollout_devices_rollout_id_dp_rollouts")
        ),
        sa.PrimaryKeyConstraint("rollout_id", "device_id", name=op.f("pk_dp_rollout_devices")),
    )
    with op.batch_alter_table("gw_calls", schema=None) as batch_op:
        batch_op.create_index("ix_gw_calls_cause", ["cause", "id"], unique=False)

    with op.batch_alter_table("gw_thread_days", schema=None) as batch_op:
        batch_op.add_column(sa.Column("employee_id", sa.String(length=32), nullable=True))
        batch_op.add_column(sa.Column("department_id", sa.String(length=32), nullable=True))
    # Until now a thread never changed hands: its days are its holder's.
    for column in ("employee_id", "department_id"):
        op.execute(
            f"UPDATE gw_thread_days SET {column} ="  # noqa: S608 - names of ours
            f" (SELECT {column} FROM gw_threads WHERE gw_threads.id = gw_thread_days.thread_id)"
        )
    with op.batch_alter_table("gw_thread_days", schema=None) as batch_op:
        batch_op.alter_column("employee_id", existing_type=sa.String(length=32), nullable=False)
        batch_op.drop_constraint(batch_op.f("uq_gw_thread_days_thread_id"), type_="unique")
        batch_op.create_unique_constraint(
            batch_op.f("uq_gw_thread_days_thread_id"), ["thread_id", "day", "employee_id"]
        )

    with op.batch_alter_table("qa_inspections", schema=None) as batch_op:
        batch_op.create_index(
            "ix_qa_inspections_queue",
            [
                "state",
                "nothing_because",
                "id",
                "finding_count",
                "suspected_count",
                "severe_count",
                "contact_started_at",
                "employee_id",
                "department_id",
                "channel",
            ],
            unique=False,
        )

    with op.batch_alter_table("qa_reviews", schema=None) as batch_op:
        batch_op.create_index(
            "ix_qa_reviews_queue", ["inspection_id", "state", "open_appeals", "sampled"], unique=False
        )

    with op.batch_alter_table("qa_alerts", schema=None) as batch_op:
        batch_op.add_column(sa.Column("device_id", sa.String(length=32), nullable=True))
        batch_op.create_index(batch_op.f("ix_qa_alerts_device_id"), ["device_id"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("qa_alerts", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_qa_alerts_device_id"))
        batch_op.drop_column("device_id")

    with op.batch_alter_table("qa_reviews", schema=None) as batch_op:
        batch_op.drop_index("ix_qa_reviews_queue")

    with op.batch_alter_table("qa_inspections", schema=None) as batch_op:
        batch_op.drop_index("ix_qa_inspections_queue")

    with op.batch_alter_table("gw_thread_days", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("uq_gw_thread_days_thread_id"), type_="unique")
        batch_op.create_unique_constraint(batch_op.f("uq_gw_thread_days_thread_id"), ["thread_id", "day"])
        batch_op.drop_column("department_id")
        batch_op.drop_column("employee_id")

    with op.batch_alter_table("gw_calls", schema=None) as batch_op:
        batch_op.drop_index("ix_gw_calls_cause")

    op.drop_table("dp_rollout_devices")
    with op.batch_alter_table("dp_rollouts", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_dp_rollouts_open",
            sqlite_where=sa.text("ended_at IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL"),
        )

    op.drop_table("dp_rollouts")
    with op.batch_alter_table("dp_upload_pieces", schema=None) as batch_op:
        batch_op.drop_index("ix_dp_upload_pieces_recording")

    op.drop_table("dp_upload_pieces")
    with op.batch_alter_table("dp_upload_gaps", schema=None) as batch_op:
        batch_op.drop_index("ix_dp_upload_gaps_device")

    op.drop_table("dp_upload_gaps")
    op.drop_table("dp_upload_marks")
    with op.batch_alter_table("dp_upload_deletions", schema=None) as batch_op:
        batch_op.drop_index("ix_dp_upload_deletions_key")
        batch_op.drop_index(batch_op.f("ix_dp_upload_deletions_customer_id"))
        batch_op.drop_index("ix_dp_upload_deletions_counterpart")

    op.drop_table("dp_upload_deletions")
    with op.batch_alter_table("dp_policy_assignments", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_dp_policy_assignments_open",
            sqlite_where=sa.text("ended_at IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL"),
        )
        batch_op.drop_index("ix_dp_policy_assignments_target")

    op.drop_table("dp_policy_assignments")
    with op.batch_alter_table("dp_command_events", schema=None) as batch_op:
        batch_op.drop_index("ix_dp_command_events_command")

    op.drop_table("dp_command_events")
    op.drop_table("dp_command_approvals")
    with op.batch_alter_table("gw_offboarding_steps", schema=None) as batch_op:
        batch_op.drop_index("ix_gw_offboarding_steps_order")
        batch_op.drop_index(
            "ix_gw_offboarding_steps_due",
            sqlite_where=sa.text("state IN ('waiting', 'retrying')"),
            postgresql_where=sa.text("state IN ('waiting', 'retrying')"),
        )
        batch_op.drop_index("ix_gw_offboarding_steps_act")

    op.drop_table("gw_offboarding_steps")
    with op.batch_alter_table("gw_evidence_holds", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_gw_evidence_holds_employee_id"))

    op.drop_table("gw_evidence_holds")
    with op.batch_alter_table("gw_customer_handovers", schema=None) as batch_op:
        batch_op.drop_index("ix_gw_customer_handovers_customer")

    op.drop_table("gw_customer_handovers")
    with op.batch_alter_table("dp_upload_records", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_dp_upload_records_recording_due_at"))
        batch_op.drop_index(batch_op.f("ix_dp_upload_records_employee_id"))
        batch_op.drop_index("ix_dp_upload_records_device")
        batch_op.drop_index(batch_op.f("ix_dp_upload_records_department_id"))
        batch_op.drop_index(batch_op.f("ix_dp_upload_records_customer_id"))
        batch_op.drop_index("ix_dp_upload_records_counterpart")

    op.drop_table("dp_upload_records")
    with op.batch_alter_table("dp_upload_recordings", schema=None) as batch_op:
        batch_op.drop_index("ix_dp_upload_recordings_open")
        batch_op.drop_index(batch_op.f("ix_dp_upload_recordings_employee_id"))
        batch_op.drop_index("ix_dp_upload_recordings_device")
        batch_op.drop_index(batch_op.f("ix_dp_upload_recordings_department_id"))
        batch_op.drop_index(batch_op.f("ix_dp_upload_recordings_customer_id"))

    op.drop_table("dp_upload_recordings")
    with op.batch_alter_table("dp_conduct_acts", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_dp_conduct_acts_event_id"))
        batch_op.drop_index(batch_op.f("ix_dp_conduct_acts_batch_id"))

    op.drop_table("dp_conduct_acts")
    with op.batch_alter_table("dp_upload_events", schema=None) as batch_op:
        batch_op.drop_index("ix_dp_upload_events_open")
        batch_op.drop_index(batch_op.f("ix_dp_upload_events_employee_id"))
        batch_op.drop_index("ix_dp_upload_events_device")
        batch_op.drop_index(batch_op.f("ix_dp_upload_events_department_id"))
        batch_op.drop_index(batch_op.f("ix_dp_upload_events_customer_id"))

    op.drop_table("dp_upload_events")
    with op.batch_alter_table("dp_reports", schema=None) as batch_op:
        batch_op.drop_index("ix_dp_reports_device")

    op.drop_table("dp_reports")
    op.drop_table("dp_policy_versions")
    op.drop_table("dp_policy_drafts")
    with op.batch_alter_table("dp_history", schema=None) as batch_op:
        batch_op.drop_index("ix_dp_history_device")

    op.drop_table("dp_history")
    op.drop_table("dp_desired")
    with op.batch_alter_table("dp_consents", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_dp_consents_employee_id"))
        batch_op.drop_index("ix_dp_consents_device")

    op.drop_table("dp_consents")
    with op.batch_alter_table("dp_commands", schema=None) as batch_op:
        batch_op.drop_index("ix_dp_commands_open")
        batch_op.drop_index(batch_op.f("ix_dp_commands_employee_id"))
        batch_op.drop_index("ix_dp_commands_device")
        batch_op.drop_index(batch_op.f("ix_dp_commands_department_id"))

    op.drop_table("dp_commands")
    op.drop_table("dp_command_cursors")
    with op.batch_alter_table("gw_rebindings", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_gw_rebindings_employee_id"))
        batch_op.drop_index(batch_op.f("ix_gw_rebindings_department_id"))

    op.drop_table("gw_rebindings")
    with op.batch_alter_table("gw_offboardings", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_gw_offboardings_in_force",
            sqlite_where=sa.text("ended_at IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL"),
        )
        batch_op.drop_index(batch_op.f("ix_gw_offboardings_employee_id"))
        batch_op.drop_index(batch_op.f("ix_gw_offboardings_department_id"))

    op.drop_table("gw_offboardings")
    with op.batch_alter_table("gw_offboarding_previews", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_gw_offboarding_previews_expires_at"))

    op.drop_table("gw_offboarding_previews")
    op.drop_table("gw_offboarding_items")
    op.drop_table("dp_wipe_turns")
    with op.batch_alter_table("dp_wakes", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_dp_wakes_at"))

    op.drop_table("dp_wakes")
    op.drop_table("dp_wake_cursors")
    op.drop_table("dp_policies")
    with op.batch_alter_table("dp_nonces", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_dp_nonces_created_at"))

    op.drop_table("dp_nonces")
    with op.batch_alter_table("dp_enrolment_tokens", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_dp_enrolment_tokens_employee_id"))
        batch_op.drop_index(batch_op.f("ix_dp_enrolment_tokens_department_id"))

    op.drop_table("dp_enrolment_tokens")
    with op.batch_alter_table("dp_devices", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_dp_devices_hardware",
            sqlite_where=sa.text("trust = 'TRUSTED'"),
            postgresql_where=sa.text("trust = 'TRUSTED'"),
        )
        batch_op.drop_index(batch_op.f("ix_dp_devices_employee_id"))
        batch_op.drop_index(batch_op.f("ix_dp_devices_department_id"))
        batch_op.drop_index(
            "ix_dp_devices_stale",
            sqlite_where=sa.text("desired_stale = 1"),
            postgresql_where=sa.text("desired_stale"),
        )
        batch_op.drop_index("ix_dp_devices_compliance")

    op.drop_table("dp_devices")
