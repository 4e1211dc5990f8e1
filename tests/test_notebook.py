"""The example notebook runs from top to bottom and shows what it says it shows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from plaudit import artifact
from plaudit.errors import ArtifactError

ROOT = Path(__file__).parent.parent
NOTEBOOK = ROOT / "examples" / "notebook.ipynb"

nbformat = pytest.importorskip("nbformat")
nbclient = pytest.importorskip("nbclient")
pytest.importorskip("polars")
pytest.importorskip("ipykernel")


def _shown(cell: Any) -> str:
    return "".join(
        output.get("text") or output.get("data", {}).get("text/plain", "") for output in cell["outputs"]
    )


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")  # of the kernel's client
def test_the_notebook_runs() -> None:
    try:
        artifact.current()
    except ArtifactError:
        pytest.skip("models/CURRENT is missing: no model is committed here")
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(notebook)
    nbclient.NotebookClient(
        notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": str(NOTEBOOK.parent)}}
    ).execute()
    shown = [_shown(cell) for cell in notebook.cells if cell.cell_type == "code"]
    assert shown[0].count("Interval(") == 3
    assert shown[1].startswith("- ")
    assert "EXfiftymug5" in shown[2]
    assert "scored=3" in shown[3]
    assert "missing_text" in shown[3]
    assert all(label in shown[4] for label in ("generic_praise", "question", "genuine", "null"))
    assert "question" in shown[5]


def test_the_notebook_is_committed_without_outputs() -> None:
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [(cell.outputs, cell.execution_count) for cell in code] == [([], None)] * len(code)
