"""Alembic's entry: run the steps on the connection that `upgrade` was given."""

from alembic import context

from chat.store.schema import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()
