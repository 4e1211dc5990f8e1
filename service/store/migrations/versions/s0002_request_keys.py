"""What tells a request that is sent once more from a new one."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_INDICES = {"dump": "ix_dump_request_key", "feedback": "ix_feedback_request_key"}


def upgrade() -> None:
    """Add the columns, empty, and see to it that a key is an owner's only once."""
    for table, index in _INDICES.items():
        op.add_column(table, sa.Column("request_key", sa.String(32), nullable=True))
        op.create_index(index, table, ["owner", "request_key"], unique=True)
    op.add_column("dump", sa.Column("request_hash", sa.String(32), nullable=True))


def downgrade() -> None:
    """Drop the columns."""
    op.drop_column("dump", "request_hash")
    for table, index in _INDICES.items():
        op.drop_index(index, table)
        op.drop_column(table, "request_key")
