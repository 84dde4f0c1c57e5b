"""Curvature, surfaces, symmetries and gradient statistics of any loss that is a function of its parameters."""

from descend.landscape.bad_minimum import bad_minimum
from descend.landscape.batch_sizes import Training, tradeoff
from descend.landscape.batch_variance import averaged_variance, variance_by_size
from descend.landscape.condition import Condition, condition_number
from descend.landscape.convexity import convexity, points_about, restricted
from descend.landscape.critical_point import CriticalPoint, critical_point
from descend.landscape.directions import eigen_plane, filter_normalised, random_plane
from descend.landscape.eigenpairs import Eigenpair, Ends, ends
from descend.landscape.fitting import fitted, minimised
from descend.landscape.gradients import Gradients, example_gradients, part_gradients
from descend.landscape.graph import custom_function, graph_nodes
from descend.landscape.hidden import Axis, Hidden, averaged, permuted, scaled
from descend.landscape.lanczos import TopEigenpair, top_eigenpair
from descend.landscape.loss import CurvatureUnavailable, Hessian, Loss, derivatives
from descend.landscape.memorising import memorised
from descend.landscape.model import loss_of, trained
from descend.landscape.noise_scale import noise_scale
from descend.landscape.outputs import GaussNewton, Judged, LossOfOutputs
from descend.landscape.path import PathPlane, path_plane
from descend.landscape.permutation import permutations
from descend.landscape.plane import Plane, plane_through
from descend.landscape.plateau import unmoved
from descend.landscape.preconditioned import Preconditioned
from descend.landscape.random_units import random_units
from descend.landscape.sharpness import measures, rescaling
from descend.landscape.spectrum import Estimate, Spectrum, spectrum
from descend.landscape.stationary_variance import stationary_variance
from descend.landscape.surface import surface
from descend.landscape.taylor import Taylor, directions, taylor
from descend.landscape.unbiased import bias
from descend.landscape.weight_variance import weight_variance

__all__ = [
    "Condition",
    "CriticalPoint",
    "CurvatureUnavailable",
    "Eigenpair",
    "Ends",
    "Estimate",
    "GaussNewton",
    "Gradients",
    "Hessian",
    "Judged",
    "Loss",
    "LossOfOutputs",
    "PathPlane",
    "Plane",
    "Preconditioned",
    "Spectrum",
    "Taylor",
    "TopEigenpair",
    "Training",
    "averaged_variance",
    "bias",
    "condition_number",
    "critical_point",
    "custom_function",
    "derivatives",
    "directions",
    "eigen_plane",
    "ends",
    "example_gradients",
    "filter_normalised",
    "graph_nodes",
    "loss_of",
    "noise_scale",
    "part_gradients",
    "path_plane",
    "plane_through",
    "random_plane",
    "spectrum",
    "stationary_variance",
    "surface",
    "taylor",
    "top_eigenpair",
    "tradeoff",
    "trained",
    "variance_by_size",
    "weight_variance",
    "convexity",
    "points_about",
    "restricted",
    "fitted",
    "minimised",
    "Axis",
    "Hidden",
    "averaged",
    "permuted",
    "scaled",
    "memorised",
    "permutations",
    "unmoved",
    "random_units",
    "measures",
    "rescaling",
    "bad_minimum",
]


def __dir__() -> list[str]:
    return __all__
