"""What is observed that is no single number: a dataclass for each measurement, of standard types only."""

from descend.record.facts.curvature import (
    ConditionNumber,
    CurvaturePoint,
    Direction,
    Directions,
    Eigenvalue,
    Eigenvalues,
    GaussNewton,
    PointKind,
    Spectrum,
    Taylor,
    TaylorErrors,
)
from descend.record.facts.gradients import Clip, ConstantTerm, IdleLoss, Singular
from descend.record.facts.named import name_of
from descend.record.facts.shown import Extent, KeptBytes, Measuring, Setting, Settings
from descend.record.facts.surface import Axis, SurfacePoint, SurfaceValues, SurfaceView, Trail, Written

__all__ = [
    "Axis",
    "Clip",
    "ConditionNumber",
    "ConstantTerm",
    "CurvaturePoint",
    "Direction",
    "Directions",
    "Eigenvalue",
    "Eigenvalues",
    "Extent",
    "GaussNewton",
    "IdleLoss",
    "KeptBytes",
    "Measuring",
    "PointKind",
    "Setting",
    "Settings",
    "Singular",
    "Spectrum",
    "SurfacePoint",
    "SurfaceValues",
    "SurfaceView",
    "Taylor",
    "TaylorErrors",
    "Trail",
    "Written",
    "name_of",
]
