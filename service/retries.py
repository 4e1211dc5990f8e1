"""When the client asks again, and how long it waits before: as told, else ever longer, never in step."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

BUSY: Final = frozenset({429, 503})
"""The service has not begun with the request, or was ended and knows its key: anything may be sent again."""

GONE: Final = frozenset({502, 504})
"""Something in between lost the answer: only what changes nothing may be sent again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Retries:
    """How often and how patiently to ask again.

    Attributes:
        n_tries: Tries in all; 1 asks once.
        first_seconds: Longest wait before the second try; it doubles with each.
        most_seconds: Longest wait where the service does not say how long.
        patience_seconds: Longest `Retry-After` that is waited for; beyond it the error is raised at once.
    """

    n_tries: int = 5
    first_seconds: float = 0.5
    most_seconds: float = 30.0
    patience_seconds: float = 120.0

    def wait_seconds(self, *, n_tried: int, retry_after: float | None) -> float | None:
        """Return how long to wait before the next try; None where there is none.

        Waits are drawn at random, so that clients refused together do not come back together. One that
        the service named is never shortened.
        """
        if n_tried >= self.n_tries:
            return None
        if retry_after is None:
            longest = min(self.most_seconds, self.first_seconds * 2 ** (n_tried - 1))
            return random.uniform(longest / 2, longest)  # noqa: S311 - no secret
        if retry_after > self.patience_seconds:
            return None
        return retry_after + random.uniform(0, min(5.0, 0.25 + retry_after / 10))  # noqa: S311 - no secret


def retry_after_of(headers: Mapping[str, str], *, now: datetime | None = None) -> float | None:
    """Return the seconds that `Retry-After` names, as a number or a date; None where it names none."""
    value = headers.get("retry-after", "").strip()
    if value.isascii() and value.isdigit():
        return float(value[:12])
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (moment - (now or datetime.now(UTC))).total_seconds())
