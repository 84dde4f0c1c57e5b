"""Measure hidden activations on the fixed examples: the shares of dead units and saturated values, and the scale."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import inf
from typing import NamedTuple

import torch
from torch import Tensor

from descend.doctor.measure.loss_call import loss_call
from descend.doctor.measure.snapshot import Forward, Measurement, Snapshot, activation_site, no_grad_float
from descend.doctor.measure.unit_dimensions import layer_of_units, unit_dim, units_first
from descend.doctor.record import Fact, Reading, SiteKind, facts
from descend.doctor.tape import Op
from descend.doctor.tape.vocabulary import CLAMPS, RECTIFIERS, SIGMOIDS

FLAT = 0.01  # An activation counts as saturated where its derivative |φ'| is below this share of the maximum.


@dataclass
class _OutputSums:
    """Sums over all batches that describe the outputs of one activation: active units, saturated values, squares."""

    op: Op
    units: int  # the number of units in the first batch
    alive: Tensor | None = None  # for each unit: whether the unit is active on any example
    saturated: float = 0.0
    square: float = 0.0
    count: int = 0

    def add_outputs(self, op: Op, units: Tensor) -> None:
        """Add the outputs ``(units, examples)`` of one activation call to the sums."""
        if op.name in RECTIFIERS:
            active = (_is_active(op, units) | units.isnan()).any(1)  # A unit with a NaN output does not count as dead.
            self.alive = active if self.alive is None else _union(self.alive, active)
        self.saturated += float((_relative_derivative(op.name, units) < FLAT).sum()) if op.name in SIGMOIDS else 0.0
        self.square += float(units.double().square().sum())
        self.count += units.numel()


class _LayerKey(NamedTuple):
    """The identity of an activation's layer, which is the same in all recordings of a run.

    `source` is the layer's weight (its id) and number of units, because layers may share a module and may be called
    several times. Without a weight, it is the number of the call among those with the same name in the forward pass.
    """

    name: str  # the name of the activation; several layers may have it
    source: object


def activations(snapshot: Snapshot) -> Measurement:
    """Yield, for each activation, its shares of dead units and saturated outputs, and its outputs' root mean square."""
    layers: dict[_LayerKey, _OutputSums] = {}
    for forward in snapshot.trained:
        for layer, op, units in _outputs_by_unit(snapshot, forward):
            layers.setdefault(layer, _OutputSums(op, len(units))).add_outputs(op, units)
    places: dict[_LayerKey, str] = snapshot.memory.setdefault("activation_places", {})
    for layer, sums in layers.items():
        if is_new := layer not in places:
            # A layer keeps its number, because another batch may call the layers in another order.
            number = 1 + sum(known.name == layer.name for known in places)
            places[layer] = layer.name if number == 1 else f"{layer.name} ({number})"
        yield from _measured_values(snapshot, places[layer], sums, is_new=is_new)


def _outputs_by_unit(snapshot: Snapshot, forward: Forward) -> Iterator[tuple[_LayerKey, Op, Tensor]]:
    """Yield, for each activation call, its layer, the call, and its outputs ``(units, examples)``."""
    called: dict[str, int] = {}
    for op, output in forward.activations:
        name = _activation_name(op, snapshot)
        called[name] = called.get(name, 0) + 1
        layer = layer_of_units(forward.recording, op)
        if op.name in CLAMPS and (layer is None or _flat_levels(op) != (0.0, inf)):
            continue  # skipped, because this clamp is not a rectifier
        dim = unit_dim(op.name if layer is None else layer.op.name, output.ndim)
        units = units_first(no_grad_float(output), dim) if layer or output.ndim > 1 else output.reshape(1, -1)
        yield _LayerKey(name, called[name] if layer is None else (id(layer.weight), len(units))), op, units


