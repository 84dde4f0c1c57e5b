"""Dynamics of an optimizer along one direction: predicted from the curvature, and observed in a run."""

from descend.dynamics.course import Agreement, Observation, agreement, observed
from descend.dynamics.prediction import MEANS, Kind, LinearRule, Motion, linear_rule, predicted

__all__ = [
    "MEANS",
    "Agreement",
    "Kind",
    "LinearRule",
    "Motion",
    "Observation",
    "agreement",
    "linear_rule",
    "observed",
    "predicted",
]


def __dir__() -> list[str]:
    return __all__
