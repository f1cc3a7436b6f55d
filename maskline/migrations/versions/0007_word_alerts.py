"""Alerts for words: one for each message, whom they reach and when; which messages stand in a group chat.

Revision: 0007, after 0006.
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_NOT_CLOSED = sa.text("state <> 'closed'")
_GATHERED = sa.text("gathered")


def upgrade() -> None:
    op.create_table(
        "qa_alert_rules",
        sa.Column("rule_id", sa.String(length=64), nullable=False),
        sa.Column("scope", sa.String(length=16), nullable=False),
        sa.Column("timing", sa.String(length=16), nullable=False),
        sa.Column("webhook", sa.Boolean(), nullable=False),
        sa.Column("changed_by", sa.String(length=32), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("rule_id", name=op.f("pk_qa_alert_rules")),
    )
    op.create_table(
        "qa_alert_digests",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("alerts", sa.Integer(), nullable=False),
        sa.Column("rules", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_qa_alert_digests")),
        sa.UniqueConstraint("day", name=op.f("uq_qa_alert_digests_day")),
    )
    with op.batch_alter_table("qa_alerts") as table:
        table.drop_index("uq_qa_alerts_unclosed")
        table.add_column(sa.Column("joins", sa.String(length=64), nullable=False, server_default=""))
        table.add_column(sa.Column("messages", sa.Integer(), nullable=False, server_default="1"))
        table.add_column(sa.Column("rules", sa.JSON(), nullable=False, server_default="[]"))
        table.add_column(sa.Column("gathered", sa.Boolean(), nullable=False, server_default=sa.false()))
        table.add_column(sa.Column("digest_id", sa.String(length=32), nullable=True))
        table.create_foreign_key(
            op.f("fk_qa_alerts_digest_id_qa_alert_digests"), "qa_alert_digests", ["digest_id"], ["id"]
        )
    # What stands was raised by category and stays so.
    op.execute("UPDATE qa_alerts SET joins = category")
    with op.batch_alter_table("qa_alerts") as table:
        for name in ("joins", "messages", "rules", "gathered"):
            table.alter_column(name, server_default=None)
        table.create_index(op.f("ix_qa_alerts_digest_id"), ["digest_id"])
        table.create_index(
            "uq_qa_alerts_unclosed",
            ["inspection_id", "joins"],
            unique=True,
            sqlite_where=_NOT_CLOSED,
            postgresql_where=_NOT_CLOSED,
        )
        table.create_index(
            "ix_qa_alerts_gathered", ["created_at"], sqlite_where=_GATHERED, postgresql_where=_GATHERED
        )
    with op.batch_alter_table("gw_messages") as table:
        table.add_column(sa.Column("in_group", sa.Boolean(), nullable=False, server_default=sa.false()))
    with op.batch_alter_table("gw_messages") as table:
        table.alter_column("in_group", server_default=None)


def downgrade() -> None:
    with op.batch_alter_table("gw_messages") as table:
        table.drop_column("in_group")
    with op.batch_alter_table("qa_alerts") as table:
        table.drop_index("uq_qa_alerts_unclosed")
        table.drop_index("ix_qa_alerts_gathered")
        table.drop_index(op.f("ix_qa_alerts_digest_id"))
    # Of several of one category the last one stays open: the former schema allows no more.
    op.execute(
        "UPDATE qa_alerts SET state = 'closed'"
        " WHERE inspection_id IS NOT NULL AND state <> 'closed' AND id <> ("
        "SELECT max(b.id) FROM qa_alerts b WHERE b.inspection_id = qa_alerts.inspection_id"
        " AND b.category = qa_alerts.category AND b.state <> 'closed')"
    )
    with op.batch_alter_table("qa_alerts") as table:
        table.drop_constraint(op.f("fk_qa_alerts_digest_id_qa_alert_digests"), type_="foreignkey")
        for name in ("digest_id", "gathered", "rules", "messages", "joins"):
            table.drop_column(name)
        table.create_index(
            "uq_qa_alerts_unclosed",
            ["inspection_id", "category"],
            unique=True,
            sqlite_where=_NOT_CLOSED,
            postgresql_where=_NOT_CLOSED,
        )
    op.drop_table("qa_alert_digests")
    op.drop_table("qa_alert_rules")
