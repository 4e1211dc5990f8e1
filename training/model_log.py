"""The log of which model was in use when, and why: a table at the end of `models/README.md`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Literal

from plaudit import artifact
from plaudit.errors import ArtifactError
from plaudit.training.replacing import replace_file

What = Literal["promote", "rollback", "use"]

FILE: Final = "README.md"
_HEADING: Final = "## Log"
_HEADER: Final = (
    "| when (UTC) | what | model | before it | macro-F1, paired | panel index | why |\n"
    "| --- | --- | --- | --- | --- | --- | --- |\n"
)
_NOTHING: Final = "–"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One change of the model in use.

    Attributes:
        when: ISO 8601, UTC, to the second.
        what: The command.
        model: In use from then on.
        before: In use until then; "" where there was none.
        figures: How the two compare on the frozen sets; "" where nobody looked.
        drift: How far indices of the panel move; "" likewise.
        why: The reason given; "" where none was.
    """

    when: str
    what: str
    model: str
    before: str
    figures: str = ""
    drift: str = ""
    why: str = ""


def switch(
    models: Path, name: str, *, what: What, figures: str = "", drift: str = "", why: str = ""
) -> Entry:
    """Make a model the current one and log it: both or neither.

    Raises:
        ArtifactError: There is no such folder, or something cannot be written.
        TrainingDataError: The log cannot be written; the old model stays.
    """
    before = current_name(models)
    entry = Entry(
        when=datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S"),
        what=what, model=name, before=before, figures=figures, drift=drift, why=why,
    )  # fmt: skip
    artifact.make_current(models, name)
    try:
        replace_file(models / FILE, _with(_read(models), entry).encode())
    except BaseException:
        if before:
            artifact.make_current(models, before)
        else:
            (models / artifact.CURRENT).unlink(missing_ok=True)
        raise
    return entry


def current_name(models: Path) -> str:
    """Return the name of the model in use; "" where there is none."""
    try:
        return artifact.current(models).name
    except ArtifactError:
        return ""


def entries(models: Path) -> list[Entry]:
    """Return the log, oldest first; empty where there is none."""
    _, _, table = _read(models).partition(f"{_HEADING}\n")
    rows = [line.strip().strip("|").split(" | ") for line in table.splitlines() if line.startswith("| 2")]
    cells = [[_cell_text(cell) for cell in row] for row in rows if len(row) == len(Entry.__slots__)]
    return [Entry(**dict(zip(Entry.__slots__, row, strict=True))) for row in cells]


def previous(models: Path) -> str:
    """Return the model that was in use before the current one was chosen.

    Raises:
        ArtifactError: The log names none.
    """
    now = current_name(models)
    chosen = [e for e in entries(models) if e.model == now and e.what != "rollback" and e.before]
    if not chosen:
        raise ArtifactError(
            f"The log in {models / FILE} names no model before {now or 'the current one'}; "
            "choose one with `plaudit-train use NAME`."
        )
    return chosen[-1].before


def _read(models: Path) -> str:
    path = models / FILE
    return path.read_text("utf-8") if path.is_file() else "# Models\n"


def _with(text: str, entry: Entry) -> str:
    if f"{_HEADING}\n" not in text:
        text = f"{text.rstrip()}\n\n{_HEADING}\n\n{_HEADER}"
    return f"{text.rstrip()}\n| {' | '.join(_cells(astuple(entry)))} |\n"


def _cells(values: Sequence[str]) -> list[str]:
    return [" ".join(value.replace("|", "/").split()) or _NOTHING for value in values]


def _cell_text(cell: str) -> str:
    return "" if cell.strip() == _NOTHING else cell.strip()
