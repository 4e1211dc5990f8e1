r"""The tables, as the migrations make them.

Times are Unix milliseconds, and are shown, never compared to decide who may work: clocks jump. Texts that
a caller gives are kept as JSON, because PostgreSQL takes no NUL in a text and JSON writes it as `\u0000`.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Index, Integer, MetaData, String, Text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

QUEUED, RUNNING, DONE, FAILED = "queued", "running", "done", "failed"
STATES: Final = (QUEUED, RUNNING, DONE, FAILED)
THE_DUMP, THE_SERVICE = "dump", "service"
FAULTS: Final = (THE_DUMP, THE_SERVICE)

_Number = BigInteger().with_variant(Integer(), "sqlite")  # SQLite counts up by itself only in INTEGER


class Table(DeclarativeBase):
    """Root of the tables; names of constraints are the same in every database."""

    metadata = MetaData(
        naming_convention={"pk": "pk_%(table_name)s", "uq": "uq_%(table_name)s_%(column_0_name)s"}
    )


class Dump(Table):
    """A dump that was handed in, and how far it is.

    Attributes:
        number: Order of arrival.
        id: 32 hexadecimal digits that nobody can guess.
        owner: Name of the API key; empty where the service asks for none.
        state: One of `STATES`.
        options: How to read it, as JSON; without the creator's name once it has ended.
        suffix: Such as `.csv`, of a fixed list; empty where nothing is known.
        n_bytes: Of the upload.
        n_bytes_read: Of those, worked off.
        n_comments: Labelled so far.
        error: Why it failed, a sentence.
        fault: Whose fault that is, one of `FAULTS`.
        lease: Token of the run that works on it, or that has ended it, which is the name of its folder of
            results; None where it waits, or was given up.
        beats: Signs of life of that run.
        n_runs: Runs that were begun and not given back.
        request_key: Digest of the `Idempotency-Key` that it was sent with; None where there was none.
        request_hash: Digest of what was sent with that key.
    """

    __tablename__ = "dump"
    __table_args__ = (
        Index("ix_dump_state", "state"),
        Index("ix_dump_owner", "owner"),
        Index("ix_dump_request_key", "owner", "request_key", unique=True),
    )

    number: Mapped[int] = mapped_column(_Number, primary_key=True, autoincrement=True)
    id: Mapped[str] = mapped_column(String(32), unique=True)
    owner: Mapped[str] = mapped_column(String(64))
    state: Mapped[str] = mapped_column(String(16))
    options: Mapped[str] = mapped_column(Text)
    suffix: Mapped[str] = mapped_column(String(16))
    n_bytes: Mapped[int] = mapped_column(BigInteger)
    n_bytes_read: Mapped[int] = mapped_column(BigInteger, default=0)
    n_comments: Mapped[int] = mapped_column(BigInteger, default=0)
    error: Mapped[str | None] = mapped_column(Text)
    fault: Mapped[str | None] = mapped_column(String(16))
    lease: Mapped[str | None] = mapped_column(String(32))
    beats: Mapped[int] = mapped_column(BigInteger, default=0)
    n_runs: Mapped[int] = mapped_column(Integer, default=0)
    created_at: Mapped[int] = mapped_column(BigInteger)
    started_at: Mapped[int | None] = mapped_column(BigInteger)
    finished_at: Mapped[int | None] = mapped_column(BigInteger)
    request_key: Mapped[str | None] = mapped_column(String(32))
    request_hash: Mapped[str | None] = mapped_column(String(32))


class Feedback(Table):
    """A corrected label.

    Attributes:
        number: Order of arrival.
        id: 32 hexadecimal digits that nobody can guess.
        owner: Name of the API key; empty where the service asks for none.
        text_hash: Of the text, to find later corrections of the same comment.
        record: Everything that was said, as JSON.
        request_key: Digest of the `Idempotency-Key` that it was sent with; None where there was none.
    """

    __tablename__ = "feedback"
    __table_args__ = (
        Index("ix_feedback_text_hash", "owner", "text_hash"),
        Index("ix_feedback_request_key", "owner", "request_key", unique=True),
    )

    number: Mapped[int] = mapped_column(_Number, primary_key=True, autoincrement=True)
    id: Mapped[str] = mapped_column(String(32), unique=True)
    owner: Mapped[str] = mapped_column(String(64))
    text_hash: Mapped[str] = mapped_column(String(32))
    record: Mapped[str] = mapped_column(Text)
    created_at: Mapped[int] = mapped_column(BigInteger)
    request_key: Mapped[str | None] = mapped_column(String(32))
