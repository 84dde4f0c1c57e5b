"""Activations on the monitor examples: the share of dead units, of saturated units, and the scale, per layer."""

from dataclasses import dataclass

from torch import Tensor

from descend.probes.moment import Measurement, Moment, no_grad_float, units_first
from descend.record import Fact, Reading
from descend.tape import Op
from descend.tape.vocabulary import RECTIFIERS, SIGMOIDS

FLAT = 0.01  # |φ'| below this share of its maximum counts as saturated


@dataclass
class _Layer:
    op: Op
    alive: Tensor | None = None  # per unit: active on any example
    saturated: float = 0.0
    square: float = 0.0
    count: int = 0

    def take(self, output: Tensor) -> None:
        units = units_first(no_grad_float(output))
        active = (units != 0).any(1)
        self.alive = active if self.alive is None else self.alive | active
        self.saturated += float((_slope(self.op.name, units) < FLAT).sum()) if self.op.name in SIGMOIDS else 0.0
        self.square += float(units.square().sum())
        self.count += units.numel()


def activations(moment: Moment) -> Measurement:
    """Yield `dead_share`, `saturated_share` and `activation_scale` (root mean square) of each activation."""
    layers: dict[str, _Layer] = {}
    for forward in moment.trained:
        for position, (op, output) in enumerate(forward.activations):
            layers.setdefault(_place(op, moment, position), _Layer(op)).take(output)
    for place, layer in layers.items():
        yield from _readings(moment, place, layer)


def _readings(moment: Moment, place: str, layer: _Layer) -> Measurement:
    step, name = moment.step, layer.op.name.rstrip("_")
    if layer.alive is not None and layer.op.name in RECTIFIERS:
        yield Reading("dead_share", place, step, 1 - float(layer.alive.float().mean()))
    if layer.op.name in SIGMOIDS:
        yield Reading("saturated_share", place, step, layer.saturated / max(1, layer.count))
    yield Reading("activation_scale", place, step, (layer.square / max(1, layer.count)) ** 0.5)
    if place not in moment.memory.setdefault("activation_places", set()):
        moment.memory["activation_places"].add(place)
        site = layer.op.origin.site if layer.op.origin else None
        units = 0 if layer.alive is None else layer.alive.numel()
        detail = {"function": name, "units": units, "file": site.file if site else "", "line": site.line if site else 0}
        yield Fact("activation", place, step, detail)


def _place(op: Op, moment: Moment, position: int) -> str:
    module = op.origin.module if op.origin else None
    name = moment.modules(module) if module is not None else ""
    if module is not None and not list(module.children()) and not list(module.parameters(recurse=False)):
        return name
    line = op.origin.site.line if op.origin and op.origin.site else 0
    return f"{name or 'model'} {op.name.rstrip('_')} {position} (line {line})"


def _slope(name: str, output: Tensor) -> Tensor:
    """Return |φ'| as a share of its maximum, from the activation's output."""
    return 1 - output.square() if name.startswith("tanh") else 4 * output * (1 - output)
