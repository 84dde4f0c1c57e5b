"""Notebooks in the format that Jupyter writes."""

import json
from pathlib import Path
from typing import Any


def code(source: str, *, as_list: bool = True) -> dict[str, Any]:
    lines = source.splitlines(keepends=True) if as_list else source
    return {"cell_type": "code", "execution_count": None, "metadata": {}, "outputs": [], "source": lines}


def text(source: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "metadata": {}, "source": source.splitlines(keepends=True)}


def notebook(*cells: dict[str, Any], language: str = "python", nbformat: int = 4, indent: int = 1) -> str:
    kernel = {"display_name": language, "language": language, "name": "python3"}
    whole = {"cells": list(cells), "metadata": {"kernelspec": kernel}, "nbformat": nbformat, "nbformat_minor": 4}
    return json.dumps(whole, indent=indent, ensure_ascii=False) + "\n"


def write(folder: Path, *cells: dict[str, Any]) -> Path:
    path = folder / "train.ipynb"
    path.write_text(notebook(*cells), encoding="utf-8")
    return path


SICK = (
    text("# Ziffern, größer als nötig"),
    code("%env TUNED=no\nimport torch\nfrom torch import nn\n!echo installing"),
    code("torch.manual_seed(0)\nx = torch.randn(256, 8)\ny = x[:, :3].argmax(1)\ndisplay(x.shape)"),
    code("%%bash\nls | head -1"),
    code(
        "model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 3), nn.Softmax(dim=1))\n"
        "optimizer = torch.optim.SGD(model.parameters(), lr=0.5)"
    ),
    code(
        "%%time\n"
        "for step in range(60):\n"
        "    optimizer.zero_grad()\n"
        "    loss = nn.functional.cross_entropy(model(x[step % 4 :: 4]), y[step % 4 :: 4])\n"
        "    loss.backward()\n"
        "    optimizer.step()\n"
        "    if step == 59:\n"
        "        !date\n"
        "print('loss', loss.item())"
    ),
)
