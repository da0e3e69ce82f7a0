"""How alembic runs the changes: within the transaction that it is given."""

from alembic import context

from attest.hub.store.tables import Table

context.configure(
    connection=context.config.attributes["connection"], target_metadata=Table.metadata
)
context.run_migrations()