def _measured_values(snapshot: Snapshot, place: str, layer: _OutputSums, *, is_new: bool) -> Measurement:
    """Yield the measured values of one activation; its first measurement also yields its function and source line."""
    step, name = snapshot.step, _function_name(layer.op)
    if layer.alive is not None:
        yield Reading("dead_share", place, step, float((~layer.alive).double().mean()))
    if layer.op.name in SIGMOIDS:
        yield Reading("saturated_share", place, step, layer.saturated / max(1, layer.count))
    yield Reading("activation_scale", place, step, (layer.square / max(1, layer.count)) ** 0.5)
    if is_new:
        site = layer.op.site
        _note_site(snapshot, layer.op)
        said = facts.Activation(name, layer.units, site.file if site else "", site.line if site else 0)
        yield Fact.of(said, step, place)


def _note_site(snapshot: Snapshot, op: Op) -> None:
    """Record the source line that selects the activation of a hidden layer."""
    call = loss_call(snapshot.recordings()[0])
    if call is not None and call.activation is op:
        return
    key = str(len(snapshot.memory["activation_places"]) - 1)
    snapshot.note_site(SiteKind.HIDDEN_ACTIVATION, key, *activation_site(snapshot, op))


def _activation_name(op: Op, snapshot: Snapshot) -> str:
    """Return the name of an activation's module, or else of the enclosing module, with function and line."""
    module = op.origin.module if op.origin else None
    name = snapshot.modules(module) if module is not None else ""
    if module is not None and not list(module.children()) and not list(module.parameters(recurse=False)):
        return name
    line = op.origin.site.line if op.origin and op.origin.site else 0
    return f"{name or 'model'} {_function_name(op)} (line {line})"


def _is_active(op: Op, output: Tensor) -> Tensor:
    """Return which outputs of a rectifier, such as ReLU, are where its derivative is not zero, as a mask."""
    low, high = _flat_levels(op)
    if "threshold" in op.name:
        return output != low
    return (output > low) & (output < high)


def _flat_levels(op: Op) -> tuple[float, float]:
    """Return the outputs at which a rectifier is flat: its lowest and highest output, ∓∞ where it is unbounded."""
    if op.name.startswith("hardtanh"):
        given = [*op.args[1:3], *(op.kwargs[k] for k in ("min_val", "max_val") if k in op.kwargs)]
        return (float(given[0]), float(given[1])) if len(given) == 2 else (-1.0, 1.0)
    if op.name in CLAMPS:
        places = {"min": 1, "max": 2} if not op.name.startswith("clamp_min") else {"min": 1}
        ends = {name: op.args[at] for name, at in places.items() if len(op.args) > at} | op.kwargs
        low, high = ends.get("min"), ends.get("max")
        is_number = isinstance(low, int | float) and high is None
        return (float(low), inf) if is_number and low is not None else (-inf, inf)
    if "threshold" in op.name:
        return float(op.args[2] if len(op.args) > 2 else op.kwargs["value"]), inf
    return 0.0, {"relu6": 6.0, "hardsigmoid": 1.0, "hardsigmoid_": 1.0}.get(op.name, inf)


def _function_name(op: Op) -> str:
    """Return the name of the activation function that a call applies."""
    if op.name.startswith("hardtanh") and _flat_levels(op) == (0.0, 6.0):
        return "relu6"  # torch.nn.ReLU6 calls hardtanh.
    return op.name.strip("_")


def _relative_derivative(name: str, output: Tensor) -> Tensor:
    """Return the derivative of tanh or sigmoid, divided by its maximum, given the function's output."""
    return 1 - output.square() if name.startswith("tanh") else 4 * output * (1 - output)


def _union(some: Tensor, others: Tensor) -> Tensor:
    """Return the units that are active in either mask; the number of units differs for sequences of other lengths."""
    longer, shorter = (some, others) if len(some) >= len(others) else (others, some)
    return torch.cat([longer[: len(shorter)] | shorter, longer[len(shorter) :]])
