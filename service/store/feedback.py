"""Corrected labels in the database."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any, Final
from uuid import uuid4

import orjson
import sqlalchemy as sa

from plaudit.service.store.clock import now_ms, shown
from plaudit.service.store.database import Database
from plaudit.service.store.repeats import check_same
from plaudit.service.store.tables import Feedback

_PAGE: Final = 1000


class Corrections:
    """The corrected labels that a database knows.

    Every method raises `StorageError` where the database can't be asked.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, record: Mapping[str, Any], *, owner: str, request_key: str | None = None) -> str:
        """Keep a corrected label, with at least `text` and `label`; return its id.

        One that was kept under the same key is not kept again.

        Raises:
            UsageError: Something else was sent with this key.
        """
        digest = hashlib.blake2b(str(record["text"]).encode(), digest_size=16).hexdigest()
        feedback_id = uuid4().hex
        row = Feedback(
            id=feedback_id,
            owner=owner,
            text_hash=digest,
            record=orjson.dumps(record).decode(),
            created_at=now_ms(),
            request_key=request_key,
        )
        with self._database.write(in_turn=True) as session:
            sent = Feedback.owner == owner, Feedback.request_key == request_key
            known = session.scalar(sa.select(Feedback).where(*sent)) if request_key else None
            if known is not None:
                check_same(known.record, row.record)
                return known.id
            session.add(row)
        return feedback_id

    def delete(self, feedback_id: str, *, owner: str) -> bool:
        """Forget a corrected label; False where there is none of this id, or it is another owner's."""
        with self._database.write() as session:
            row = session.scalar(
                sa.select(Feedback).where(Feedback.id == feedback_id, Feedback.owner == owner)
            )
            if row is None:
                return False
            session.delete(row)
        self._database.wipe()
        return True

    def latest(self) -> Iterator[dict[str, Any]]:
        """Yield the records in order of arrival; of several by one owner on one text the last one only."""
        last = sa.select(sa.func.max(Feedback.number)).group_by(Feedback.owner, Feedback.text_hash)
        query = sa.select(Feedback).where(Feedback.number.in_(last)).order_by(Feedback.number).limit(_PAGE)
        number = 0
        while True:
            with self._database.read() as session:
                rows = session.scalars(query.where(Feedback.number > number)).all()
            for row in rows:
                moment = shown(row.created_at)
                yield {**orjson.loads(row.record), "created_at": moment.isoformat() if moment else None}
            if len(rows) < _PAGE:
                return
            number = rows[-1].number
