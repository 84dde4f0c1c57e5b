"""Runs in which the signal or the gradient vanishes in the layers, or almost vanishes at the start."""

from collections.abc import Callable, Sequence
from typing import Any

from records import WEIGHTS, change, forget, healthy, probe, set_cost, settling_at

from descend.doctor.record import Record, facts

Cost = Callable[[float], float]


def exploding_gradients(
    norms: Sequence[float] = (101.0, 1.0), layers: Sequence[float] = (101.0, 50.0, 10.0), left: float = 0.31
) -> Record:
    record = healthy()
    set_cost(record, settling_at(left))
    probe(record, "gradient_norm", "", [*norms, *[1.0] * 18])
    _gradients(record, layers)
    return record


def vanishing_gradients(layers: Sequence[float] = (0.0099, 0.1, 1.0), left: float = 0.31) -> Record:
    record = healthy()
    set_cost(record, settling_at(left))
    _gradients(record, layers)
    return record


def _gradients(record: Record, layers: Sequence[float]) -> None:
    for place in WEIGHTS:
        del record.readings["gradient_norm", place]
    for i, norm in enumerate(layers):
        probe(record, "gradient_norm", f"{i}.bias", 1e-9)
        probe(record, "gradient_norm", f"{i}.weight", norm)


def layer_rate_mismatch(
    spread: float = 301.0, rates: Sequence[float] = (0.1, 1e-4), left: float = 0.31, place: str = "2.weight"
) -> Record:
    record = healthy(rates=list(rates))
    set_cost(record, settling_at(left))
    forget(record, "update_ratio")
    probe(record, "update_ratio", "0.weight", 1e-5)
    probe(record, "update_ratio", place, 1e-5 * spread)
    return record


def one_rate_for_unequal_layers(
    spread: float = 101.0, slow: float = 4.9e-4, left: float = 0.31, place: str = "2.weight", **rule: Any
) -> Record:
    """Return a run at one learning rate, in which one layer changes by less than a tenth and another by far more."""
    record = healthy(**rule)
    set_cost(record, settling_at(left))
    forget(record, "update_ratio")
    probe(record, "update_ratio", "0.weight", slow)
    probe(record, "update_ratio", place, slow * spread)
    return record


def dead_units(share: float = 0.5, left: float = 0.91, since: int = 0) -> Record:
    record = healthy()
    set_cost(record, settling_at(left))
    change(record, facts.Activation, "3", file="/home/user/net.py", line=77)
    probe(record, "dead_share", "3", [0.2] * (since // 10) + [share] * (20 - since // 10))
    return record


def covariate_shift(grows: float = 10.0, layers: int = 4, layer: int = 1, left: float = 0.31) -> Record:
    record = healthy()
    forget(record, "activation_scale")
    set_cost(record, settling_at(left))
    for i in range(layers):
        end = 0.5 * grows if i == layer else 0.5
        probe(record, "activation_scale", f"{i}.act", [0.5] * 10 + [end] * 10)
    return record


def plateau(
    norm: float = 1.5e-3, left: float = 0.86, falls: float = 0.0, probes: int = 20, curvature: float = 0.02, **rule: Any
) -> Record:
    record = healthy(**rule)
    probe(record, "curvature", "0", curvature)
    set_cost(record, lambda t: left if t > 0.5 else left / (1 - falls))
    probe(record, "gradient_norm", "", [norm] * probes)
    return record


def saddle_point(
    grows: float = 31.0,
    first: float = 1e-3,
    flat: int = 60,
    left: float = 0.11,
    cost: Cost | None = None,
    bends: float = 0.0,
    **rule: Any,
) -> Record:
    record = healthy(**rule)
    set_cost(record, cost or (lambda t: 1.0 if 190 * t <= flat else left))
    if bends:
        probe(record, "curvature", "0", 2.0)
        probe(record, "curvature_lowest", "0", bends)
    probe(record, "gradient_norm", "", [first] * 10 + [first * grows or 1.0] * 10)
    return record


LAYERS = {
    exploding_gradients: "exploding_gradients",
    vanishing_gradients: "vanishing_gradients",
    layer_rate_mismatch: "layer_rate_mismatch",
    one_rate_for_unequal_layers: "layer_rate_mismatch",
    dead_units: "dead_units",
    covariate_shift: "covariate_shift",
    plateau: "plateau",
    saddle_point: "saddle_point",
}
