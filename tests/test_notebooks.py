"""The notebooks of docs/notebooks run from their first cell to their last, and hold what they printed in full."""

import re
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = sorted((ROOT / "docs" / "notebooks").glob("*.ipynb"))
MOST_BYTES = 500_000
# what the cell tagged "parameters" says instead, so that it takes seconds
SHORT = {
    "register-and-train": "STEPS = 20_000",
    "hard-against-soft": 'LENGTH = "steps: 640"\nEPISODES = 64',
    "saliency": "FRAMES = 60",
}


@pytest.mark.parametrize("path", [pytest.param(path, id=path.stem) for path in NOTEBOOKS])
def test_a_notebook_runs(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT / ".typing"))
    monkeypatch.setenv("MPLBACKEND", "module://matplotlib_inline.backend_inline")
    notebook = nbformat.read(path, 4)
    (parameters,) = [cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", [])]
    names = re.findall(r"^(\w+) =", parameters.source, re.MULTILINE)
    assert re.findall(r"^(\w+) =", SHORT[path.stem], re.MULTILINE) == names
    parameters.source = SHORT[path.stem]
    try:
        NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(tmp_path)}}).execute()
    except CellExecutionError as error:  # often of a cell that misses what an earlier one should have written
        pytest.fail(f"{error}\n{_printed(notebook)}")
    assert "error:" not in (printed := _printed(notebook)), printed  # of a command


def _printed(notebook: nbformat.NotebookNode) -> str:
    """What the cells of a notebook printed, commands and their errors among it."""
    return "".join(output.get("text", "") for cell in notebook.cells for output in cell.get("outputs", []))


@pytest.mark.parametrize("path", [pytest.param(path, id=path.stem) for path in NOTEBOOKS])
def test_a_notebook_is_kept_as_it_ran(path: Path) -> None:
    """In one go, without a mistake, without a path of the machine; small enough for a repository."""
    notebook = nbformat.read(path, 4)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    kinds = [output.output_type for cell in code for output in cell.outputs]
    assert "error" not in kinds
    assert any("image/png" in output.get("data", {}) for cell in code for output in cell.outputs)
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"/(home|root|tmp|work|Users)/", text)
    assert len(text) < MOST_BYTES


def test_every_notebook_is_here() -> None:
    assert {path.stem for path in NOTEBOOKS} == set(SHORT)
