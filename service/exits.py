"""How a command ends: one sentence on stderr and an exit code, never a traceback unasked."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Final

import typer

from plaudit.errors import PlauditError, UsageError

DONE: Final = 0
FAILED: Final = 1
UNUSABLE: Final = 2

EXIT_CODES: Final = "Exit codes: 0 done; 2 wrong usage or unusable input; 1 anything else, Ctrl-C included."
NOTE: Final = "plaudit: "
"""How a note to an error begins that is meant for whoever runs the command."""
DEBUG: Final = "PLAUDIT_DEBUG"
"""Environment variable: where it is set, failures keep their traceback."""


@contextmanager
def exit_codes() -> Iterator[None]:
    """Turn whatever fails inside into its sentence and exit code.

    Raises:
        typer.Exit: With the code; 0 where the reader of stdout had enough.
    """
    try:
        yield
        if sys.stdout is not None:
            sys.stdout.flush()
    except typer.Exit:
        raise
    except BrokenPipeError:
        _forget_stdout()
        raise typer.Exit(DONE) from None
    except (Exception, KeyboardInterrupt) as error:
        if os.environ.get(DEBUG):
            raise
        typer.echo(f"plaudit: {' '.join([sentence(error), *_notes(error)])}", err=True)
        raise typer.Exit(UNUSABLE if isinstance(error, UsageError) else FAILED) from None


def sentence(error: BaseException) -> str:
    """Return what to tell a person of an error.

    Of errors that nobody raised on purpose it tells only the kind: their messages may quote a comment.
    """
    if isinstance(error, PlauditError):
        return str(error)
    if isinstance(error, KeyboardInterrupt):
        return "Interrupted; nothing half-written is left."
    if isinstance(error, MemoryError):
        return "The memory of this machine is used up; close other programs, or use a machine with more."
    if isinstance(error, OSError):
        return f"The system refused: {_reason(error)}."
    return (
        f"Something broke inside Plaudit ({type(error).__name__}); {DEBUG}=1 before the command shows where."
    )


def _notes(error: BaseException) -> list[str]:
    """Return what the run added to an error for the reader; libraries add notes too, for programmers."""
    notes = [str(note) for note in getattr(error, "__notes__", ())]
    return [note.removeprefix(NOTE) for note in notes if note.startswith(NOTE)]


def _reason(error: OSError) -> str:
    reason = os.strerror(error.errno) if error.errno else str(error) or type(error).__name__
    return f"{reason} ({error.filename})" if error.filename else reason


def _forget_stdout() -> None:
    # Python flushes stdout once more as it ends, and would complain of the closed pipe.
    with suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


def end_on_sigterm() -> None:
    """Let a polite kill clean up as Ctrl-C does."""
    signal.signal(signal.SIGTERM, _interrupt)


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
