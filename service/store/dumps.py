"""Dumps in the database: handed in, claimed by one run at a time, finished once.

A run proves that it lives by counting up `beats`. Whoever looks and sees no beat for as long as a lease
lasts, measured on a clock of its own that never jumps, may take the dump over; every change that a run
makes names its lease, so a run that was taken for dead changes nothing any more.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import uuid4

import orjson
import sqlalchemy as sa
from sqlalchemy.engine import CursorResult
from sqlalchemy.orm import Session
from sqlalchemy.sql import ColumnElement

from plaudit.errors import OverloadedError, StorageError
from plaudit.service.store.clock import now_ms
from plaudit.service.store.database import Database
from plaudit.service.store.repeats import Sent, check_same
from plaudit.service.store.tables import DONE, FAILED, QUEUED, RUNNING, THE_SERVICE, Dump

OPEN: Final = (QUEUED, RUNNING)
_PAGE: Final = 1000  # ids of one question: SQLite takes 32,766 parameters as it comes, PostgreSQL 65,535
_AFRESH: Final[dict[str, Any]] = {
    "state": QUEUED,
    "lease": None,
    "beats": 0,
    "n_bytes_read": 0,
    "n_comments": 0,
    "started_at": None,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Pulse:
    """What shows whether a run lives: which dump, whose lease, how many beats, which run it is."""

    id: str
    lease: str | None
    beats: int
    n_runs: int


class Dumps:
    """The dumps that a database knows.

    Every method raises `StorageError` where the database can't be asked.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._served = ""  # whose dump was begun last
        self._unclear = set[str]()  # leases of runs that may have been begun, of which no word came

    def add(
        self,
        *,
        dump_id: str,
        owner: str,
        options: str,
        suffix: str,
        n_bytes: int,
        sent: Sent | None = None,
        most: int = sys.maxsize,
    ) -> Dump:
        """Queue a dump whose upload is in its place, or return the one that was queued with the same key.

        Args:
            dump_id: Of the new one.
            owner: Whose it is.
            options: As the table has it.
            suffix: As the table has it.
            n_bytes: As the table has it.
            sent: To know the request again; None where it has no key.
            most: Dumps that may be open; see `crowded`.

        Raises:
            OverloadedError: There are too many.
            UsageError: Another dump was sent with this key.
        """
        dump = Dump(
            id=dump_id,
            owner=owner,
            state=QUEUED,
            options=options,
            suffix=suffix,
            n_bytes=n_bytes,
            n_bytes_read=0,
            n_comments=0,
            beats=0,
            n_runs=0,
            created_at=now_ms(),
            request_key=sent and sent.key,
            request_hash=sent and sent.content,
        )
        with self._database.write(in_turn=True) as session:
            if sent is not None:
                known = session.scalar(sa.select(Dump).where(*_sent_with(sent.key, owner)))
                if known is not None:
                    check_same(known.request_hash, sent.content)
                    return known
            n_open, n_own = _n_open(session), _n_open(session, owner)
            if sentence := crowded(n_open, n_own, owner=owner, most=most):
                raise OverloadedError(sentence)
            session.add(dump)
        return dump

    def is_sent(self, request_key: str, *, owner: str) -> bool:
        """Tell whether there is a dump that was sent with this key."""
        with self._database.read() as session:
            return session.scalar(sa.select(Dump.id).where(*_sent_with(request_key, owner))) is not None

    def get(self, dump_id: str, *, owner: str | None = None) -> Dump | None:
        """Return a dump; None where there is none, or it is another owner's."""
        with self._database.read() as session:
            return session.scalar(sa.select(Dump).where(Dump.id == dump_id, *_of(owner)))

    def latest(self, *, owner: str, limit: int, before: int | None = None) -> Sequence[Dump]:
        """Return an owner's dumps, the latest first; `before` is the number of the one that ended a page."""
        query = sa.select(Dump).where(Dump.owner == owner).order_by(Dump.number.desc()).limit(limit)
        if before is not None:
            query = query.where(Dump.number < before)
        with self._database.read() as session:
            return session.scalars(query).all()

    def n_open(self, *, owner: str | None = None) -> int:
        """Return how many wait or are worked on, of all or of one owner."""
        with self._database.read() as session:
            return _n_open(session, owner)

    def by_state(self) -> dict[str, tuple[int, int]]:
        """Return how many dumps there are, and when the first of them came, by state."""
        query = sa.select(Dump.state, sa.func.count(), sa.func.min(Dump.created_at)).group_by(Dump.state)
        with self._database.read() as session:
            return {state: (n, first) for state, n, first in session.execute(query).all()}

    def claim(self) -> Dump | None:
        """Begin a dump under a new lease; None where none waits.

        Owners take turns, by their names, so that nobody's one dump waits behind another's hundred; of an
        owner's the one that has waited longest comes first.
        """
        waiting = (
            sa.select(Dump.id)
            .where(Dump.state == QUEUED)
            .order_by(sa.case((Dump.owner > self._served, 0), else_=1), Dump.owner, Dump.number)
            .limit(1)
            .with_for_update(skip_locked=True)  # PostgreSQL; in SQLite there is one writer at a time
        )
        self._undo()
        lease = uuid4().hex
        try:
            with self._database.write() as session:
                dump_id = session.scalar(waiting)
                begun = None if dump_id is None else _begin(session, dump_id, lease)
        except StorageError:
            self._unclear.add(lease)
            raise
        if begun is not None:
            self._served = begun.owner
        return begun

    def _undo(self) -> None:
        """Give back what was begun where the word of that was lost: nobody works on it."""
        if leases := tuple(self._unclear):
            begun = Dump.state == RUNNING, Dump.lease.in_(leases)
            with self._database.write() as session:
                _change(session, *begun, n_runs=Dump.n_runs - 1, **_AFRESH)
            self._unclear.difference_update(leases)

    def pulses(self) -> Sequence[Pulse]:
        """Return the pulse of every running dump."""
        query = sa.select(Dump.id, Dump.lease, Dump.beats, Dump.n_runs).where(Dump.state == RUNNING)
        with self._database.read() as session:
            rows = session.execute(query).all()
        return [Pulse(id=row.id, lease=row.lease, beats=row.beats, n_runs=row.n_runs) for row in rows]

    def stands(self, pulse: Pulse) -> bool:
        """Tell, by a write, whether a pulse stands still: where it can be told, runs can beat too."""
        with self._database.write() as session:
            return _change(session, *_at(pulse), beats=Dump.beats)

    def requeue(self, pulse: Pulse) -> bool:
        """Queue a dump again whose run has gone; False where it has moved since."""
        with self._database.write() as session:
            return _change(session, *_at(pulse), **_AFRESH)

    def give_up(self, pulse: Pulse, *, error: str) -> bool:
        """End a dump whose run has gone as failed; False where it has moved since."""
        with self._database.write() as session:
            return _fail(session, *_at(pulse), error=error, fault=THE_SERVICE, lease=None)

    def beat(self, dump_id: str, *, lease: str, n_bytes_read: int, n_comments: int) -> bool:
        """Show that a run lives and how far it is; False where it has lost its lease."""
        with self._database.write() as session:
            return _change(
                session,
                *_held(dump_id, lease),
                beats=Dump.beats + 1,
                n_bytes_read=n_bytes_read,
                n_comments=n_comments,
            )

    def finish(self, dump_id: str, *, lease: str, n_comments: int) -> bool:
        """End a run whose results are in its folder; False where it has lost its lease."""
        with self._database.write() as session:
            return _end(
                session,
                *_held(dump_id, lease),
                state=DONE,
                n_bytes_read=Dump.n_bytes,
                n_comments=n_comments,
            )

    def fail(self, dump_id: str, *, lease: str, error: str, fault: str) -> bool:
        """End a run that came to nothing, with a sentence; False where it has lost its lease."""
        with self._database.write() as session:
            return _fail(session, *_held(dump_id, lease), error=error, fault=fault)

    def is_ended(self, dump_id: str, *, lease: str) -> bool:
        """Tell whether it was this run that ended a dump: the word of its `finish` or `fail` may be lost."""
        ended = sa.select(Dump.id).where(Dump.id == dump_id, Dump.state.not_in(OPEN), Dump.lease == lease)
        with self._database.read() as session:
            return session.scalar(ended) is not None

    def give_back(self, dump_id: str, *, lease: str) -> bool:
        """Queue a dump again whose run was told to stop; False where it has lost its lease."""
        with self._database.write() as session:
            return _change(
                session,
                *_held(dump_id, lease),
                n_runs=Dump.n_runs - 1,
                **_AFRESH,
            )

    def delete(self, dump_id: str, *, owner: str | None = None) -> bool:
        """Forget a dump, whatever its state; a run finds its lease lost. False where there is none."""
        with self._database.write() as session:
            is_there = _rows(session, sa.delete(Dump).where(Dump.id == dump_id, *_of(owner))) == 1
        self._database.wipe()
        return is_there

    def finished_before(self, moment_ms: int) -> Sequence[str]:
        """Return the ids of dumps that were done or had failed by then."""
        query = sa.select(Dump.id).where(Dump.state.not_in(OPEN), Dump.finished_at < moment_ms)
        with self._database.read() as session:
            return session.scalars(query).all()

    def states(self, ids: Sequence[str]) -> dict[str, str]:
        """Return the state by id, of those ids that there are; any number of them."""
        found: dict[str, str] = {}
        for start in range(0, len(ids), _PAGE):
            query = sa.select(Dump.id, Dump.state).where(Dump.id.in_(ids[start : start + _PAGE]))
            with self._database.read() as session:
                found |= {row.id: row.state for row in session.execute(query).all()}
        return found


