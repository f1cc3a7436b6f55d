"""first tables.

Revision: 0001, after .
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:

    op.create_table(
        "access_departments",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("parent_id", sa.String(length=32), nullable=True),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("path", sa.String(length=1024), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["parent_id"],
            ["access_departments.id"],
            name=op.f("fk_access_departments_parent_id_access_departments"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_access_departments")),
        sa.UniqueConstraint("parent_id", "name", name=op.f("uq_access_departments_parent_id")),
    )
    with op.batch_alter_table("access_departments", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_access_departments_path"), ["path"], unique=False)

    op.create_table(
        "access_login_attempts",
        sa.Column("key", sa.String(length=80), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("last_try_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("locked_until", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_access_login_attempts")),
    )
    op.create_table(
        "core_heartbeats",
        sa.Column("process", sa.String(length=32), nullable=False),
        sa.Column("node", sa.String(length=128), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("process", "node", name=op.f("pk_core_heartbeats")),
    )
    op.create_table(
        "core_leases",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("owner", sa.String(length=64), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_core_leases")),
    )
    op.create_table(
        "core_ledger_checkpoints",
        sa.Column("size", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("note", sa.String(length=4096), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("size", name=op.f("pk_core_ledger_checkpoints")),
    )
    op.create_table(
        "core_ledger_entries",
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("record", sa.LargeBinary(), nullable=False),
        sa.Column("leaf_hash", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_core_ledger_entries")),
    )
    with op.batch_alter_table("core_ledger_entries", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_core_ledger_entries_kind"), ["kind"], unique=False)

    op.create_table(
        "core_ledger_head",
        sa.Column("id", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("frontier", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_core_ledger_head")),
    )
    op.create_table(
        "core_ledger_nodes",
        sa.Column("level", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("position", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("level", "position", name=op.f("pk_core_ledger_nodes")),
    )
    op.create_table(
        "core_outbox",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("topic", sa.String(length=64), nullable=False),
        sa.Column("key", sa.String(length=128), nullable=False),
        sa.Column("payload", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("leased_by", sa.String(length=64), nullable=True),
        sa.Column("leased_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("dead_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_error", sa.String(length=200), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_core_outbox")),
        sa.UniqueConstraint("topic", "key", name=op.f("uq_core_outbox_topic")),
    )
    with op.batch_alter_table("core_outbox", schema=None) as batch_op:
        batch_op.create_index("ix_core_outbox_due", ["done_at", "dead_at", "due_at"], unique=False)

    op.create_table(
        "core_subject_keys",
        sa.Column("subject_id", sa.String(length=32), nullable=False),
        sa.Column("key_id", sa.String(length=16), nullable=False),
        sa.Column("wrapped_key", sa.LargeBinary(), nullable=True),
        sa.Column("wrapped_by", sa.String(length=16), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("destroyed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(wrapped_key IS NULL) = (destroyed_at IS NOT NULL)", name=op.f("ck_core_subject_keys_erased")
        ),
        sa.PrimaryKeyConstraint("subject_id", name=op.f("pk_core_subject_keys")),
    )
    with op.batch_alter_table("core_subject_keys", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_core_subject_keys_wrapped_by"), ["wrapped_by"], unique=False)

    op.create_table(
        "gw_calls",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("contact_id", sa.String(length=32), nullable=False),
        sa.Column("node", sa.String(length=64), nullable=False),
        sa.Column("flow", sa.String(length=32), nullable=False),
        sa.Column("direction", sa.String(length=32), nullable=False),
        sa.Column("purpose", sa.String(length=32), nullable=False),
        sa.Column("employee_id", sa.String(length=32), nullable=False),
        sa.Column("department_id", sa.String(length=32), nullable=True),
        sa.Column("customer_id", sa.String(length=32), nullable=False),
        sa.Column("binding_id", sa.String(length=32), nullable=False),
        sa.Column("line_id", sa.String(length=32), nullable=False),
        sa.Column("idempotency_key", sa.String(length=128), nullable=True),
        sa.Column("decision", sa.String(length=32), nullable=False),
        sa.Column("rule_id", sa.String(length=64), nullable=True),
        sa.Column("rule_version", sa.String(length=64), nullable=True),
        sa.Column("reason_code", sa.String(length=64), nullable=True),
        sa.Column("reason_zh", sa.String(length=300), nullable=True),
        sa.Column("reason_en", sa.String(length=300), nullable=True),
        sa.Column("next_allowed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("judged_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("media_open_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("staff_ringing_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("staff_answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("customer_dialled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("customer_ringing_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("customer_answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("notice_played_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("bridged_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_by", sa.String(length=32), nullable=True),
        sa.Column("cause", sa.String(length=32), nullable=True),
        sa.Column("sip_status", sa.SmallInteger(), nullable=True),
        sa.Column("notice_ms", sa.Integer(), nullable=True),
        sa.Column("notice_sha256", sa.String(length=64), nullable=True),
        sa.Column("staff_packets", sa.JSON(), nullable=True),
        sa.Column("customer_packets", sa.JSON(), nullable=True),
        sa.Column("recorded_packets", sa.Integer(), nullable=False),
        sa.Column("relayed_packets", sa.Integer(), nullable=False),
        sa.Column("duration_ms", sa.Integer(), nullable=False),
        sa.Column("media_failure", sa.String(length=32), nullable=True),
        sa.Column("recording_id", sa.String(length=64), nullable=True),
        sa.Column("recording_size", sa.BigInteger(), nullable=True),
        sa.Column("recording_sha256", sa.String(length=64), nullable=True),
        sa.Column("wav_sha256", sa.String(length=64), nullable=True),
        sa.Column("cdr_sha256", sa.String(length=64), nullable=True),
        sa.Column("ledger_seq", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_gw_calls")),
        sa.UniqueConstraint("contact_id", name=op.f("uq_gw_calls_contact_id")),
        sa.UniqueConstraint("employee_id", "idempotency_key", name=op.f("uq_gw_calls_employee_id")),
    )
    with op.batch_alter_table("gw_calls", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_gw_calls_customer_id"), ["customer_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_gw_calls_department_id"), ["department_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_gw_calls_employee_id"), ["employee_id"], unique=False)
        batch_op.create_index("ix_gw_calls_open", ["node", "ended_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_gw_calls_started_at"), ["started_at"], unique=False)

    op.create_table(
        "gw_customers",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("phone", sa.LargeBinary(), nullable=True),
        sa.Column("phone_index", sa.LargeBinary(), nullable=True),
        sa.Column("last_four_index", sa.LargeBinary(), nullable=True),
        sa.Column("name", sa.LargeBinary(), nullable=True),
        sa.Column("name_index", sa.LargeBinary(), nullable=True),
        sa.Column("surname_index", sa.LargeBinary(), nullable=True),
        sa.Column("id_number", sa.LargeBinary(), nullable=True),
        sa.Column("external_id", sa.String(length=64), nullable=True),
        sa.Column("owner_id", sa.String(length=32), nullable=False),
        sa.Column("department_id", sa.String(length=32), nullable=True),
        sa.Column("time_zone", sa.String(length=64), nullable=False),
        sa.Column("city", sa.String(length=50), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.String(length=32), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("erased_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_gw_customers")),
        sa.UniqueConstraint("external_id", name=op.f("uq_gw_customers_external_id")),
        sa.UniqueConstraint("phone_index", name=op.f("uq_gw_customers_phone_index")),
    )
    with op.batch_alter_table("gw_customers", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_gw_customers_department_id"), ["department_id"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_gw_customers_last_four_index"), ["last_four_index"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_gw_customers_name_index"), ["name_index"], unique=False)
        batch_op.create_index(batch_op.f("ix_gw_customers_owner_id"), ["owner_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_gw_customers_surname_index"), ["surname_index"], unique=False)

    op.create_table(
        "gw_lines",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("number", sa.String(length=20), nullable=False),
        sa.Column("city", sa.String(length=50), nullable=False),
        sa.Column(
            "status",
            sa.Enum("active", "suspended", "retired", name="linestatus", native_enum=False, length=24),
            nullable=False,
        ),
        sa.Column("owner_name", sa.String(length=100), nullable=False),
        sa.Column("registration", sa.String(length=100), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_gw_lines")),
        sa.UniqueConstraint("number", name=op.f("uq_gw_lines_number")),
    )
    op.create_table(
        "gw_sip_accounts",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("employee_id", sa.String(length=32), nullable=False),
        sa.Column("username", sa.String(length=64), nullable=False),
        sa.Column("realm", sa.String(length=128), nullable=False),
        sa.Column("ha1_md5", sa.LargeBinary(), nullable=False),
        sa.Column("ha1_sha256", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("rotated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_gw_sip_accounts")),
        sa.UniqueConstraint("employee_id", name=op.f("uq_gw_sip_accounts_employee_id")),
        sa.UniqueConstraint("username", name=op.f("uq_gw_sip_accounts_username")),
    )
    op.create_table(
        "qa_inspections",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("contact_id", sa.String(length=32), nullable=False),
        sa.Column("subject_id", sa.String(length=32), nullable=True),
        sa.Column("employee_id", sa.String(length=32), nullable=False),
        sa.Column("department_id", sa.String(length=32), nullable=True),
        sa.Column("channel", sa.String(length=16), nullable=False),
        sa.Column("direction", sa.String(length=16), nullable=False),
        sa.Column("purpose", sa.String(length=16), nullable=False),
        sa.Column("contact_started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.String(length=64), nullable=True),
        sa.Column("retryable", sa.Boolean(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("nothing_because", sa.String(length=32), nullable=True),
        sa.Column("score", sa.Integer(), nullable=True),
        sa.Column("band", sa.String(length=16), nullable=True),
        sa.Column("fatal", sa.Boolean(), nullable=False),
        sa.Column("finding_count", sa.Integer(), nullable=False),
        sa.Column("severe_count", sa.Integer(), nullable=False),
        sa.Column("suspected_count", sa.Integer(), nullable=False),
        sa.Column("rules_version", sa.String(length=32), nullable=True),
        sa.Column("lexicon_version", sa.String(length=400), nullable=True),
        sa.Column("engine", sa.String(length=200), nullable=True),
        sa.Column("report", sa.JSON(), nullable=True),
        sa.Column("keywords", sa.LargeBinary(), nullable=True),
        sa.Column("transcript_hash", sa.String(length=64), nullable=True),
        sa.Column("findings_hash", sa.String(length=64), nullable=True),
        sa.Column("ledger_seq", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state <> 'done' OR finished_at IS NOT NULL", name=op.f("ck_qa_inspections_finished")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_qa_inspections")),
        sa.UniqueConstraint("contact_id", name=op.f("uq_qa_inspections_contact_id")),
    )
    with op.batch_alter_table("qa_inspections", schema=None) as batch_op:
        batch_op.create_index("ix_qa_inspections_band", ["band", "contact_started_at"], unique=False)
        batch_op.create_index(
            "ix_qa_inspections_department", ["department_id", "contact_started_at"], unique=False
        )
        batch_op.create_index(
            "ix_qa_inspections_employee", ["employee_id", "contact_started_at"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_qa_inspections_state"), ["state"], unique=False)

    op.create_table(
        "access_employees",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("username", sa.String(length=64), nullable=False),
        sa.Column("display_name", sa.String(length=100), nullable=False),
        sa.Column("department_id", sa.String(length=32), nullable=True),
        sa.Column(
            "state",
            sa.Enum(
                "active",
                "suspended",
                name="employeestate",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=False,
        ),
        sa.Column("password_hash", sa.String(length=255), nullable=False),
        sa.Column("password_changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("must_change_password", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("suspended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["department_id"],
            ["access_departments.id"],
            name=op.f("fk_access_employees_department_id_access_departments"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_access_employees")),
        sa.UniqueConstraint("username", name=op.f("uq_access_employees_username")),
    )
    with op.batch_alter_table("access_employees", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_access_employees_department_id"), ["department_id"], unique=False
        )

    op.create_table(
        "gw_bindings",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("token", sa.String(length=32), nullable=False),
        sa.Column("line_id", sa.String(length=32), nullable=False),
        sa.Column("employee_id", sa.String(length=32), nullable=False),
        sa.Column("department_id", sa.String(length=32), nullable=True),
        sa.Column("customer_id", sa.String(length=32), nullable=False),
        sa.Column(
            "purpose",
            sa.Enum("sales", "collection", "service", name="purpose", native_enum=False, length=24),
            nullable=False,
        ),
        sa.Column("direct_dial", sa.Boolean(), nullable=False),
        sa.Column("idempotency_key", sa.String(length=64), nullable=True),
        sa.Column("request_digest", sa.String(length=64), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.String(length=32), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("renewed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("released_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("release_reason", sa.String(length=24), nullable=True),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["gw_customers.id"], name=op.f("fk_gw_bindings_customer_id_gw_customers")
        ),
        sa.ForeignKeyConstraint(["line_id"], ["gw_lines.id"], name=op.f("fk_gw_bindings_line_id_gw_lines")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_gw_bindings")),
        sa.UniqueConstraint("created_by", "idempotency_key", name=op.f("uq_gw_bindings_created_by")),
        sa.UniqueConstraint("token", name=op.f("uq_gw_bindings_token")),
    )
    with op.batch_alter_table("gw_bindings", schema=None) as batch_op:
        batch_op.create_index("ix_gw_bindings_customer", ["customer_id", "id"], unique=False)
        batch_op.create_index(batch_op.f("ix_gw_bindings_department_id"), ["department_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_gw_bindings_employee_id"), ["employee_id"], unique=False)
        batch_op.create_index("ix_gw_bindings_expiry", ["released_at", "expires_at"], unique=False)
        batch_op.create_index(
            "uq_gw_bindings_direct",
            ["line_id", "employee_id"],
            unique=True,
            sqlite_where=sa.text("released_at IS NULL AND direct_dial"),
            postgresql_where=sa.text("released_at IS NULL AND direct_dial"),
        )
        batch_op.create_index(
            "uq_gw_bindings_inbound",
            ["line_id", "customer_id"],
            unique=True,
            sqlite_where=sa.text("released_at IS NULL"),
            postgresql_where=sa.text("released_at IS NULL"),
        )
        batch_op.create_index(
            "uq_gw_bindings_pair",
            ["employee_id", "customer_id", "purpose"],
            unique=True,
            sqlite_where=sa.text("released_at IS NULL"),
            postgresql_where=sa.text("released_at IS NULL"),
        )

    op.create_table(
        "gw_consents",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("customer_id", sa.String(length=32), nullable=False),
        sa.Column(
            "purpose",
            sa.Enum("sales", "collection", "service", name="purpose", native_enum=False, length=24),
            nullable=False,
        ),
        sa.Column(
            "source",
            sa.Enum(
                "written",
                "web",
                "app",
                "call",
                "message",
                "in_person",
                "other",
                name="consentsource",
                native_enum=False,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("evidence", sa.LargeBinary(), nullable=True),
        sa.Column("given_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_by", sa.String(length=32), nullable=False),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("withdrawn_by", sa.String(length=32), nullable=True),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["gw_customers.id"], name=op.f("fk_gw_consents_customer_id_gw_customers")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_gw_consents")),
    )
    with op.batch_alter_table("gw_consents", schema=None) as batch_op:
        batch_op.create_index("ix_gw_consents_customer", ["customer_id", "purpose"], unique=False)

    op.create_table(
        "gw_customer_tags",
        sa.Column("customer_id", sa.String(length=32), nullable=False),
        sa.Column("tag", sa.String(length=40), nullable=False),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["gw_customers.id"], name=op.f("fk_gw_customer_tags_customer_id_gw_customers")
        ),
        sa.PrimaryKeyConstraint("customer_id", "tag", name=op.f("pk_gw_customer_tags")),
    )
    with op.batch_alter_table("gw_customer_tags", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_gw_customer_tags_tag"), ["tag"], unique=False)

    op.create_table(
        "gw_do_not_contact",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("customer_id", sa.String(length=32), nullable=False),
        sa.Column(
            "purpose",
            sa.Enum("sales", "collection", "service", name="purpose", native_enum=False, length=24),
            nullable=True,
        ),
        sa.Column(
            "channel", sa.Enum("call", "message", name="channel", native_enum=False, length=24), nullable=True
        ),
        sa.Column(
            "reason",
            sa.Enum(
                "customer_request",
                "complaint",
                "dispute",
                "legal",
                "wrong_number",
                "deceased",
                "other",
                name="blockreason",
                native_enum=False,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("note", sa.LargeBinary(), nullable=True),
        sa.Column("until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.String(length=32), nullable=False),
        sa.Column("lifted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lifted_by", sa.String(length=32), nullable=True),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["gw_customers.id"], name=op.f("fk_gw_do_not_contact_customer_id_gw_customers")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_gw_do_not_contact")),
    )
    with op.batch_alter_table("gw_do_not_contact", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_gw_do_not_contact_customer_id"), ["customer_id"], unique=False)

    op.create_table(
        "gw_registrations",
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.Column("employee_id", sa.String(length=32), nullable=False),
        sa.Column("contact_user", sa.String(length=64), nullable=False),
        sa.Column("host", sa.String(length=255), nullable=False),
        sa.Column("port", sa.Integer(), nullable=False),
        sa.Column("registered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["gw_sip_accounts.id"],
            name=op.f("fk_gw_registrations_account_id_gw_sip_accounts"),
        ),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_gw_registrations")),
        sa.UniqueConstraint("employee_id", name=op.f("uq_gw_registrations_employee_id")),
    )
    op.create_table(
        "qa_findings",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("inspection_id", sa.String(length=32), nullable=False),
        sa.Column("idx", sa.Integer(), nullable=False),
        sa.Column("rule_id", sa.String(length=64), nullable=False),
        sa.Column("rule_version", sa.String(length=32), nullable=False),
        sa.Column("term_id", sa.String(length=130), nullable=True),
        sa.Column("category", sa.String(length=64), nullable=False),
        sa.Column("severity", sa.String(length=16), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("sentence_index", sa.Integer(), nullable=True),
        sa.Column("begin_ms", sa.Integer(), nullable=False),
        sa.Column("end_ms", sa.Integer(), nullable=False),
        sa.Column("char_begin", sa.Integer(), nullable=False),
        sa.Column("char_end", sa.Integer(), nullable=False),
        sa.Column("matched_by", sa.String(length=16), nullable=False),
        sa.Column("confidence", sa.Double(), nullable=False),
        sa.Column("suspected", sa.Boolean(), nullable=False),
        sa.Column("fatal", sa.Boolean(), nullable=False),
        sa.Column("deduction", sa.Integer(), nullable=False),
        sa.Column("text", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(
            ["inspection_id"],
            ["qa_inspections.id"],
            name=op.f("fk_qa_findings_inspection_id_qa_inspections"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_qa_findings")),
        sa.UniqueConstraint("inspection_id", "idx", name=op.f("uq_qa_findings_inspection_id")),
    )
    with op.batch_alter_table("qa_findings", schema=None) as batch_op:
        batch_op.create_index("ix_qa_findings_category", ["category", "severity"], unique=False)

    op.create_table(
        "qa_sentences",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("inspection_id", sa.String(length=32), nullable=False),
        sa.Column("idx", sa.Integer(), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("begin_ms", sa.Integer(), nullable=False),
        sa.Column("end_ms", sa.Integer(), nullable=False),
        sa.Column("confidence", sa.Double(), nullable=False),
        sa.Column("text", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["inspection_id"],
            ["qa_inspections.id"],
            name=op.f("fk_qa_sentences_inspection_id_qa_inspections"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_qa_sentences")),
        sa.UniqueConstraint("inspection_id", "idx", name=op.f("uq_qa_sentences_inspection_id")),
    )
    op.create_table(
        "access_employee_roles",
        sa.Column("employee_id", sa.String(length=32), nullable=False),
        sa.Column(
            "role",
            sa.Enum(
                "agent",
                "supervisor",
                "reviewer",
                "administrator",
                "auditor",
                name="role",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["employee_id"],
            ["access_employees.id"],
            name=op.f("fk_access_employee_roles_employee_id_access_employees"),
        ),
        sa.PrimaryKeyConstraint("employee_id", "role", name=op.f("pk_access_employee_roles")),
    )
    op.create_table(
        "access_recovery_codes",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("employee_id", sa.String(length=32), nullable=False),
        sa.Column("code_hash", sa.String(length=64), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["employee_id"],
            ["access_employees.id"],
            name=op.f("fk_access_recovery_codes_employee_id_access_employees"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_access_recovery_codes")),
    )
    with op.batch_alter_table("access_recovery_codes", schema=None) as batch_op:
        batch_op.create_index("ix_access_recovery_codes_lookup", ["employee_id", "code_hash"], unique=False)

    op.create_table(
        "access_sessions",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("employee_id", sa.String(length=32), nullable=False),
        sa.Column(
            "stage",
            sa.Enum(
                "totp",
                "change_password",
                "enrol_totp",
                "full",
                name="stage",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=False,
        ),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("verified_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("source", sa.String(length=45), nullable=False),
        sa.ForeignKeyConstraint(
            ["employee_id"],
            ["access_employees.id"],
            name=op.f("fk_access_sessions_employee_id_access_employees"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_access_sessions")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_access_sessions_token_hash")),
    )
    with op.batch_alter_table("access_sessions", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_access_sessions_employee_id"), ["employee_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_access_sessions_expires_at"), ["expires_at"], unique=False)

    op.create_table(
        "access_totp",
        sa.Column("employee_id", sa.String(length=32), nullable=False),
        sa.Column("secret", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_counter", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["employee_id"], ["access_employees.id"], name=op.f("fk_access_totp_employee_id_access_employees")
        ),
        sa.PrimaryKeyConstraint("employee_id", name=op.f("pk_access_totp")),
    )
    op.create_table(
        "gw_contacts",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("binding_id", sa.String(length=32), nullable=False),
        sa.Column("line_id", sa.String(length=32), nullable=False),
        sa.Column("employee_id", sa.String(length=32), nullable=False),
        sa.Column("department_id", sa.String(length=32), nullable=True),
        sa.Column("customer_id", sa.String(length=32), nullable=False),
        sa.Column(
            "purpose",
            sa.Enum("sales", "collection", "service", name="purpose", native_enum=False, length=24),
            nullable=False,
        ),
        sa.Column(
            "channel",
            sa.Enum("call", "message", name="channel", native_enum=False, length=24),
            nullable=False,
        ),
        sa.Column(
            "direction",
            sa.Enum("outbound", "inbound", name="direction", native_enum=False, length=24),
            nullable=False,
        ),
        sa.Column(
            "outcome",
            sa.Enum(
                "pending",
                "connected",
                "unanswered",
                "refused",
                "failed",
                name="outcome",
                native_enum=False,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("node", sa.String(length=64), nullable=True),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("time_zone", sa.String(length=64), nullable=False),
        sa.Column(
            "decision",
            sa.Enum("allow", "deny", "hold", name="decision", native_enum=False, length=24),
            nullable=False,
        ),
        sa.Column("rule_id", sa.String(length=64), nullable=True),
        sa.Column("rule_version", sa.String(length=24), nullable=True),
        sa.Column("reason_code", sa.String(length=40), nullable=True),
        sa.Column("reason_zh", sa.String(length=300), nullable=False),
        sa.Column("reason_en", sa.String(length=300), nullable=False),
        sa.Column("next_allowed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("others", sa.JSON(), nullable=False),
        sa.Column("rules_digest", sa.String(length=64), nullable=False),
        sa.Column("verdict_seq", sa.Integer(), nullable=True),
        sa.Column("rechecked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revealed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["binding_id"], ["gw_bindings.id"], name=op.f("fk_gw_contacts_binding_id_gw_bindings")
        ),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["gw_customers.id"], name=op.f("fk_gw_contacts_customer_id_gw_customers")
        ),
        sa.ForeignKeyConstraint(["line_id"], ["gw_lines.id"], name=op.f("fk_gw_contacts_line_id_gw_lines")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_gw_contacts")),
    )
    with op.batch_alter_table("gw_contacts", schema=None) as batch_op:
        batch_op.create_index("ix_gw_contacts_customer", ["customer_id", "requested_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_gw_contacts_department_id"), ["department_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_gw_contacts_employee_id"), ["employee_id"], unique=False)
        batch_op.create_index("ix_gw_contacts_open", ["outcome", "node"], unique=False)

    op.create_table(
        "qa_alerts",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("inspection_id", sa.String(length=32), nullable=False),
        sa.Column("finding_id", sa.String(length=32), nullable=False),
        sa.Column("contact_id", sa.String(length=32), nullable=False),
        sa.Column("employee_id", sa.String(length=32), nullable=False),
        sa.Column("department_id", sa.String(length=32), nullable=True),
        sa.Column("category", sa.String(length=64), nullable=False),
        sa.Column("severity", sa.String(length=16), nullable=False),
        sa.Column("suspected", sa.Boolean(), nullable=False),
        sa.Column("hits", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("taken_by", sa.String(length=32), nullable=True),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_by", sa.String(length=32), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("note", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(
            ["finding_id"],
            ["qa_findings.id"],
            name=op.f("fk_qa_alerts_finding_id_qa_findings"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["inspection_id"],
            ["qa_inspections.id"],
            name=op.f("fk_qa_alerts_inspection_id_qa_inspections"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_qa_alerts")),
        sa.UniqueConstraint("inspection_id", "category", name=op.f("uq_qa_alerts_inspection_id")),
    )
    with op.batch_alter_table("qa_alerts", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_qa_alerts_contact_id"), ["contact_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_qa_alerts_department_id"), ["department_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_qa_alerts_employee_id"), ["employee_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_qa_alerts_finding_id"), ["finding_id"], unique=False)
        batch_op.create_index("ix_qa_alerts_state", ["state", "created_at"], unique=False)


def downgrade() -> None:

    with op.batch_alter_table("qa_alerts", schema=None) as batch_op:
        batch_op.drop_index("ix_qa_alerts_state")
        batch_op.drop_index(batch_op.f("ix_qa_alerts_finding_id"))
        batch_op.drop_index(batch_op.f("ix_qa_alerts_employee_id"))
        batch_op.drop_index(batch_op.f("ix_qa_alerts_department_id"))
        batch_op.drop_index(batch_op.f("ix_qa_alerts_contact_id"))

    op.drop_table("qa_alerts")
    with op.batch_alter_table("gw_contacts", schema=None) as batch_op:
        batch_op.drop_index("ix_gw_contacts_open")
        batch_op.drop_index(batch_op.f("ix_gw_contacts_employee_id"))
        batch_op.drop_index(batch_op.f("ix_gw_contacts_department_id"))
        batch_op.drop_index("ix_gw_contacts_customer")

    op.drop_table("gw_contacts")
    op.drop_table("access_totp")
    with op.batch_alter_table("access_sessions", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_access_sessions_expires_at"))
        batch_op.drop_index(batch_op.f("ix_access_sessions_employee_id"))

    op.drop_table("access_sessions")
    with op.batch_alter_table("access_recovery_codes", schema=None) as batch_op:
        batch_op.drop_index("ix_access_recovery_codes_lookup")

    op.drop_table("access_recovery_codes")
    op.drop_table("access_employee_roles")
    op.drop_table("qa_sentences")
    with op.batch_alter_table("qa_findings", schema=None) as batch_op:
        batch_op.drop_index("ix_qa_findings_category")

    op.drop_table("qa_findings")
    op.drop_table("gw_registrations")
    with op.batch_alter_table("gw_do_not_contact", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_gw_do_not_contact_customer_id"))

    op.drop_table("gw_do_not_contact")
    with op.batch_alter_table("gw_customer_tags", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_gw_customer_tags_tag"))

    op.drop_table("gw_customer_tags")
    with op.batch_alter_table("gw_consents", schema=None) as batch_op:
        batch_op.drop_index("ix_gw_consents_customer")

    op.drop_table("gw_consents")
    with op.batch_alter_table("gw_bindings", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_gw_bindings_pair",
            sqlite_where=sa.text("released_at IS NULL"),
            postgresql_where=sa.text("released_at IS NULL"),
        )
        batch_op.drop_index(
            "uq_gw_bindings_inbound",
            sqlite_where=sa.text("released_at IS NULL"),
            postgresql_where=sa.text("released_at IS NULL"),
        )
        batch_op.drop_index(
            "uq_gw_bindings_direct",
            sqlite_where=sa.text("released_at IS NULL AND direct_dial"),
            postgresql_where=sa.text("released_at IS NULL AND direct_dial"),
        )
        batch_op.drop_index("ix_gw_bindings_expiry")
        batch_op.drop_index(batch_op.f("ix_gw_bindings_employee_id"))
        batch_op.drop_index(batch_op.f("ix_gw_bindings_department_id"))
        batch_op.drop_index("ix_gw_bindings_customer")

    op.drop_table("gw_bindings")
    with op.batch_alter_table("access_employees", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_access_employees_department_id"))

    op.drop_table("access_employees")
    with op.batch_alter_table("qa_inspections", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_qa_inspections_state"))
        batch_op.drop_index("ix_qa_inspections_employee")
        batch_op.drop_index("ix_qa_inspections_department")
        batch_op.drop_index("ix_qa_inspections_band")

    op.drop_table("qa_inspections")
    op.drop_table("gw_sip_accounts")
    op.drop_table("gw_lines")
    with op.batch_alter_table("gw_customers", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_gw_customers_surname_index"))
        batch_op.drop_index(batch_op.f("ix_gw_customers_owner_id"))
        batch_op.drop_index(batch_op.f("ix_gw_customers_name_index"))
        batch_op.drop_index(batch_op.f("ix_gw_customers_last_four_index"))
        batch_op.drop_index(batch_op.f("ix_gw_customers_department_id"))

    op.drop_table("gw_customers")
    with op.batch_alter_table("gw_calls", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_gw_calls_started_at"))
        batch_op.drop_index("ix_gw_calls_open")
        batch_op.drop_index(batch_op.f("ix_gw_calls_employee_id"))
        batch_op.drop_index(batch_op.f("ix_gw_calls_department_id"))
        batch_op.drop_index(batch_op.f("ix_gw_calls_customer_id"))

    op.drop_table("gw_calls")
    with op.batch_alter_table("core_subject_keys", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_core_subject_keys_wrapped_by"))

    op.drop_table("core_subject_keys")
    with op.batch_alter_table("core_outbox", schema=None) as batch_op:
        batch_op.drop_index("ix_core_outbox_due")

    op.drop_table("core_outbox")
    op.drop_table("core_ledger_nodes")
    op.drop_table("core_ledger_head")
    with op.batch_alter_table("core_ledger_entries", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_core_ledger_entries_kind"))

    op.drop_table("core_ledger_entries")
    op.drop_table("core_ledger_checkpoints")
    op.drop_table("core_leases")
    op.drop_table("core_heartbeats")
    op.drop_table("access_login_attempts")
    with op.batch_alter_table("access_departments", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_access_departments_path"))

    op.drop_table("access_departments")
