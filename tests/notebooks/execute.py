"""Run a notebook from top to bottom in its own folder.

    python tests/notebooks/execute.py notebooks/one_exam.ipynb

writes the new outputs into it; the test only looks whether it runs.
"""

from __future__ import annotations

import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient


def executed(path: Path) -> nbformat.NotebookNode:
    """The notebook with fresh outputs; the file stays as it is."""
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(
        notebook,
        timeout=120,
        kernel_name="python3",
        resources={"metadata": {"path": str(path.parent)}},
        record_timing=False,
    )
    client.execute()
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            # Pillow offers a picture in both formats; the smaller one is kept.
            if "image/jpeg" in output.get("data", {}):
                output.data.pop("image/png", None)
    # Which Python made the outputs is nobody's business and changes without need.
    notebook.metadata = {"kernelspec": notebook.metadata["kernelspec"]}
    return notebook


if __name__ == "__main__":
    for name in sys.argv[1:]:
        nbformat.write(executed(Path(name)), name)