def crowded(n_open: int, n_own: int, *, owner: str, most: int) -> str | None:
    """Return why there is no place for one more dump; None where there is.

    A key may take as many places as are left, half of all where it is alone: then whoever comes next always
    finds some. Where no keys are asked for everybody is one owner, and takes all.

    Args:
        n_open: Dumps that are open.
        n_own: Of those, the owner's.
        owner: Name of the key; empty where the service asks for none.
        most: Dumps that may be open.
    """
    if n_open >= most:
        return f"{n_open:,} dumps are waiting or on their way already: try again later."
    if owner and n_own >= most - n_open:
        return (
            f"{n_own:,} dumps of this API key are waiting or on their way already, as many as there are "
            "places left for others: try again later."
        )
    return None


def _n_open(session: Session, owner: str | None = None) -> int:
    query = sa.select(sa.func.count()).where(Dump.state.in_(OPEN), *_of(owner))
    return session.scalar(query) or 0


def _sent_with(request_key: str, owner: str) -> tuple[ColumnElement[bool], ...]:
    return Dump.owner == owner, Dump.request_key == request_key


def _of(owner: str | None) -> tuple[ColumnElement[bool], ...]:
    return () if owner is None else (Dump.owner == owner,)


def _held(dump_id: str, lease: str) -> tuple[ColumnElement[bool], ...]:
    return Dump.id == dump_id, Dump.state == RUNNING, Dump.lease == lease


