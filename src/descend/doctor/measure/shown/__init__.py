"""The measurements of `descend show`: each file computes one picture, at the requested points of the run."""

from descend.doctor.measure.shown.curvature import curvature
from descend.doctor.measure.shown.gradients import gradient_statistics
from descend.doctor.measure.shown.layers import layers
from descend.doctor.measure.shown.memory import memory
from descend.doctor.measure.shown.norms import norms
from descend.doctor.measure.shown.surface import shown_surface
from descend.doctor.measure.shown.symmetry import symmetry
from descend.doctor.measure.snapshot import Probe

_ALL = (
    Probe("curvature", "", curvature, differentiates=True, piecewise=True),
    Probe("gradients", "", gradient_statistics, differentiates=True, piecewise=True),
    Probe("layers", "", layers, differentiates=True),
    Probe("memory", "", memory, differentiates=True),
    Probe("norms", "", norms, differentiates=True, piecewise=True),
    Probe("surface", "", shown_surface, piecewise=True),
    Probe("symmetry", "", symmetry, differentiates=True, piecewise=True),
)
SHOWN = {probe.name: probe for probe in _ALL}

__all__ = ["SHOWN"]
