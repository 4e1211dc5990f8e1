"""Run migrations on the connection that `Database.upgrade` holds, in its transaction."""

from __future__ import annotations

from alembic import context

from plaudit.service.store.tables import Table

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Table.metadata,
    transactional_ddl=True,
    render_as_batch=True,
)
context.run_migrations()
