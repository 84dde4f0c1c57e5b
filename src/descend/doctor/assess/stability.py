"""The stability limit: the largest α·λmax at which an optimizer does not diverge on a quadratic."""

from collections.abc import Container
from dataclasses import dataclass
from math import isnan

from descend.core.bound import Bound, Count
from descend.doctor.record import Record, Series, facts
from descend.dynamics import MEANS, linear_rule


@dataclass(frozen=True)
class StabilityBound:
    """The largest stable product of learning rate α and curvature λmax for an optimizer, with its source."""

    value: float
    source: str


EDGE = "Cohen et al. 2022, Adaptive gradient methods at the edge of stability"
ADAPTIVE = ("Adam", "AdamW", "Adamax", "NAdam", "RAdam", "SparseAdam")

ROUNDING = Bound(
    1e-4,
    "error of a measured curvature as a share of λmax",
    "sums of a few hundred single-precision products have rounding errors of 10⁻⁵; this limit is ten times larger",
)
PRECONDITIONED = (
    *ADAPTIVE,
    "RMSprop",
    "Adagrad",
    "Adadelta",
    "Rprop",
    *("Adafactor", "Lion", "Muon", "SOAP", "ScheduleFreeAdamW", "SophiaG"),
)  # These optimizers rescale the gradient. A known limit holds for the preconditioned curvature λmax(P⁻¹H).

ADAM_RATE = Bound(1e-3, "learning rate of an adaptive optimizer", "the default in Algorithm 1 of Kingma & Ba 2015")
EARLY_STEPS = Count(
    3,
    "first steps of an adaptive optimizer",
    "chosen: in these steps, the optimizer estimates its scale of each parameter from very few gradients",
)


def stability_bound(optimizer: facts.Optimizer | None) -> StabilityBound | None:
    """Return the stability limit of an optimizer on a quadratic function; None if it is unknown."""
    if optimizer is None:
        return None
    rule = linear_rule({"class": optimizer.rule, **optimizer.settings})
    return StabilityBound(rule.bound, _stability_source(optimizer)) if rule is not None else None


def _stability_source(optimizer: facts.Optimizer) -> str:
    """Return a text with the formula of an optimizer's stability limit and the reference for it."""
    name = optimizer.rule
    if name == "NAdam":
        return "2(1+β₁)/((1−β₁)(1+2β₁)) for λmax(P⁻¹H): Nesterov momentum on a quadratic, with averaged gradients"
    if name in ADAPTIVE:
        return f"2(1+β₁)/(1−β₁) for λmax(P⁻¹H): {EDGE}"
    if name == "RMSprop":
        return f"2(1+μ) for λmax(P⁻¹H): {EDGE}"
    if name in PRECONDITIONED:
        return f"2 for λmax(P⁻¹H): {EDGE}"
    if not optimizer.momentum:
        return "2: Ba, CSC413 lecture 4, Ill-conditioned curvature"
    if name == "Nesterov" or optimizer.nesterov:
        return "2(1+μ)/(1+2μ): Nesterov momentum on a quadratic"
    if optimizer.form in MEANS:
        return "2(1+μ)/(1−μ): heavy ball on a quadratic (Cohen et al. 2021), with averaged gradients"
    formula = "2(1+μ)/(1−d)" if optimizer.dampening else "2(1+μ)"
    return f"{formula}: heavy ball on a quadratic (Cohen et al. 2021)"


def curvature_name(record: Record, key: str) -> str | None:
    """Return the name of the curvature series that the stability limit applies to; None if it was not measured."""
    rescales = uses_rule(record, key, PRECONDITIONED)
    for name in ("preconditioned_curvature",) if rescales else ("preconditioned_curvature", "curvature"):
        if len(record.series(name, key)):
            return name
    return None


def learning_rate_times_curvature(record: Record, key: str, name: str) -> Series:
    """Return the product of learning rate and curvature at each step at which the curvature was measured."""
    rates = record.series("learning_rate", key)
    # SGD's weight decay adds to every curvature of the loss.
    decay = coupled_decay(record.fact(facts.Optimizer, key))
    pairs = [(s, rate * (v + decay)) for s, v in record.series(name, key) if not isnan(rate := rates.at(s))]
    return Series(tuple(s for s, _ in pairs), tuple(v for _, v in pairs))


def uses_rule(record: Record, key: str, rules: Container[str]) -> bool:
    """Return whether the name of an optimizer's update rule is in `rules`; False if the optimizer is unknown."""
    optimizer = record.fact(facts.Optimizer, key)
    return optimizer is not None and optimizer.rule in rules


def learning_rate_of(optimizer: facts.Optimizer | None) -> float:
    """Return the learning rate setting of an optimizer; 0 if it has no such setting or is unknown."""
    return float(optimizer.lr or 0.0) if optimizer is not None else 0.0


def momentum_of(optimizer: facts.Optimizer | None) -> float:
    """Return the momentum setting of an optimizer; 0 if it has no such setting or is unknown."""
    return float(optimizer.momentum or 0.0) if optimizer is not None else 0.0


def coupled_decay(optimizer: facts.Optimizer | None) -> float:
    """Return the weight decay that SGD adds to the gradient, and so to the curvature; 0 for other optimizers."""
    return float(optimizer.weight_decay or 0.0) if optimizer is not None and optimizer.rule == "SGD" else 0.0


@dataclass(frozen=True)
class NegativeCurvature:
    """A negative curvature λ, measured along one direction: the smallest Hessian eigenvalue is at most λ."""

    series: tuple[str, str]  # name of the series of measured curvatures, and number of its optimizer
    step: int
    share: float  # size relative to the largest curvature: −λ / |λmax|


def strongest_negative_curvature(record: Record, until: int) -> NegativeCurvature | None:
    """Return the negative curvature of the largest relative size up to step `until`; None without such a curvature.

    Its size is relative to the largest curvature at the same step.
    """
    seen = [
        NegativeCurvature((f"{name}_lowest", key), step, -lowest / abs(largest[step]))
        for key in record.every(facts.Optimizer)
        for name in ("curvature", "preconditioned_curvature")
        for largest in [dict(record.series(name, key).finite())]
        for step, lowest in record.series(f"{name}_lowest", key).finite()
        if step <= until and largest.get(step)
    ]
    most = max(seen, key=lambda found: found.share, default=None)
    return most if most and most.share > ROUNDING else None


def eps_rounded_to_zero(record: Record, key: str) -> float | None:
    """Return an optimizer's `eps` if it is rounded to 0 in the parameters' precision; otherwise None."""
    optimizer = record.fact(facts.Optimizer, key)
    if optimizer is None or optimizer.eps is None or 2 * optimizer.eps > optimizer.smallest_subnormal:
        return None
    return float(optimizer.eps)
