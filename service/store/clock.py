"""The time as it is shown."""

from __future__ import annotations

import time
from datetime import UTC, datetime


def now_ms() -> int:
    """Return Unix time in milliseconds."""
    return time.time_ns() // 1_000_000


def shown(milliseconds: int | None) -> datetime | None:
    """Return the moment in UTC; None for None."""
    return None if milliseconds is None else datetime.fromtimestamp(milliseconds / 1000, UTC)
