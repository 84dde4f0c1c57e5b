"""Activations on the monitor examples: the share of dead units, of saturated units, and the scale, per layer."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import inf

from torch import Tensor

from descend.doctor.probes.loss_call import loss_call
from descend.doctor.probes.snapshot import Forward, Measurement, Snapshot, chosen_at, no_grad_float
from descend.doctor.probes.units import layer_behind, unit_dim, units_first
from descend.doctor.record import Fact, Reading, facts
from descend.doctor.tape import Op
from descend.doctor.tape.vocabulary import CLAMPS, RECTIFIERS, SIGMOIDS

FLAT = 0.01  # |φ'| below this share of its maximum counts as saturated


@dataclass
class _Layer:
    op: Op
    alive: Tensor | None = None  # per unit: active on any example
    saturated: float = 0.0
    square: float = 0.0
    count: int = 0

    def take(self, op: Op, units: Tensor) -> None:
        if op.name in RECTIFIERS:
            active = (_is_active(op, units) | units.isnan()).any(1)  # of NaN it is not known
            self.alive = active if self.alive is None else self.alive | active
        self.saturated += float((_slope(op.name, units) < FLAT).sum()) if op.name in SIGMOIDS else 0.0
        self.square += float(units.double().square().sum())
        self.count += units.numel()


def activations(snapshot: Snapshot) -> Measurement:
    """Yield `dead_share`, `saturated_share` and `activation_scale` (root mean square) of each activation."""
    layers: dict[tuple[str, object, int], _Layer] = {}
    for forward in snapshot.trained:
        for place, op, units, source in _units(snapshot, forward):
            layers.setdefault((place, source, len(units)), _Layer(op)).take(op, units)
    seen: dict[str, int] = {}
    for (place, _, count), layer in layers.items():
        seen[place] = seen.get(place, 0) + 1
        numbered = place if seen[place] == 1 else f"{place} ({seen[place]})"
        yield from _readings(snapshot, numbered, layer, count)


def _units(snapshot: Snapshot, forward: Forward) -> Iterator[tuple[str, Op, Tensor, object]]:
    """Yield for each activation its place, its call, its outputs by unit, and what tells its layer from others.

    One module may stand behind many layers; a layer in a loop is called many times. The weights tell.
    """
    called: dict[str, int] = {}
    for op, output in forward.activations:
        place = _place(op, snapshot)
        called[place] = called.get(place, 0) + 1
        layer = layer_behind(forward.recording, op)
        if op.name in CLAMPS and (layer is None or _ends(op) != (0.0, inf)):
            continue  # a clamp that is no rectifier
        dim = unit_dim(op.name if layer is None else layer.op.name, output.ndim)
        units = units_first(no_grad_float(output), dim) if layer or output.ndim > 1 else output.reshape(1, -1)
        yield place, op, units, called[place] if layer is None else id(layer.weight)


def _readings(snapshot: Snapshot, place: str, layer: _Layer, units: int) -> Measurement:
    step, name = snapshot.step, _function(layer.op)
    if layer.alive is not None:
        yield Reading("dead_share", place, step, float((~layer.alive).double().mean()))
    if layer.op.name in SIGMOIDS:
        yield Reading("saturated_share", place, step, layer.saturated / max(1, layer.count))
    yield Reading("activation_scale", place, step, (layer.square / max(1, layer.count)) ** 0.5)
    if place not in snapshot.memory.setdefault("activation_places", set()):
        snapshot.memory["activation_places"].add(place)
        site = layer.op.site
        _note_site(snapshot, layer.op)
        said = facts.Activation(name, units, site.file if site else "", site.line if site else 0)
        yield Fact.of(said, step, place)


def _note_site(snapshot: Snapshot, op: Op) -> None:
    """Note where a hidden activation is chosen."""
    call = loss_call(snapshot.recordings()[0])
    if call is not None and call.activation is op:
        return
    key = str(len(snapshot.memory["activation_places"]) - 1)
    snapshot.note_site("hidden_activation", key, *chosen_at(snapshot, op))


def _place(op: Op, snapshot: Snapshot) -> str:
    module = op.origin.module if op.origin else None
    name = snapshot.modules(module) if module is not None else ""
    if module is not None and not list(module.children()) and not list(module.parameters(recurse=False)):
        return name
    line = op.origin.site.line if op.origin and op.origin.site else 0
    return f"{name or 'model'} {_function(op)} (line {line})"


def _is_active(op: Op, output: Tensor) -> Tensor:
    """Return where a rectifier lets the gradient through, from its output."""
    low, high = _ends(op)
    if "threshold" in op.name:
        return output != low
    return (output > low) & (output < high)


def _ends(op: Op) -> tuple[float, float]:
    """Return the values at which a rectifier is flat."""
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


def _function(op: Op) -> str:
    if op.name.startswith("hardtanh") and _ends(op) == (0.0, 6.0):
        return "relu6"  # as torch's own module computes it
    return op.name.strip("_")


def _slope(name: str, output: Tensor) -> Tensor:
    """Return |φ'| as a share of its maximum, from the activation's output."""
    return 1 - output.square() if name.startswith("tanh") else 4 * output * (1 - output)
