"""The first tables, and triggers that keep what was found from being rewritten."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

APPEND_ONLY = ("attestations", "subjects", "verdicts", "summaries", "events")


def upgrade() -> None:
    """Make the tables."""
    counted = sa.BigInteger().with_variant(sa.Integer, "sqlite")
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "repositories",
        sa.Column("id", counted, primary_key=True),
        sa.Column("host", sa.String(100), nullable=False),
        sa.Column("external_id", sa.String(200), nullable=False),
        sa.Column("name", sa.String(200), nullable=False, index=True),
        sa.Column("owner", sa.String(200), nullable=False),
        sa.Column("rule", sa.String(100), index=True),
        sa.Column("base_model", sa.String(200), index=True),
        sa.UniqueConstraint("host", "external_id"),
    )
    op.create_table(
        "snapshots",
        sa.Column("id", counted, primary_key=True),
        sa.Column("repository_id", counted, sa.ForeignKey("repositories.id"), nullable=False),
        sa.Column("revision", sa.String(100), nullable=False),
        sa.Column("listing_sha256", sa.String(64), nullable=False, index=True),
        sa.Column("files", sa.Text, nullable=False),
        sa.Column("n_files", sa.Integer, nullable=False),
        sa.Column("size_bytes", sa.BigInteger, nullable=False),
        sa.Column("base_models", sa.Text, nullable=False),
        sa.Column("seen_at", moment, nullable=False),
        sa.UniqueConstraint("repository_id", "revision"),
    )
    op.create_table(
        "weights",
        sa.Column("sha256", sa.String(64), primary_key=True),
        sa.Column("snapshot_id", counted, sa.ForeignKey("snapshots.id"), primary_key=True),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "attestations",
        sa.Column("sha256", sa.String(64), primary_key=True),
        sa.Column("bundle", sa.LargeBinary, nullable=False),
        sa.Column("statement_sha256", sa.String(64), nullable=False, index=True),
        sa.Column("checkpoint", sa.String(64), nullable=False, index=True),
        sa.Column("license_name", sa.String(200), nullable=False),
        sa.Column("license_version", sa.String(100), nullable=False),
        sa.Column("license_sha256", sa.String(64), nullable=False),
        sa.Column("signers", sa.Text, nullable=False),
        sa.Column("issued", moment, nullable=False),
        sa.Column("expires", moment, nullable=False),
        sa.Column("rule", sa.String(100), nullable=False),
        sa.Column("trust", sa.String(64), nullable=False),
        sa.Column("stored_at", moment, nullable=False),
    )
    op.create_table(
        "subjects",
        sa.Column("sha256", sa.String(64), primary_key=True),
        sa.Column(
            "attestation", sa.String(64), sa.ForeignKey("attestations.sha256"), primary_key=True
        ),
        sa.Column("path", sa.Text, primary_key=True),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "verdicts",
        sa.Column("id", counted, primary_key=True),
        sa.Column("key", sa.String(64), nullable=False, unique=True),
        sa.Column("state", sa.String(30), nullable=False, index=True),
        sa.Column("checked", sa.String(20), nullable=False),
        sa.Column("rule", sa.String(100), nullable=False),
        sa.Column("listing_sha256", sa.String(64), nullable=False, index=True),
        sa.Column("attestation", sa.String(64), index=True),
        sa.Column("license_sha256", sa.String(64), nullable=False),
        sa.Column("trust", sa.String(64), nullable=False),
        sa.Column("verifier", sa.String(100), nullable=False),
        sa.Column("verified_at", moment, nullable=False),
        sa.Column("record", sa.Text, nullable=False),
    )
    op.create_table(
        "summaries",
        sa.Column("verdict", sa.String(64), sa.ForeignKey("verdicts.key"), primary_key=True),
        sa.Column("bundle", sa.LargeBinary, nullable=False),
        sa.Column("key_hint", sa.String(64), nullable=False),
    )
    op.create_table(
        "deliveries",
        sa.Column("key", sa.String(64), primary_key=True),
        sa.Column("host", sa.String(100), nullable=False),
        sa.Column("external_id", sa.String(200), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("owner", sa.String(200), nullable=False),
        sa.Column("ref", sa.String(300), nullable=False),
        sa.Column("revision", sa.String(100), nullable=False),
        sa.Column("depth", sa.String(20), nullable=False),
        sa.Column("received_at", moment, nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("retry_at", moment),
        sa.Column("event", counted),
        sa.Index("deliveries_by_uploader", "host", "owner", "received_at"),
        sa.Index("deliveries_by_repository", "host", "external_id", "received_at"),
        sa.Index("deliveries_due", "state", "retry_at"),
    )
    op.create_table(
        "events",
        sa.Column("id", counted, primary_key=True),
        sa.Column("at", moment, nullable=False),
        sa.Column("kind", sa.String(30), nullable=False),
        sa.Column("repository_id", counted, sa.ForeignKey("repositories.id"), nullable=False),
        sa.Column("snapshot_id", counted, sa.ForeignKey("snapshots.id")),
        sa.Column("verdict", sa.String(64), sa.ForeignKey("verdicts.key"), index=True),
        sa.Column("action", sa.String(30)),
        sa.Column("detail", sa.Text, nullable=False),
        sa.Index("events_by_repository", "repository_id", "id"),
    )
    op.create_table(
        "workers",
        sa.Column("executor", sa.String(100), primary_key=True),
        sa.Column("seen_at", moment, nullable=False, index=True),
        sa.Column("claimed_at", moment),
    )
    for statement in _keep(op.get_bind().dialect.name):
        op.execute(statement)


def _keep(dialect: str) -> list[str]:
    """Triggers by which rows that were written stay as they are."""
    message = "what was found is never rewritten"
    if dialect == "sqlite":
        return [
            f"CREATE TRIGGER keep_{table}_{verb.lower()} BEFORE {verb} ON {table} "
            f"BEGIN SELECT RAISE(ABORT, '{message}'); END"
            for table in APPEND_ONLY
            for verb in ("UPDATE", "DELETE")
        ]
    function = (
        "CREATE FUNCTION keep_row() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{message}'; END $$"
    )
    return [function] + [
        f"CREATE TRIGGER keep_{table} BEFORE UPDATE OR DELETE ON {table} "
        "FOR EACH ROW EXECUTE FUNCTION keep_row()"
        for table in APPEND_ONLY
    ]