def _at(pulse: Pulse) -> tuple[ColumnElement[bool], ...]:
    return *_held(pulse.id, pulse.lease or ""), Dump.beats == pulse.beats


def _begin(session: Session, dump_id: str, lease: str) -> Dump | None:
    begun = {"state": RUNNING, "lease": lease, "n_runs": Dump.n_runs + 1, "started_at": now_ms()}
    if not _change(session, Dump.id == dump_id, Dump.state == QUEUED, **begun):
        return None
    return session.scalar(sa.select(Dump).where(Dump.id == dump_id))


def _fail(session: Session, *where: ColumnElement[bool], error: str, fault: str, **others: Any) -> bool:
    return _end(session, *where, state=FAILED, error=error, fault=fault, **others)


def _end(session: Session, *where: ColumnElement[bool], **values: Any) -> bool:
    """End a dump; who its creator is nobody needs to know any more."""
    options = session.scalar(sa.select(Dump.options).where(*where))
    if options is None:
        return False
    left = {name: value for name, value in orjson.loads(options).items() if name != "creator"}
    return _change(session, *where, options=orjson.dumps(left).decode(), finished_at=now_ms(), **values)


def _change(session: Session, *where: ColumnElement[bool], **values: Any) -> bool:
    statement = sa.update(Dump).where(*where).values(**values)
    return _rows(session, statement.execution_options(synchronize_session=False)) == 1


def _rows(session: Session, statement: sa.Update | sa.Delete) -> int:
    result = session.execute(statement)
    assert isinstance(result, CursorResult)  # noqa: S101 - what SQLAlchemy gives for these
    return result.rowcount
