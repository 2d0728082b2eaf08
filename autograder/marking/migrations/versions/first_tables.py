"""The tables as they were first."""

import sqlalchemy as sa
from alembic import op

revision = "first_tables"
down_revision = None

REFUSED = "the log of the desk is never changed"


def upgrade() -> None:
    question = [sa.Column("assignment", sa.String(128), nullable=False),
                sa.Column("grade_id", sa.String(128), nullable=False)]
    op.create_table("desk_question", *_copies(question),
                    sa.Column("most", sa.Float, nullable=False),
                    sa.PrimaryKeyConstraint("assignment", "grade_id"))
    op.create_table("desk_share", *_copies(question),
                    sa.Column("grader", sa.String(128), nullable=False),
                    sa.PrimaryKeyConstraint("assignment", "grade_id", "grader"))
    op.create_table(
        "desk_item", sa.Column("id", sa.Integer, primary_key=True), *_copies(question),
        sa.Column("key", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(8), nullable=False),
        sa.Column("points", sa.Float, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("follows_source", sa.Boolean, nullable=False),
        sa.Column("retired", sa.Boolean, nullable=False),
        sa.Column("version", sa.Integer, nullable=False), sqlite_autoincrement=True)
    op.create_index("desk_item_question", "desk_item", ["assignment", "grade_id"])
    op.create_table(
        "desk_mark", sa.Column("id", sa.Integer, primary_key=True), *_copies(question),
        sa.Column("owner", sa.String(128), nullable=False),
        sa.Column("adjustment", sa.Float, nullable=False),
        sa.Column("comment", sa.Text, nullable=False),
        sa.Column("points", sa.Float, nullable=False),
        sa.Column("grader", sa.String(128), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("time", sa.DateTime, nullable=False),
        sa.Column("version", sa.Integer, nullable=False))
    op.create_index("desk_mark_answer", "desk_mark", ["assignment", "grade_id", "owner"],
                    unique=True)
    op.create_table(
        "desk_mark_item",
        sa.Column("mark_id", sa.Integer, sa.ForeignKey("desk_mark.id"), primary_key=True),
        sa.Column("item_id", sa.Integer, sa.ForeignKey("desk_item.id"), primary_key=True))
    op.create_table("desk_answer", *_copies(question),
                    sa.Column("owner", sa.String(128), nullable=False),
                    sa.Column("digest", sa.String(64), nullable=False),
                    sa.PrimaryKeyConstraint("assignment", "grade_id", "owner"))
    op.create_table("desk_text", sa.Column("digest", sa.String(64), primary_key=True),
                    sa.Column("text", sa.Text, nullable=False))
    op.create_table("desk_claim", *_copies(question),
                    sa.Column("grader", sa.String(128), nullable=False),
                    sa.Column("owner", sa.String(128), nullable=False),
                    sa.Column("expires", sa.DateTime, nullable=False),
                    sa.PrimaryKeyConstraint("assignment", "grade_id", "grader"))
    op.create_table(
        "desk_second", *_copies(question), sa.Column("owner", sa.String(128), nullable=False),
        sa.Column("grader", sa.String(128), nullable=False),
        sa.Column("digest", sa.String(64)),
        sa.Column("items", sa.Text, nullable=False),
        sa.Column("adjustment", sa.Float, nullable=False),
        sa.Column("time", sa.DateTime),
        sa.PrimaryKeyConstraint("assignment", "grade_id", "owner"))
    op.create_table(
        "desk_log", sa.Column("id", sa.Integer, primary_key=True), *_copies(question),
        sa.Column("time", sa.DateTime, nullable=False),
        sa.Column("grader", sa.String(128), nullable=False),
        sa.Column("operation", sa.String(32), nullable=False),
        sa.Column("undoes", sa.Integer, sa.ForeignKey("desk_log.id")),
        sa.Column("data", sa.Text, nullable=False), sqlite_autoincrement=True)
    op.create_index("desk_log_grader", "desk_log", ["grader", "id"])
    op.create_index("desk_log_undoes", "desk_log", ["undoes"])
    _keep_the_log()


def _copies(columns: list[sa.Column]) -> list[sa.Column]:
    return [sa.Column(column.name, column.type, nullable=column.nullable) for column in columns]


def _keep_the_log() -> None:
    """Lines of the log are added, never changed or removed."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute("CREATE FUNCTION desk_log_is_kept() RETURNS trigger LANGUAGE plpgsql AS "
                   f"$$ BEGIN RAISE EXCEPTION '{REFUSED}'; END $$")
        op.execute("CREATE TRIGGER desk_log_is_kept BEFORE UPDATE OR DELETE ON desk_log "
                   "FOR EACH ROW EXECUTE FUNCTION desk_log_is_kept()")
        return
    for deed in ("UPDATE", "DELETE"):
        op.execute(f"CREATE TRIGGER desk_log_no_{deed.lower()} BEFORE {deed} ON desk_log "
                   f"BEGIN SELECT RAISE(ABORT, '{REFUSED}'); END")
