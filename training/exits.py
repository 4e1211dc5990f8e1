"""How a training command ends: one sentence on stderr and an exit code, never a traceback unasked."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Final

import typer

from plaudit.errors import PlauditError, TrainingDataError, UsageError

FAILED: Final = 1
UNUSABLE: Final = 2
EXIT_CODES: Final = "Exit codes: 0 done; 2 wrong usage or unusable input; 1 anything else, Ctrl-C included."
DEBUG: Final = "PLAUDIT_DEBUG"
"""Environment variable: where it is set, failures keep their traceback."""

_MISSING: Final = "pip install 'plaudit[train]'"


@contextmanager
def exit_codes() -> Iterator[None]:
    """Turn whatever fails inside into its sentence and exit code.

    Raises:
        typer.Exit: With the code; 0 where the reader of stdout had enough.
    """
    try:
        yield
        sys.stdout.flush()
    except typer.Exit:
        raise
    except BrokenPipeError:
        with suppress(OSError, ValueError):  # Python flushes stdout once more as it ends
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit from None
    except (Exception, KeyboardInterrupt) as error:
        if os.environ.get(DEBUG):
            raise
        typer.echo(f"plaudit-train: {sentence(error)}", err=True)
        unusable = isinstance(error, UsageError | TrainingDataError)
        raise typer.Exit(UNUSABLE if unusable else FAILED) from None


def sentence(error: BaseException) -> str:
    """Return what to tell a person of an error.

    Of errors that nobody raised on purpose it tells only the kind: their messages may quote a comment.
    """
    if isinstance(error, PlauditError):
        return str(error)
    if isinstance(error, KeyboardInterrupt):
        return "Interrupted; with --work the same command goes on from the last whole epoch."
    if isinstance(error, ModuleNotFoundError):
        return f"Training needs the package {error.name}, which is not installed: {_MISSING}."
    if isinstance(error, MemoryError):
        return "The memory of this machine is used up; lower train.batch_size, or use a machine with more."
    if isinstance(error, OSError):
        reason = os.strerror(error.errno) if error.errno else str(error) or type(error).__name__
        return f"The system refused: {reason}{f' ({error.filename})' if error.filename else ''}."
    return (
        f"Something broke inside Plaudit ({type(error).__name__}); {DEBUG}=1 before the command shows where."
    )


def end_on_sigterm() -> None:
    """Let a polite kill clean up as Ctrl-C does."""
    signal.signal(signal.SIGTERM, _interrupt)


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
