"""Runs the migrations on the connection that marking/database.py has opened, in its transaction."""

from alembic import context

from autograder.marking.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata,
                  version_table="desk_version")
context.run_migrations()
