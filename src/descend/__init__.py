"""Finds out why a neural network isn't training, and proves the fix."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from descend import averaging, data, landscape, network, optim, parallel, schedules, trajectories
    from descend.doctor.callbacks.lightning import LightningCallback
    from descend.doctor.callbacks.transformers import TransformersCallback
    from descend.doctor.report.consultation import Consultation
    from descend.doctor.report.plotly_figures import figures
    from descend.doctor.run_doctor import run_doctor
    from descend.doctor.watch import watch

__version__ = "0.1.0"
_PARTS = (
    "averaging",
    "data",
    "iterates",
    "landscape",
    "network",
    "optim",
    "parallel",
    "schedules",
    "trajectories",
)
__all__ = [  # names that are imported on first access, so that the command line starts without torch
    "Consultation",
    "LightningCallback",
    "TransformersCallback",
    "averaging",
    "data",
    "figures",
    "landscape",
    "network",
    "optim",
    "parallel",
    "run_doctor",
    "schedules",
    "trajectories",
    "watch",
]
_HOMES = {
    "Consultation": "descend.doctor.report.consultation",
    "LightningCallback": "descend.doctor.callbacks.lightning",
    "TransformersCallback": "descend.doctor.callbacks.transformers",
    "figures": "descend.doctor.report.plotly_figures",
    "run_doctor": "descend.doctor.run_doctor",
    "watch": "descend.doctor.watch",
}


def __getattr__(name: str) -> Any:
    if name in _PARTS:
        return importlib.import_module(f"descend.{name}")
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'descend' has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*__all__, "__version__"]


def load_ipython_extension(shell: Any) -> None:
    """Add the cell magic `%%descend` to a notebook, in which `%load_ext descend` calls this function."""
    importlib.import_module("descend.cell_magic").add_cell_magic(shell)
