"""What `descend show` measures in a script: one picture a file, at the points of the run that are asked for."""

from descend.doctor.probes.shown.curvature import curvature
from descend.doctor.probes.shown.gradients import gradient_statistics
from descend.doctor.probes.shown.layers import layers
from descend.doctor.probes.shown.memory import memory
from descend.doctor.probes.shown.surface import shown_surface
from descend.doctor.probes.shown.symmetry import symmetry
from descend.doctor.probes.snapshot import Probe

_ALL = (
    Probe("curvature", "", curvature, differentiates=True, piecewise=True),
    Probe("gradients", "", gradient_statistics, differentiates=True, piecewise=True),
    Probe("layers", "", layers, differentiates=True),
    Probe("memory", "", memory, differentiates=True),
    Probe("surface", "", shown_surface, piecewise=True),
    Probe("symmetry", "", symmetry, differentiates=True, piecewise=True),
)
SHOWN = {probe.name: probe for probe in _ALL}

__all__ = ["SHOWN"]
