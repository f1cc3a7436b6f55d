"""Days of threads inspected, review and appeals, conduct, notes, imports, access log, exports.

Revision: 0003, after 0002.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "core_access_log",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("actor_id", sa.String(length=32), nullable=True),
        sa.Column("session_id", sa.String(length=32), nullable=True),
        sa.Column("target_id", sa.String(length=64), nullable=True),
        sa.Column("contact_id", sa.String(length=32), nullable=True),
        sa.Column("customer_id", sa.String(length=32), nullable=True),
        sa.Column("detail", sa.String(length=32), nullable=True),
        sa.Column("ledger_seq", sa.BigInteger(), nullable=True),
        sa.Column("digest_seq", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_core_access_log")),
        sa.UniqueConstraint("ledger_seq", name=op.f("uq_core_access_log_ledger_seq")),
    )
    with op.batch_alter_table("core_access_log", schema=None) as batch_op:
        batch_op.create_index("ix_core_access_log_actor", ["actor_id", "at"], unique=False)
        batch_op.create_index(batch_op.f("ix_core_access_log_at"), ["at"], unique=False)
        batch_op.create_index("ix_core_access_log_customer", ["customer_id", "at"], unique=False)
        batch_op.create_index(batch_op.f("ix_core_access_log_kind"), ["kind"], unique=False)
        batch_op.create_index("ix_core_access_log_undigested", ["digest_seq", "ledger_seq"], unique=False)

    op.create_table(
        "core_exports",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("asked_by", sa.String(length=32), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("contact_id", sa.String(length=32), nullable=True),
        sa.Column("customer_id", sa.String(length=32), nullable=True),
        sa.Column("since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("contacts", sa.Integer(), nullable=False),
        sa.Column("entries", sa.Integer(), nullable=False),
        sa.Column("recordings", sa.Integer(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("erased", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("done_bytes", sa.BigInteger(), nullable=False),
        sa.Column("beat_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("fault", sa.String(length=64), nullable=True),
        sa.Column("key_id", sa.String(length=64), nullable=True),
        sa.Column("blob_id", sa.String(length=64), nullable=True),
        sa.Column("size", sa.BigInteger(), nullable=True),
        sa.Column("sha256", sa.String(length=64), nullable=True),
        sa.Column("checkpoint_size", sa.BigInteger(), nullable=True),
        sa.Column("ledger_seq", sa.BigInteger(), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_core_exports")),
    )
    with op.batch_alter_table("core_exports", schema=None) as batch_op:
        batch_op.create_index("ix_core_exports_asked", ["asked_by", "id"], unique=False)
        batch_op.create_index(batch_op.f("ix_core_exports_expires_at"), ["expires_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_core_exports_state"), ["state"], unique=False)

    op.create_table(
        "gw_imports",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by", sa.String(length=32), nullable=False),
        sa.Column("department_id", sa.String(length=32), nullable=True),
        sa.Column("owner_id", sa.String(length=32), nullable=True),
        sa.Column("mode", sa.String(length=24), nullable=False),
        sa.Column("dry_run", sa.Boolean(), nullable=False),
        sa.Column("rows_read", sa.Integer(), nullable=False),
        sa.Column("good", sa.Integer(), nullable=False),
        sa.Column("written", sa.Integer(), nullable=False),
        sa.Column("refusals", sa.JSON(), nullable=False),
        sa.Column("ignored_columns", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_gw_imports")),
    )
    with op.batch_alter_table("gw_imports", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_gw_imports_by"), ["by"], unique=False)
        batch_op.create_index(batch_op.f("ix_gw_imports_department_id"), ["department_id"], unique=False)

    op.create_table(
        "qa_conducts",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=24), nullable=False),
        sa.Column("severity", sa.String(length=16), nullable=False),
        sa.Column("catalogue_version", sa.String(length=32), nullable=False),
        sa.Column("employee_id", sa.String(length=32), nullable=True),
        sa.Column("department_id", sa.String(length=32), nullable=True),
        sa.Column("subject_id", sa.String(length=32), nullable=True),
        sa.Column("thread_id", sa.String(length=32), nullable=True),
        sa.Column("message_id", sa.String(length=32), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("found_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ledger_seq", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_qa_conducts")),
    )
    with op.batch_alter_table("qa_conducts", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_qa_conducts_department_id"), ["department_id"], unique=False)
        batch_op.create_index("ix_qa_conducts_employee", ["employee_id", "at"], unique=False)
        batch_op.create_index(batch_op.f("ix_qa_conducts_kind"), ["kind"], unique=False)
        batch_op.create_index(batch_op.f("ix_qa_conducts_message_id"), ["message_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_qa_conducts_thread_id"), ["thread_id"], unique=False)

    op.create_table(
        "gw_customer_notes",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("customer_id", sa.String(length=32), nullable=False),
        sa.Column("text", sa.LargeBinary(), nullable=True),
        sa.Column("masked", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.String(length=32), nullable=False),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["gw_customers.id"], name=op.f("fk_gw_customer_notes_customer_id_gw_customers")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_gw_customer_notes")),
    )
    with op.batch_alter_table("gw_customer_notes", schema=None) as batch_op:
        batch_op.create_index("ix_gw_customer_notes_customer", ["customer_id", "id"], unique=False)

    op.create_table(
        "gw_next_steps",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("customer_id", sa.String(length=32), nullable=False),
        sa.Column(
            "kind",
            sa.Enum("call", "message", "other", name="stepkind", native_enum=False, length=24),
            nullable=False,
        ),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("text", sa.LargeBinary(), nullable=True),
        sa.Column("masked", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.String(length=32), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("done_by", sa.String(length=32), nullable=True),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["gw_customers.id"], name=op.f("fk_gw_next_steps_customer_id_gw_customers")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_gw_next_steps")),
    )
    with op.batch_alter_table("gw_next_steps", schema=None) as batch_op:
        batch_op.create_index("ix_gw_next_steps_open", ["customer_id", "done_at", "due_at"], unique=False)

    op.create_table(
        "qa_covered_contacts",
        sa.Column("contact_id", sa.String(length=32), nullable=False),
        sa.Column("inspection_id", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(
            ["inspection_id"],
            ["qa_inspections.id"],
            name=op.f("fk_qa_covered_contacts_inspection_id_qa_inspections"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("contact_id", name=op.f("pk_qa_covered_contacts")),
    )
    with op.batch_alter_table("qa_covered_contacts", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_qa_covered_contacts_inspection_id"), ["inspection_id"], unique=False
        )

    op.create_table(
        "qa_reviews",
        sa.Column("inspection_id", sa.String(length=32), nullable=False),
        sa.Column("employee_id", sa.String(length=32), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("number", sa.Integer(), nullable=True),
        sa.Column("sampled", sa.Boolean(), nullable=False),
        sa.Column("policy_version", sa.String(length=32), nullable=False),
        sa.Column("reviewer_id", sa.String(length=32), nullable=True),
        sa.Column("claimed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reviewed_by", sa.String(length=32), nullable=True),
        sa.Column("reviewed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("score", sa.Integer(), nullable=True),
        sa.Column("band", sa.String(length=16), nullable=True),
        sa.Column("fatal", sa.Boolean(), nullable=False),
        sa.Column("confirmed_count", sa.Integer(), nullable=False),
        sa.Column("overturned_count", sa.Integer(), nullable=False),
        sa.Column("open_appeals", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["inspection_id"],
            ["qa_inspections.id"],
            name=op.f("fk_qa_reviews_inspection_id_qa_inspections"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("inspection_id", name=op.f("pk_qa_reviews")),
    )
    with op.batch_alter_table("qa_reviews", schema=None) as batch_op:
        batch_op.create_index("ix_qa_reviews_employee", ["employee_id", "number"], unique=False)
        batch_op.create_index("ix_qa_reviews_state", ["state", "sampled"], unique=False)

    op.create_table(
        "qa_appeals",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("finding_id", sa.String(length=32), nullable=False),
        sa.Column("inspection_id", sa.String(length=32), nullable=False),
        sa.Column("employee_id", sa.String(length=32), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("after", sa.Integer(), nullable=False),
        sa.Column("raised_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("settled_by", sa.String(length=32), nullable=True),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(
            ["finding_id"],
            ["qa_findings.id"],
            name=op.f("fk_qa_appeals_finding_id_qa_findings"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["inspection_id"],
            ["qa_inspections.id"],
            name=op.f("fk_qa_appeals_inspection_id_qa_inspections"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_qa_appeals")),
        sa.UniqueConstraint("finding_id", name=op.f("uq_qa_appeals_finding_id")),
    )
    with op.batch_alter_table("qa_appeals", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_qa_appeals_inspection_id"), ["inspection_id"], unique=False)
        batch_op.create_index("ix_qa_appeals_state", ["state", "raised_at"], unique=False)

    op.create_table(
        "qa_decisions",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("finding_id", sa.String(length=32), nullable=False),
        sa.Column("inspection_id", sa.String(length=32), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("step", sa.String(length=16), nullable=False),
        sa.Column("undoes", sa.String(length=32), nullable=True),
        sa.Column("appeal_id", sa.String(length=32), nullable=True),
        sa.Column("decided_by", sa.String(length=32), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("score_before", sa.Integer(), nullable=True),
        sa.Column("score_after", sa.Integer(), nullable=True),
        sa.Column("ledger_seq", sa.Integer(), nullable=True),
        sa.Column("comment", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(
            ["finding_id"],
            ["qa_findings.id"],
            name=op.f("fk_qa_decisions_finding_id_qa_findings"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["inspection_id"],
            ["qa_inspections.id"],
            name=op.f("fk_qa_decisions_inspection_id_qa_inspections"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_qa_decisions")),
        sa.UniqueConstraint("finding_id", "revision", name=op.f("uq_qa_decisions_finding_id")),
    )
    with op.batch_alter_table("qa_decisions", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_qa_decisions_inspection_id"), ["inspection_id"], unique=False)

    op.create_table(
        "qa_rulings",
        sa.Column("finding_id", sa.String(length=32), nullable=False),
        sa.Column("inspection_id", sa.String(length=32), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("ruling", sa.String(length=16), nullable=True),
        sa.Column("decision_id", sa.String(length=32), nullable=True),
        sa.ForeignKeyConstraint(
            ["finding_id"],
            ["qa_findings.id"],
            name=op.f("fk_qa_rulings_finding_id_qa_findings"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["inspection_id"],
            ["qa_inspections.id"],
            name=op.f("fk_qa_rulings_inspection_id_qa_inspections"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("finding_id", name=op.f("pk_qa_rulings")),
    )
    with op.batch_alter_table("qa_rulings", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_qa_rulings_inspection_id"), ["inspection_id"], unique=False)

    with op.batch_alter_table("gw_attachments", schema=None) as batch_op:
        batch_op.add_column(sa.Column("read_result", sa.String(length=16), nullable=True))
        batch_op.add_column(sa.Column("read_confidence", sa.Double(), nullable=True))
        batch_op.add_column(sa.Column("read_hidden", sa.JSON(), nullable=True))

    with op.batch_alter_table("gw_calls", schema=None) as batch_op:
        batch_op.create_index(
            "ix_gw_calls_live",
            ["id"],
            unique=False,
            sqlite_where=sa.text("ended_at IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL"),
        )

    with op.batch_alter_table("gw_contacts", schema=None) as batch_op:
        batch_op.create_index("ix_gw_contacts_decided", ["decision", "requested_at"], unique=False)

    with op.batch_alter_table("gw_messages", schema=None) as batch_op:
        batch_op.add_column(sa.Column("review_note", sa.LargeBinary(), nullable=True))

    with op.batch_alter_table("qa_alerts", schema=None) as batch_op:
        batch_op.add_column(sa.Column("conduct_id", sa.String(length=32), nullable=True))
        batch_op.add_column(sa.Column("thread_id", sa.String(length=32), nullable=True))
        batch_op.add_column(sa.Column("message_id", sa.String(length=32), nullable=True))
        batch_op.add_column(sa.Column("closed_because", sa.String(length=16), nullable=True))
        batch_op.alter_column("inspection_id", existing_type=sa.VARCHAR(length=32), nullable=True)
        batch_op.alter_column("finding_id", existing_type=sa.VARCHAR(length=32), nullable=True)
        batch_op.alter_column("contact_id", existing_type=sa.VARCHAR(length=32), nullable=True)
        batch_op.alter_column("employee_id", existing_type=sa.VARCHAR(length=32), nullable=True)
        batch_op.drop_constraint(batch_op.f("uq_qa_alerts_inspection_id"), type_="unique")
        batch_op.create_index(batch_op.f("ix_qa_alerts_thread_id"), ["thread_id"], unique=False)
        batch_op.create_unique_constraint(batch_op.f("uq_qa_alerts_conduct_id"), ["conduct_id"])
        batch_op.create_index(
            "uq_qa_alerts_unclosed",
            ["inspection_id", "category"],
            unique=True,
            sqlite_where=sa.text("state <> 'closed'"),
            postgresql_where=sa.text("state <> 'closed'"),
        )
        batch_op.create_foreign_key(
            batch_op.f("fk_qa_alerts_conduct_id_qa_conducts"),
            "qa_conducts",
            ["conduct_id"],
            ["id"],
            ondelete="CASCADE",
        )
        batch_op.create_check_constraint(
            batch_op.f("ck_qa_alerts_one_cause"), "(finding_id IS NULL) <> (conduct_id IS NULL)"
        )
        batch_op.create_check_constraint(
            batch_op.f("ck_qa_alerts_finding_of_inspection"),
            "(finding_id IS NULL) = (inspection_id IS NULL)",
        )

    with op.batch_alter_table("qa_findings", schema=None) as batch_op:
        batch_op.add_column(sa.Column("message_id", sa.String(length=32), nullable=True))
        batch_op.add_column(sa.Column("attachment_id", sa.String(length=32), nullable=True))
        batch_op.create_index("ix_qa_findings_message", ["message_id"], unique=False)

    with op.batch_alter_table("qa_inspections", schema=None) as batch_op:
        batch_op.add_column(sa.Column("thread_day_id", sa.String(length=32), nullable=True))
        batch_op.add_column(sa.Column("thread_id", sa.String(length=32), nullable=True))
        batch_op.add_column(sa.Column("day", sa.Date(), nullable=True))
        batch_op.alter_column("contact_id", existing_type=sa.VARCHAR(length=32), nullable=True)
        batch_op.create_index("ix_qa_inspections_thread", ["thread_id", "day"], unique=False)
        batch_op.create_unique_constraint(batch_op.f("uq_qa_inspections_thread_day_id"), ["thread_day_id"])
        batch_op.create_check_constraint(
            batch_op.f("ck_qa_inspections_one_subject"), "(contact_id IS NULL) <> (thread_day_id IS NULL)"
        )

    with op.batch_alter_table("qa_sentences", schema=None) as batch_op:
        batch_op.add_column(sa.Column("message_id", sa.String(length=32), nullable=True))
        batch_op.add_column(sa.Column("attachment_id", sa.String(length=32), nullable=True))
        batch_op.add_column(sa.Column("at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("hidden", sa.JSON(), nullable=True))

    with op.batch_alter_table("gw_calls", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_gw_calls_employee_id"))
        batch_op.create_index("ix_gw_calls_employee", ["employee_id", "id"], unique=False)

    with op.batch_alter_table("gw_contacts", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_gw_contacts_employee_id"))
        batch_op.create_index("ix_gw_contacts_decision", ["decision", "id"], unique=False)
        batch_op.create_index("ix_gw_contacts_employee", ["employee_id", "requested_at"], unique=False)
        batch_op.create_index("ix_gw_contacts_own", ["employee_id", "id"], unique=False)

    with op.batch_alter_table("qa_inspections", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_qa_inspections_state"))
        batch_op.create_index("ix_qa_inspections_state", ["state", "contact_started_at"], unique=False)
        batch_op.create_index("ix_qa_inspections_newest_band", ["band", "id"], unique=False)
        batch_op.create_index("ix_qa_inspections_started", ["contact_started_at"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("qa_inspections", schema=None) as batch_op:
        batch_op.drop_index("ix_qa_inspections_started")
        batch_op.drop_index("ix_qa_inspections_newest_band")
        batch_op.drop_index("ix_qa_inspections_state")
        batch_op.create_index(batch_op.f("ix_qa_inspections_state"), ["state"], unique=False)

    with op.batch_alter_table("gw_contacts", schema=None) as batch_op:
        batch_op.drop_index("ix_gw_contacts_own")
        batch_op.drop_index("ix_gw_contacts_employee")
        batch_op.drop_index("ix_gw_contacts_decision")
        batch_op.create_index(batch_op.f("ix_gw_contacts_employee_id"), ["employee_id"], unique=False)

    with op.batch_alter_table("gw_calls", schema=None) as batch_op:
        batch_op.drop_index("ix_gw_calls_employee")
        batch_op.create_index(batch_op.f("ix_gw_calls_employee_id"), ["employee_id"], unique=False)

    with op.batch_alter_table("qa_sentences", schema=None) as batch_op:
        batch_op.drop_column("hidden")
        batch_op.drop_column("at")
        batch_op.drop_column("attachment_id")
        batch_op.drop_column("message_id")

    with op.batch_alter_table("qa_inspections", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("ck_qa_inspections_one_subject"), type_="check")
        batch_op.drop_constraint(batch_op.f("uq_qa_inspections_thread_day_id"), type_="unique")
        batch_op.drop_index("ix_qa_inspections_thread")
        batch_op.alter_column("contact_id", existing_type=sa.VARCHAR(length=32), nullable=False)
        batch_op.drop_column("day")
        batch_op.drop_column("thread_id")
        batch_op.drop_column("thread_day_id")

    with op.batch_alter_table("qa_findings", schema=None) as batch_op:
        batch_op.drop_index("ix_qa_findings_message")
        batch_op.drop_column("attachment_id")
        batch_op.drop_column("message_id")

    with op.batch_alter_table("qa_alerts", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("ck_qa_alerts_finding_of_inspection"), type_="check")
        batch_op.drop_constraint(batch_op.f("ck_qa_alerts_one_cause"), type_="check")
        batch_op.drop_constraint(batch_op.f("fk_qa_alerts_conduct_id_qa_conducts"), type_="foreignkey")
        batch_op.drop_index(
            "uq_qa_alerts_unclosed",
            sqlite_where=sa.text("state <> 'closed'"),
            postgresql_where=sa.text("state <> 'closed'"),
        )
        batch_op.drop_constraint(batch_op.f("uq_qa_alerts_conduct_id"), type_="unique")
        batch_op.drop_index(batch_op.f("ix_qa_alerts_thread_id"))
        batch_op.create_unique_constraint(
            batch_op.f("uq_qa_alerts_inspection_id"), ["inspection_id", "category"]
        )
        batch_op.alter_column("employee_id", existing_type=sa.VARCHAR(length=32), nullable=False)
        batch_op.alter_column("contact_id", existing_type=sa.VARCHAR(length=32), nullable=False)
        batch_op.alter_column("finding_id", existing_type=sa.VARCHAR(length=32), nullable=False)
        batch_op.alter_column("inspection_id", existing_type=sa.VARCHAR(length=32), nullable=False)
        batch_op.drop_column("closed_because")
        batch_op.drop_column("message_id")
        batch_op.drop_column("thread_id")
        batch_op.drop_column("conduct_id")

    with op.batch_alter_table("gw_messages", schema=None) as batch_op:
        batch_op.drop_column("review_note")

    with op.batch_alter_table("gw_contacts", schema=None) as batch_op:
        batch_op.drop_index("ix_gw_contacts_decided")

    with op.batch_alter_table("gw_calls", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_gw_calls_live",
            sqlite_where=sa.text("ended_at IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL"),
        )

    with op.batch_alter_table("gw_attachments", schema=None) as batch_op:
        batch_op.drop_column("read_hidden")
        batch_op.drop_column("read_confidence")
        batch_op.drop_column("read_result")

    with op.batch_alter_table("qa_rulings", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_qa_rulings_inspection_id"))

    op.drop_table("qa_rulings")
    with op.batch_alter_table("qa_decisions", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_qa_decisions_inspection_id"))

    op.drop_table("qa_decisions")
    with op.batch_alter_table("qa_appeals", schema=None) as batch_op:
        batch_op.drop_index("ix_qa_appeals_state")
        batch_op.drop_index(batch_op.f("ix_qa_appeals_inspection_id"))

    op.drop_table("qa_appeals")
    with op.batch_alter_table("qa_reviews", schema=None) as batch_op:
        batch_op.drop_index("ix_qa_reviews_state")
        batch_op.drop_index("ix_qa_reviews_employee")

    op.drop_table("qa_reviews")
    with op.batch_alter_table("qa_covered_contacts", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_qa_covered_contacts_inspection_id"))

    op.drop_table("qa_covered_contacts")
    with op.batch_alter_table("gw_next_steps", schema=None) as batch_op:
        batch_op.drop_index("ix_gw_next_steps_open")

    op.drop_table("gw_next_steps")
    with op.batch_alter_table("gw_customer_notes", schema=None) as batch_op:
        batch_op.drop_index("ix_gw_customer_notes_customer")

    op.drop_table("gw_customer_notes")
    with op.batch_alter_table("qa_conducts", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_qa_conducts_thread_id"))
        batch_op.drop_index(batch_op.f("ix_qa_conducts_message_id"))
        batch_op.drop_index(batch_op.f("ix_qa_conducts_kind"))
        batch_op.drop_index("ix_qa_conducts_employee")
        batch_op.drop_index(batch_op.f("ix_qa_conducts_department_id"))

    op.drop_table("qa_conducts")
    with op.batch_alter_table("gw_imports", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_gw_imports_department_id"))
        batch_op.drop_index(batch_op.f("ix_gw_imports_by"))

    op.drop_table("gw_imports")
    with op.batch_alter_table("core_exports", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_core_exports_state"))
        batch_op.drop_index(batch_op.f("ix_core_exports_expires_at"))
        batch_op.drop_index("ix_core_exports_asked")

    op.drop_table("core_exports")
    with op.batch_alter_table("core_access_log", schema=None) as batch_op:
        batch_op.drop_index("ix_core_access_log_undigested")
        batch_op.drop_index(batch_op.f("ix_core_access_log_kind"))
        batch_op.drop_index("ix_core_access_log_customer")
        batch_op.drop_index(batch_op.f("ix_core_access_log_at"))
        batch_op.drop_index("ix_core_access_log_actor")

    op.drop_table("core_access_log")
