"""The store's tables, in nbgrader's database: whatever begins with `desk_`.

migrations/ makes them. They refer to nbgrader's rows by names (assignment, cell, student), which
stay the same when a submission is entered anew.
"""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    DateTime,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
)

metadata = MetaData()


def _question() -> list[Column]:
    """The columns that name a question."""
    return [Column("assignment", String(128), primary_key=True),
            Column("grade_id", String(128), primary_key=True)]


def _of_question() -> list[Column]:
    return [Column("assignment", String(128), nullable=False),
            Column("grade_id", String(128), nullable=False)]


# Whoever changes anything of a question locks its row first: one after another.
question = Table("desk_question", metadata, *_question(), Column("most", Float, nullable=False))

# Who has a share of a question.
share = Table("desk_share", metadata, *_question(),
              Column("grader", String(128), primary_key=True))

item = Table(
    "desk_item", metadata, Column("id", Integer, primary_key=True), *_of_question(),
    Column("key", String(64), nullable=False),
    Column("kind", String(8), nullable=False),
    Column("points", Float, nullable=False),
    Column("text", Text, nullable=False),
    Column("follows_source", Boolean, nullable=False),
    Column("retired", Boolean, nullable=False),
    Column("version", Integer, nullable=False),
    Index("desk_item_question", "assignment", "grade_id"), sqlite_autoincrement=True)

# An answer's mark; `version` is the id of the log's entry that changed it last.
mark = Table(
    "desk_mark", metadata, Column("id", Integer, primary_key=True), *_of_question(),
    Column("owner", String(128), nullable=False),
    Column("adjustment", Float, nullable=False),
    Column("comment", Text, nullable=False),
    Column("points", Float, nullable=False),
    Column("grader", String(128), nullable=False),
    Column("digest", String(64), nullable=False),
    Column("time", DateTime, nullable=False),
    Column("version", Integer, nullable=False),
    Index("desk_mark_answer", "assignment", "grade_id", "owner", unique=True))

mark_item = Table(
    "desk_mark_item", metadata,
    Column("mark_id", Integer, ForeignKey("desk_mark.id"), primary_key=True),
    Column("item_id", Integer, ForeignKey("desk_item.id"), primary_key=True))

# The answers as they are in the gradebook now; texts are kept for a comparison with later ones.
answer = Table("desk_answer", metadata, *_question(),
               Column("owner", String(128), primary_key=True),
               Column("digest", String(64), nullable=False))
text = Table("desk_text", metadata, Column("digest", String(64), primary_key=True),
             Column("text", Text, nullable=False))

# Which answer somebody has open.
claim = Table("desk_claim", metadata, *_question(),
              Column("grader", String(128), primary_key=True),
              Column("owner", String(128), nullable=False),
              Column("expires", DateTime, nullable=False))

# The second marking: who is to grade which answer again, and what they gave.
second = Table(
    "desk_second", metadata, *_question(), Column("owner", String(128), primary_key=True),
    Column("grader", String(128), nullable=False),
    Column("digest", String(64)),  # of the answer that was graded; None: not graded yet
    Column("items", Text, nullable=False),  # ids, as JSON
    Column("adjustment", Float, nullable=False),
    Column("time", DateTime))

# Every operation, in the order in which it was done; triggers refuse to change a line.
log = Table(
    "desk_log", metadata, Column("id", Integer, primary_key=True), *_of_question(),
    Column("time", DateTime, nullable=False),
    Column("grader", String(128), nullable=False),
    Column("operation", String(32), nullable=False),
    Column("undoes", Integer, ForeignKey("desk_log.id")),
    Column("data", Text, nullable=False),  # JSON
    Index("desk_log_grader", "grader", "id"), Index("desk_log_undoes", "undoes"),
    sqlite_autoincrement=True)
