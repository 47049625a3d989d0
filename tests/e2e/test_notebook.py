"""The notebook runs from top to bottom, in the environment of the tests."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient

ROOT = Path(__file__).parents[2]
NOTEBOOK = ROOT / "notebooks" / "retrain.ipynb"
CELL_S = 240  # a cell that hangs; the longest takes a tenth of it


class OwnKernel(AsyncKernelManager):
    """A kernel of this interpreter, whatever kernels the machine has installed."""

    @property
    def kernel_spec(self) -> KernelSpec:
        words = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        return KernelSpec(argv=words, display_name="tests", language="python")


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Return the notebook with what its cells printed."""
    place = tmp_path_factory.mktemp("notebook")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(ROOT))
        patch.setenv("TMPDIR", str(place))
        patch.setenv("IPYTHONDIR", str(place / "ipython"))
        patch.setenv("MPLCONFIGDIR", str(place / "matplotlib"))
        patch.delenv("SEGUE_NOTEBOOK_DATA", raising=False)
        notebook = nbformat.read(NOTEBOOK, as_version=4)
        resources = {"metadata": {"path": str(place)}}
        NotebookClient(
            notebook, timeout=CELL_S, kernel_manager_class=OwnKernel, resources=resources
        ).execute()
    return notebook


def outputs(notebook: Any, kind: str) -> list[str]:
    """Return what cells showed of a kind of data."""
    shown = [one.get("data", {}) for cell in notebook.cells for one in cell.get("outputs", ())]
    return [one[kind] for one in shown if kind in one]


def test_the_notebook_runs_and_shows_what_it_promises(ran: Any) -> None:
    assert len(outputs(ran, "image/png")) == 2
    printed = "".join(
        one["text"] for cell in ran.cells for one in cell.get("outputs", ()) if "text" in one
    )
    assert "today: NDCG@10 0." in printed
    assert "[train.ranker.trees]" in printed  # the settings to bring back
    assert "'ranker': 'none" in printed  # promoted, for the first time


def test_no_output_is_kept_in_the_file() -> None:
    cells = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    assert code
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in code)
