"""Curvature of any loss that can be evaluated again at other parameters."""

from descend.landscape.graph import custom_function, graph_nodes
from descend.landscape.lanczos import TopEigenpair, top_eigenpair
from descend.landscape.loss import CurvatureUnavailable, Hessian, Loss, MeanLoss, SingleLoss, derivatives

__all__ = [
    "CurvatureUnavailable",
    "Hessian",
    "Loss",
    "MeanLoss",
    "SingleLoss",
    "TopEigenpair",
    "custom_function",
    "derivatives",
    "graph_nodes",
    "top_eigenpair",
]
