"""Curvature and surfaces of any loss that can be evaluated again at other parameters."""

from descend.landscape.directions import eigen_plane, filter_normalised, random_plane
from descend.landscape.eigenpairs import Eigenpair, Ends, ends
from descend.landscape.graph import custom_function, graph_nodes
from descend.landscape.lanczos import TopEigenpair, top_eigenpair
from descend.landscape.loss import CurvatureUnavailable, Hessian, Loss, derivatives
from descend.landscape.model import loss_of, trained
from descend.landscape.path import PathPlane, path_plane
from descend.landscape.plane import Plane, plane_through
from descend.landscape.spectrum import Estimate, Spectrum, spectrum
from descend.landscape.surface import surface

__all__ = [
    "CurvatureUnavailable",
    "Eigenpair",
    "Ends",
    "Estimate",
    "Hessian",
    "Loss",
    "PathPlane",
    "Plane",
    "Spectrum",
    "TopEigenpair",
    "custom_function",
    "derivatives",
    "eigen_plane",
    "ends",
    "filter_normalised",
    "graph_nodes",
    "loss_of",
    "path_plane",
    "plane_through",
    "random_plane",
    "spectrum",
    "surface",
    "top_eigenpair",
    "trained",
]
