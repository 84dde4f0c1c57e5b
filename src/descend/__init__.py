"""Finds out why a neural network isn't training, and proves the fix."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from descend import data, iterates, landscape, network, optim, parallel, schedules
    from descend.doctor.callbacks.lightning import LightningCallback
    from descend.doctor.callbacks.transformers import TransformersCallback
    from descend.doctor.observing.in_process_watch import watch
    from descend.doctor.report.plotly_figures import figures

__version__ = "0.1.0"
_PARTS = ("data", "iterates", "landscape", "network", "optim", "parallel", "schedules")
__all__ = [  # imported when they are asked for: they need torch and the frameworks, which the command line does without
    "LightningCallback",
    "TransformersCallback",
    "data",
    "figures",
    "iterates",
    "landscape",
    "network",
    "optim",
    "parallel",
    "schedules",
    "watch",
]
_HOMES = {
    "LightningCallback": "descend.doctor.callbacks.lightning",
    "TransformersCallback": "descend.doctor.callbacks.transformers",
    "figures": "descend.doctor.report.plotly_figures",
    "watch": "descend.doctor.observing.in_process_watch",
}


def __getattr__(name: str) -> Any:
    if name in _PARTS:
        return importlib.import_module(f"descend.{name}")
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'descend' has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*globals(), *__all__]
