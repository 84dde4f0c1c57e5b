"""Curvature of any loss that can be evaluated again at other parameters."""

from descend.landscape.eigenpairs import Eigenpair, Ends, ends
from descend.landscape.graph import custom_function, graph_nodes
from descend.landscape.lanczos import TopEigenpair, top_eigenpair
from descend.landscape.loss import CurvatureUnavailable, Hessian, Loss, derivatives
from descend.landscape.model import loss_of, trained
from descend.landscape.spectrum import Estimate, Spectrum, spectrum

__all__ = [
    "CurvatureUnavailable",
    "Eigenpair",
    "Ends",
    "Estimate",
    "Hessian",
    "Loss",
    "Spectrum",
    "TopEigenpair",
    "custom_function",
    "derivatives",
    "ends",
    "graph_nodes",
    "loss_of",
    "spectrum",
    "top_eigenpair",
    "trained",
]
