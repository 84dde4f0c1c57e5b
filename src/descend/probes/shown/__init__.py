"""What `descend show` measures in a script: one picture a file, at the points of the run that are asked for."""

from descend.probes.moment import Probe
from descend.probes.shown.curvature import curvature

SHOWN = {probe.name: probe for probe in (Probe("curvature", "", curvature, differentiates=True, piecewise=True),)}

__all__ = ["SHOWN"]
