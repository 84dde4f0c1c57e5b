"""A loss that is computed and never goes backward: looked for by name where a step has no gradients."""

from collections.abc import Iterable, Iterator
from types import FrameType
from typing import Any

from torch import Tensor

from descend.doctor.observing.frames import DEPTH, call_span
from descend.doctor.observing.modules import Modules
from descend.doctor.reading.attribution import Stepper
from descend.doctor.record import Fact, Listener, facts
from descend.landscape import graph_nodes


class IdleLoss:
    """Looks through the names that the script has at a step, from the innermost function of its own outwards."""

    def __init__(self, modules: Modules, send: Listener) -> None:
        self.modules, self.send = modules, send

    def find(self, stepper: Stepper, frame: FrameType | None) -> Tensor | None:
        """Return what the parameters of a step that nothing has fed could be trained by; note where it has which name.

        Of several the one that is made of others, and of those the one that reaches most parameters.
        """
        if any(p.grad is not None for p in stepper.parameters()):
            return None
        tree = self.modules.tree
        here = tree.in_script(frame)
        for _ in range(DEPTH):
            if here is None:
                break
            if (found := _widest(_scalars(here), stepper.held)) is not None:
                name, loss = found
                if not self.modules.has("idle_loss", stepper.key):
                    self.modules.note_site("idle_loss", stepper.key, call_span(here))
                    self.send([Fact.of(facts.IdleLoss(name), stepper.steps, stepper.key)])
                return loss.detach()
            here = tree.in_script(here.f_back)
        return None


def _scalars(frame: FrameType) -> Iterator[tuple[str, Tensor]]:
    """Yield the single numbers with a graph behind them that have a name there, `self`'s included."""
    names = dict(frame.f_locals)
    names |= {f"self.{name}": value for name, value in getattr(names.get("self"), "__dict__", {}).items()}
    for name, value in names.items():
        if isinstance(value, Tensor) and value.numel() == 1 and value.grad_fn is not None:
            yield name, value


def _widest(named: Iterator[tuple[str, Tensor]], held: frozenset[int]) -> tuple[str, Tensor] | None:
    """Return the one whose graph reaches most of the held parameters, of those that no other is made of."""
    graphs = [(name, value, list(graph_nodes([value]))) for name, value in named]
    inner = {id(node) for _, value, nodes in graphs for node in nodes if node is not value.grad_fn}
    whole = [(_count(nodes, held), name, value) for name, value, nodes in graphs if id(value.grad_fn) not in inner]
    count, name, value = max(whole, key=lambda known: known[0], default=(0, "", None))
    return (name, value) if count and value is not None else None


def _count(nodes: Iterable[Any], held: frozenset[int]) -> int:
    return sum(id(getattr(node, "variable", None)) in held for node in nodes)
