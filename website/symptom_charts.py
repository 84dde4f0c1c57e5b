"""The picture on a symptom's page: the training loss of a clinic program, as it is and with its known fix."""

import shutil
import subprocess
import sys
import tempfile
from math import isfinite
from pathlib import Path

from kept import kept
from line_chart import loss_chart
from variants import HERE as CLINIC
from variants import Patient

from descend.doctor.record.store import open_existing

FIXES = CLINIC / "fixes" / "sick"
LIMIT_S = 300  # seconds for one run of a program
Losses = list[tuple[int, float]]


def measured_losses(program: Patient) -> dict[str, Losses]:
    """Return the losses of a clinic program without and with its fix. A run without a loss is left out."""
    fix = FIXES / f"{program.name}.diff"
    sources = [program.path.read_text(encoding="utf-8"), fix.read_text(encoding="utf-8")]
    losses: dict[str, Losses] = kept(f"symptom-{program.name}", sources, lambda: _measure(program, fix))
    return losses


def symptom_chart(program: Patient) -> str | None:
    """Return the chart of both losses as SVG; None if there is no fix, or if a run has no loss that can be drawn."""
    if not (FIXES / f"{program.name}.diff").is_file():
        return None
    losses = measured_losses(program)
    curves = {name: [(step, loss) for step, loss in curve if isfinite(loss)] for name, curve in losses.items()}
    if len(curves) < 2 or any(len(curve) < 3 or min(loss for _, loss in curve) <= 0 for curve in curves.values()):
        return None
    return loss_chart(curves, f"Training loss of {program.name}, as it is and with its fix")


def _measure(program: Patient, fix: Path) -> dict[str, Losses]:
    """Run a program without and with its fix under `descend watch`, and return the losses of both."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        found = {}
        for label in ("as it is", "fixed"):
            shutil.copy(program.path, folder)
            if label == "fixed":
                subprocess.run(["patch", "--silent", "-p0", "-i", fix], cwd=folder, check=True)
            store = folder / label
            command = [sys.executable, "-m", "descend", "watch", "--store", store, f"{program.name}.py"]
            subprocess.run(command, cwd=folder, capture_output=True, timeout=LIMIT_S)  # it may fail: that is its fault
            if curve := _recorded_losses(store):
                found[label] = curve
        return found


def _recorded_losses(store: Path) -> Losses:
    """Return the training losses that a watched run has recorded."""
    with open_existing(store) as runs:
        record = runs.load(runs.number(None))
    series = record.series("loss", "0")
    return [(int(step), float(value)) for step, value in series]
