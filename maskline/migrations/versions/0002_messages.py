"""messages.

Revision: 0002, after 0001.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:

    op.create_table(
        "gw_archive_cursors",
        sa.Column("source", sa.String(length=40), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("source", name=op.f("pk_gw_archive_cursors")),
    )
    op.create_table(
        "gw_archive_members",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("source", sa.String(length=40), nullable=False),
        sa.Column("member_index", sa.LargeBinary(), nullable=False),
        sa.Column("employee_id", sa.String(length=32), nullable=True),
        sa.Column("customer_id", sa.String(length=32), nullable=True),
        sa.Column("linked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("linked_by", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_gw_archive_members")),
        sa.UniqueConstraint("source", "member_index", name=op.f("uq_gw_archive_members_source")),
    )
    with op.batch_alter_table("gw_archive_members", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_gw_archive_members_customer_id"), ["customer_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_gw_archive_members_employee_id"), ["employee_id"], unique=False)

    op.create_table(
        "gw_archive_records",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("source", sa.String(length=40), nullable=False),
        sa.Column("record_id", sa.String(length=128), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("customer_id", sa.String(length=32), nullable=True),
        sa.Column("message_id", sa.String(length=32), nullable=True),
        sa.Column("recalls", sa.String(length=128), nullable=True),
        sa.Column("original", sa.LargeBinary(), nullable=False),
        sa.Column("kept_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_gw_archive_records")),
        sa.UniqueConstraint("source", "record_id", name=op.f("uq_gw_archive_records_source")),
    )
    with op.batch_alter_table("gw_archive_records", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_gw_archive_records_customer_id"), ["customer_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_gw_archive_records_kind"), ["kind"], unique=False)
        batch_op.create_index(batch_op.f("ix_gw_archive_records_recalls"), ["recalls"], unique=False)

    op.create_table(
        "gw_conducts",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "deleted_by_staff",
                "deleted_by_customer",
                "chat_deleted",
                "message_recalled",
                "name_card",
                "red_packet",
                "private_group",
                "archive_refused",
                name="conductkind",
                native_enum=False,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("subject", sa.String(length=160), nullable=False),
        sa.Column("employee_id", sa.String(length=32), nullable=True),
        sa.Column("department_id", sa.String(length=32), nullable=True),
        sa.Column("customer_id", sa.String(length=32), nullable=True),
        sa.Column("thread_id", sa.String(length=32), nullable=True),
        sa.Column("message_id", sa.String(length=32), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_gw_conducts")),
        sa.UniqueConstraint("kind", "subject", name=op.f("uq_gw_conducts_kind")),
    )
    with op.batch_alter_table("gw_conducts", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_gw_conducts_customer_id"), ["customer_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_gw_conducts_department_id"), ["department_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_gw_conducts_employee_id"), ["employee_id"], unique=False)

    op.create_table(
        "gw_early_receipts",
        sa.Column(
            "channel",
            sa.Enum("sms", "sip", "webchat", "wecom", name="channelkind", native_enum=False, length=24),
            nullable=False,
        ),
        sa.Column("provider_reference", sa.String(length=128), nullable=False),
        sa.Column(
            "state",
            sa.Enum("delivered", "failed", "accepted", name="receiptstate", native_enum=False, length=24),
            nullable=False,
        ),
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("channel", "provider_reference", name=op.f("pk_gw_early_receipts")),
    )
    op.create_table(
        "gw_message_fragments",
        sa.Column(
            "channel",
            sa.Enum("sms", "sip", "webchat", "wecom", name="channelkind", native_enum=False, length=24),
            nullable=False,
        ),
        sa.Column("group", sa.String(length=64), nullable=False),
        sa.Column("part", sa.Integer(), nullable=False),
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("coding", sa.Integer(), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.Column("sender", sa.LargeBinary(), nullable=True),
        sa.Column("line_number", sa.String(length=20), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("channel", "group", "part", name=op.f("pk_gw_message_fragments")),
        sa.UniqueConstraint("id", name=op.f("uq_gw_message_fragments_id")),
    )
    with op.batch_alter_table("gw_message_fragments", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_gw_message_fragments_at"), ["at"], unique=False)

    op.create_table(
        "gw_opt_outs",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("customer_id", sa.String(length=32), nullable=False),
        sa.Column("message_id", sa.String(length=32), nullable=True),
        sa.Column("stray_id", sa.String(length=32), nullable=True),
        sa.Column("employee_id", sa.String(length=32), nullable=False),
        sa.Column("department_id", sa.String(length=32), nullable=True),
        sa.Column(
            "channel",
            sa.Enum("sms", "sip", "webchat", "wecom", name="channelkind", native_enum=False, length=24),
            nullable=False,
        ),
        sa.Column(
            "purpose",
            sa.Enum("sales", "collection", "service", name="purpose", native_enum=False, length=24),
            nullable=True,
        ),
        sa.Column("word", sa.String(length=40), nullable=False),
        sa.Column("rules_version", sa.String(length=64), nullable=False),
        sa.Column("block_id", sa.String(length=32), nullable=False),
        sa.Column("confirmation_id", sa.String(length=32), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_gw_opt_outs")),
        sa.UniqueConstraint("message_id", name=op.f("uq_gw_opt_outs_message_id")),
        sa.UniqueConstraint("stray_id", name=op.f("uq_gw_opt_outs_stray_id")),
    )
    with op.batch_alter_table("gw_opt_outs", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_gw_opt_outs_customer_id"), ["customer_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_gw_opt_outs_department_id"), ["department_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_gw_opt_outs_employee_id"), ["employee_id"], unique=False)

    op.create_table(
        "gw_stray_messages",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column(
            "channel",
            sa.Enum("sms", "sip", "webchat", "wecom", name="channelkind", native_enum=False, length=24),
            nullable=False,
        ),
        sa.Column("provider_reference", sa.String(length=128), nullable=False),
        sa.Column("line_number", sa.String(length=20), nullable=False),
        sa.Column("customer_id", sa.String(length=32), nullable=True),
        sa.Column("sender", sa.LargeBinary(), nullable=True),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("media", sa.Integer(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_gw_stray_messages")),
        sa.UniqueConstraint("channel", "provider_reference", name=op.f("uq_gw_stray_messages_channel")),
    )
    with op.batch_alter_table("gw_stray_messages", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_gw_stray_messages_customer_id"), ["customer_id"], unique=False)

    op.create_table(
        "gw_templates",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column(
            "purpose",
            sa.Enum("sales", "collection", "service", name="purpose", native_enum=False, length=24),
            nullable=False,
        ),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.String(length=32), nullable=False),
        sa.Column("retired_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_gw_templates")),
        sa.UniqueConstraint("name", name=op.f("uq_gw_templates_name")),
    )
    op.create_table(
        "gw_template_versions",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("template_id", sa.String(length=32), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("text", sa.String(length=1000), nullable=False),
        sa.Column("variables", sa.JSON(), nullable=False),
        sa.Column("wording_version", sa.String(length=64), nullable=False),
        sa.Column("author_id", sa.String(length=32), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("approved_by", sa.String(length=32), nullable=True),
        sa.Column("approved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("rejected_by", sa.String(length=32), nullable=True),
        sa.Column("rejected_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("comment", sa.String(length=300), nullable=False),
        sa.ForeignKeyConstraint(
            ["template_id"],
            ["gw_templates.id"],
            name=op.f("fk_gw_template_versions_template_id_gw_templates"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_gw_template_versions")),
        sa.UniqueConstraint("template_id", "version", name=op.f("uq_gw_template_versions_template_id")),
    )
    op.create_table(
        "gw_threads",
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
            sa.Enum("sms", "sip", "webchat", "wecom", name="channelkind", native_enum=False, length=24),
            nullable=False,
        ),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("messages", sa.Integer(), nullable=False),
        sa.Column("unread", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["binding_id"], ["gw_bindings.id"], name=op.f("fk_gw_threads_binding_id_gw_bindings")
        ),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["gw_customers.id"], name=op.f("fk_gw_threads_customer_id_gw_customers")
        ),
        sa.ForeignKeyConstraint(["line_id"], ["gw_lines.id"], name=op.f("fk_gw_threads_line_id_gw_lines")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_gw_threads")),
        sa.UniqueConstraint("binding_id", "channel", name=op.f("uq_gw_threads_binding_id")),
    )
    with op.batch_alter_table("gw_threads", schema=None) as batch_op:
        batch_op.create_index("ix_gw_threads_customer", ["customer_id", "id"], unique=False)
        batch_op.create_index(batch_op.f("ix_gw_threads_department_id"), ["department_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_gw_threads_employee_id"), ["employee_id"], unique=False)
        batch_op.create_index("ix_gw_threads_last", ["employee_id", "last_at"], unique=False)

    op.create_table(
        "gw_chat_tokens",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("thread_id", sa.String(length=32), nullable=False),
        sa.Column("token_index", sa.LargeBinary(), nullable=False),
        sa.Column("message_id", sa.String(length=32), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["thread_id"], ["gw_threads.id"], name=op.f("fk_gw_chat_tokens_thread_id_gw_threads")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_gw_chat_tokens")),
        sa.UniqueConstraint("token_index", name=op.f("uq_gw_chat_tokens_token_index")),
    )
    with op.batch_alter_table("gw_chat_tokens", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_gw_chat_tokens_thread_id"), ["thread_id"], unique=False)

    op.create_table(
        "gw_thread_days",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("thread_id", sa.String(length=32), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("messages", sa.Integer(), nullable=False),
        sa.Column("ledger_seq", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["thread_id"], ["gw_threads.id"], name=op.f("fk_gw_thread_days_thread_id_gw_threads")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_gw_thread_days")),
        sa.UniqueConstraint("thread_id", "day", name=op.f("uq_gw_thread_days_thread_id")),
    )
    with op.batch_alter_table("gw_thread_days", schema=None) as batch_op:
        batch_op.create_index("ix_gw_thread_days_open", ["closed_at", "day"], unique=False)

    op.create_table(
        "gw_messages",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("thread_id", sa.String(length=32), nullable=False),
        sa.Column("thread_day_id", sa.String(length=32), nullable=False),
        sa.Column("contact_id", sa.String(length=32), nullable=True),
        sa.Column("employee_id", sa.String(length=32), nullable=False),
        sa.Column("department_id", sa.String(length=32), nullable=True),
        sa.Column("customer_id", sa.String(length=32), nullable=False),
        sa.Column(
            "channel",
            sa.Enum("sms", "sip", "webchat", "wecom", name="channelkind", native_enum=False, length=24),
            nullable=False,
        ),
        sa.Column(
            "direction",
            sa.Enum("outbound", "inbound", name="direction", native_enum=False, length=24),
            nullable=False,
        ),
        sa.Column(
            "role",
            sa.Enum("staff", "customer", "house", name="messagerole", native_enum=False, length=24),
            nullable=False,
        ),
        sa.Column(
            "kind",
            sa.Enum(
                "text",
                "picture",
                "voice",
                "video",
                "file",
                "card",
                "other",
                name="bodykind",
                native_enum=False,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("author_id", sa.String(length=32), nullable=True),
        sa.Column("idempotency_key", sa.String(length=128), nullable=True),
        sa.Column("request_mac", sa.String(length=64), nullable=True),
        sa.Column("template_version_id", sa.String(length=32), nullable=True),
        sa.Column("body", sa.LargeBinary(), nullable=True),
        sa.Column("sent_body", sa.LargeBinary(), nullable=True),
        sa.Column("body_mac", sa.String(length=64), nullable=False),
        sa.Column(
            "action",
            sa.Enum("deliver", "mask", "hold", "block", name="action", native_enum=False, length=24),
            nullable=True,
        ),
        sa.Column("findings", sa.JSON(), nullable=False),
        sa.Column("policy_version", sa.String(length=64), nullable=True),
        sa.Column("reason_code", sa.String(length=64), nullable=True),
        sa.Column("reason_zh", sa.String(length=300), nullable=False),
        sa.Column("reason_en", sa.String(length=300), nullable=False),
        sa.Column("rule_id", sa.String(length=64), nullable=True),
        sa.Column("next_allowed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "state",
            sa.Enum(
                "queued",
                "held",
                "sent",
                "delivered",
                "failed",
                "blocked",
                "received",
                name="messagestate",
                native_enum=False,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column(
            "cause",
            sa.Enum(
                "verdict",
                "screening",
                "rejected",
                "refused",
                "unreachable",
                "unknown-outcome",
                "undelivered",
                "channel-gone",
                name="cause",
                native_enum=False,
                length=24,
            ),
            nullable=True,
        ),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("in_flight", sa.Boolean(), nullable=False),
        sa.Column("parts", sa.Integer(), nullable=False),
        sa.Column("arrived", sa.Integer(), nullable=False),
        sa.Column("first_try_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("next_try_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("outbox_id", sa.String(length=32), nullable=True),
        sa.Column("reference", sa.String(length=32), nullable=False),
        sa.Column("provider_reference", sa.String(length=128), nullable=True),
        sa.Column("provider_code", sa.String(length=64), nullable=True),
        sa.Column("reviewed_by", sa.String(length=32), nullable=True),
        sa.Column("reviewed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("written_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("recalled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ledger_seq", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["thread_day_id"], ["gw_thread_days.id"], name=op.f("fk_gw_messages_thread_day_id_gw_thread_days")
        ),
        sa.ForeignKeyConstraint(
            ["thread_id"], ["gw_threads.id"], name=op.f("fk_gw_messages_thread_id_gw_threads")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_gw_messages")),
        sa.UniqueConstraint("author_id", "idempotency_key", name=op.f("uq_gw_messages_author_id")),
        sa.UniqueConstraint("channel", "provider_reference", name=op.f("uq_gw_messages_channel")),
        sa.UniqueConstraint("reference", name=op.f("uq_gw_messages_reference")),
    )
    with op.batch_alter_table("gw_messages", schema=None) as batch_op:
        batch_op.create_index("ix_gw_messages_contact", ["contact_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_gw_messages_created_at"), ["created_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_gw_messages_customer_id"), ["customer_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_gw_messages_department_id"), ["department_id"], unique=False)
        batch_op.create_index("ix_gw_messages_due", ["state", "channel", "next_try_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_gw_messages_employee_id"), ["employee_id"], unique=False)
        batch_op.create_index("ix_gw_messages_thread", ["thread_id", "id"], unique=False)
        batch_op.create_index(batch_op.f("ix_gw_messages_thread_day_id"), ["thread_day_id"], unique=False)

    op.create_table(
        "gw_attachments",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("message_id", sa.String(length=32), nullable=False),
        sa.Column("customer_id", sa.String(length=32), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "text",
                "picture",
                "voice",
                "video",
                "file",
                "card",
                "other",
                name="bodykind",
                native_enum=False,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("media_type", sa.String(length=80), nullable=False),
        sa.Column("extension", sa.String(length=8), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("blob_id", sa.String(length=64), nullable=True),
        sa.Column("file_name", sa.LargeBinary(), nullable=True),
        sa.Column("read_text", sa.LargeBinary(), nullable=True),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cleared_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cleared_by", sa.String(length=32), nullable=True),
        sa.Column("refused", sa.String(length=40), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["message_id"], ["gw_messages.id"], name=op.f("fk_gw_attachments_message_id_gw_messages")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_gw_attachments")),
    )
    with op.batch_alter_table("gw_attachments", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_gw_attachments_customer_id"), ["customer_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_gw_attachments_message_id"), ["message_id"], unique=False)

    op.create_table(
        "gw_message_events",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("message_id", sa.String(length=32), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "queued",
                "held",
                "sent",
                "delivered",
                "failed",
                "blocked",
                "received",
                name="messagestate",
                native_enum=False,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("code", sa.String(length=64), nullable=True),
        sa.Column("by", sa.String(length=32), nullable=True),
        sa.ForeignKeyConstraint(
            ["message_id"], ["gw_messages.id"], name=op.f("fk_gw_message_events_message_id_gw_messages")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_gw_message_events")),
    )
    with op.batch_alter_table("gw_message_events", schema=None) as batch_op:
        batch_op.create_index("ix_gw_message_events_message", ["message_id", "id"], unique=False)

    op.create_table(
        "gw_message_parts",
        sa.Column("message_id", sa.String(length=32), nullable=False),
        sa.Column("part", sa.Integer(), nullable=False),
        sa.Column(
            "channel",
            sa.Enum("sms", "sip", "webchat", "wecom", name="channelkind", native_enum=False, length=24),
            nullable=False,
        ),
        sa.Column("provider_reference", sa.String(length=128), nullable=False),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "receipt",
            sa.Enum("delivered", "failed", "accepted", name="receiptstate", native_enum=False, length=24),
            nullable=True,
        ),
        sa.Column("receipt_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["message_id"], ["gw_messages.id"], name=op.f("fk_gw_message_parts_message_id_gw_messages")
        ),
        sa.PrimaryKeyConstraint("message_id", "part", name=op.f("pk_gw_message_parts")),
        sa.UniqueConstraint("channel", "provider_reference", name=op.f("uq_gw_message_parts_channel")),
    )


def downgrade() -> None:

    op.drop_table("gw_message_parts")
    with op.batch_alter_table("gw_message_events", schema=None) as batch_op:
        batch_op.drop_index("ix_gw_message_events_message")

    op.drop_table("gw_message_events")
    with op.batch_alter_table("gw_attachments", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_gw_attachments_message_id"))
        batch_op.drop_index(batch_op.f("ix_gw_attachments_customer_id"))

    op.drop_table("gw_attachments")
    with op.batch_alter_table("gw_messages", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_gw_messages_thread_day_id"))
        batch_op.drop_index("ix_gw_messages_thread")
        batch_op.drop_index(batch_op.f("ix_gw_messages_employee_id"))
        batch_op.drop_index("ix_gw_messages_due")
        batch_op.drop_index(batch_op.f("ix_gw_messages_department_id"))
        batch_op.drop_index(batch_op.f("ix_gw_messages_customer_id"))
        batch_op.drop_index(batch_op.f("ix_gw_messages_created_at"))
        batch_op.drop_index("ix_gw_messages_contact")

    op.drop_table("gw_messages")
    with op.batch_alter_table("gw_thread_days", schema=None) as batch_op:
        batch_op.drop_index("ix_gw_thread_days_open")

    op.drop_table("gw_thread_days")
    with op.batch_alter_table("gw_chat_tokens", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_gw_chat_tokens_thread_id"))

    op.drop_table("gw_chat_tokens")
    with op.batch_alter_table("gw_threads", schema=None) as batch_op:
        batch_op.drop_index("ix_gw_threads_last")
        batch_op.drop_index(batch_op.f("ix_gw_threads_employee_id"))
        batch_op.drop_index(batch_op.f("ix_gw_threads_department_id"))
        batch_op.drop_index("ix_gw_threads_customer")

    op.drop_table("gw_threads")
    op.drop_table("gw_template_versions")
    op.drop_table("gw_templates")
    with op.batch_alter_table("gw_stray_messages", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_gw_stray_messages_customer_id"))

    op.drop_table("gw_stray_messages")
    with op.batch_alter_table("gw_opt_outs", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_gw_opt_outs_employee_id"))
        batch_op.drop_index(batch_op.f("ix_gw_opt_outs_department_id"))
        batch_op.drop_index(batch_op.f("ix_gw_opt_outs_customer_id"))

    op.drop_table("gw_opt_outs")
    with op.batch_alter_table("gw_message_fragments", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_gw_message_fragments_at"))

    op.drop_table("gw_message_fragments")
    op.drop_table("gw_early_receipts")
    with op.batch_alter_table("gw_conducts", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_gw_conducts_employee_id"))
        batch_op.drop_index(batch_op.f("ix_gw_conducts_department_id"))
        batch_op.drop_index(batch_op.f("ix_gw_conducts_customer_id"))

    op.drop_table("gw_conducts")
    with op.batch_alter_table("gw_archive_records", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_gw_archive_records_recalls"))
        batch_op.drop_index(batch_op.f("ix_gw_archive_records_kind"))
        batch_op.drop_index(batch_op.f("ix_gw_archive_records_customer_id"))

    op.drop_table("gw_archive_records")
    with op.batch_alter_table("gw_archive_members", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_gw_archive_members_employee_id"))
        batch_op.drop_index(batch_op.f("ix_gw_archive_members_customer_id"))

    op.drop_table("gw_archive_members")
    op.drop_table("gw_archive_cursors")
