"""How long a step may be: the bound on α·λmax below which a rule does not diverge on a quadratic."""

from collections.abc import Container
from dataclasses import dataclass
from math import isnan

from descend.doctor.record import Record, Series, facts
from descend.dynamics import MEANS, linear_rule
from descend.ground.bound import Bound


@dataclass(frozen=True)
class StabilityBound:
    """A stability bound on α·λmax and where it comes from."""

    value: float
    source: str


EDGE = "Cohen et al. 2022, Adaptive gradient methods at the edge of stability"
ADAPTIVE = ("Adam", "AdamW", "Adamax", "NAdam", "RAdam", "SparseAdam")

ROUNDING = Bound(1e-4, "of λmax", "ten times what sums of some hundred single-precision products are off by, 10⁻⁵")
PRECONDITIONED = (*ADAPTIVE, "RMSprop", "Adagrad", "Adadelta", "Rprop")  # their own curvature is λmax(P⁻¹H)


def stability_bound(optimizer: facts.Optimizer | None) -> StabilityBound | None:
    """Return the bound for the rule of an optimizer; None for a rule that has none known, or is not known itself."""
    if optimizer is None:
        return None
    rule = linear_rule({"class": optimizer.rule, **optimizer.settings})
    return StabilityBound(rule.bound, _source(optimizer)) if rule is not None else None


def _source(optimizer: facts.Optimizer) -> str:
    name = optimizer.rule
    if name == "NAdam":
        return "2(1+β₁)/((1−β₁)(1+2β₁)) for λmax(P⁻¹H): Nesterov's form on a quadratic, of a running mean"
    if name in ADAPTIVE:
        return f"2(1+β₁)/(1−β₁) for λmax(P⁻¹H): {EDGE}"
    if name == "RMSprop":
        return f"2(1+μ) for λmax(P⁻¹H): {EDGE}"
    if name in PRECONDITIONED:
        return f"2 for λmax(P⁻¹H): {EDGE}"
    if not optimizer.momentum:
        return "2: Ba, CSC413 lecture 4, Ill-conditioned curvature"
    if name == "Nesterov" or optimizer.nesterov:
        return "2(1+μ)/(1+2μ): Nesterov's form on a quadratic"
    if optimizer.form in MEANS:
        return "2(1+μ)/(1−μ): heavy ball on a quadratic (Cohen et al. 2021), of a running mean"
    formula = "2(1+μ)/(1−d)" if optimizer.dampening else "2(1+μ)"
    return f"{formula}: heavy ball on a quadratic (Cohen et al. 2021)"


def curvature_name(record: Record, key: str) -> str | None:
    """Return which curvature the rule's bound is about: its own preconditioned one where it has one."""
    rescales = is_of(record, key, PRECONDITIONED)
    for name in ("preconditioned_curvature",) if rescales else ("preconditioned_curvature", "curvature"):
        if len(record.series(name, key)):
            return name
    return None


def step_lengths(record: Record, key: str, name: str) -> Series:
    """Return α·λmax over the steps at which the curvature `name` was measured; coupled weight decay adds to λ."""
    rates = record.series("learning_rate", key)
    decay = coupled_decay(record.fact(facts.Optimizer, key))
    pairs = [(s, rate * (v + decay)) for s, v in record.series(name, key) if not isnan(rate := rates.at(s))]
    return Series(tuple(s for s, _ in pairs), tuple(v for _, v in pairs))


def is_of(record: Record, key: str, rules: Container[str]) -> bool:
    """Whether an optimizer is known to be of one of some rules."""
    optimizer = record.fact(facts.Optimizer, key)
    return optimizer is not None and optimizer.rule in rules


def rate_of(optimizer: facts.Optimizer | None) -> float:
    """Return the learning rate that an optimizer was given; 0 where it has none, or none is known."""
    return float(optimizer.lr or 0.0) if optimizer is not None else 0.0


def momentum_of(optimizer: facts.Optimizer | None) -> float:
    """Return the momentum that an optimizer was given; 0 where it has none, or none is known."""
    return float(optimizer.momentum or 0.0) if optimizer is not None else 0.0


def coupled_decay(optimizer: facts.Optimizer | None) -> float:
    """Return the weight decay that adds to the curvature: that of a rule which takes it into the gradient."""
    return float(optimizer.weight_decay or 0.0) if optimizer is not None and optimizer.rule == "SGD" else 0.0


@dataclass(frozen=True)
class Downwards:
    """Where the cost was seen to bend downwards: λ was measured along one direction, so λmin is no larger."""

    series: tuple[str, str]  # name and place of the curvatures
    step: int
    share: float  # −λ / |λmax|


def bends_downwards(record: Record, until: int) -> Downwards | None:
    """Return where up to step `until` it did so most; None where it was not seen to, which does not prove λmin ≥ 0."""
    seen = [
        Downwards((f"{name}_lowest", key), step, -lowest / abs(largest[step]))
        for key in record.every(facts.Optimizer)
        for name in ("curvature", "preconditioned_curvature")
        for largest in [dict(record.series(name, key).finite())]
        for step, lowest in record.series(f"{name}_lowest", key).finite()
        if step <= until and largest.get(step)
    ]
    most = max(seen, key=lambda found: found.share, default=None)
    return most if most and most.share > ROUNDING else None
