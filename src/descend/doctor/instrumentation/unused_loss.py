"""Find a loss that is computed but never differentiated, if a step has no gradients."""

from collections.abc import Iterable, Iterator
from types import FrameType
from typing import Any

from torch import Tensor

from descend.doctor.instrumentation.frames import DEPTH, call_span
from descend.doctor.instrumentation.modules import Modules
from descend.doctor.instrumentation.steps.attribution import Stepper
from descend.doctor.record import Fact, Listener, SiteKind, facts
from descend.landscape import graph_nodes


class UnusedLossFinder:
    """Searches the script's local variables at a step for a loss that is never differentiated."""

    def __init__(self, modules: Modules, send: Listener) -> None:
        self.modules, self.send = modules, send

    def find(self, stepper: Stepper, frame: FrameType | None) -> Tensor | None:
        """Return a loss that could train the parameters of a step without gradients, and report its variable.

        If there are several losses, the result is one that is not part of another loss and reaches most parameters.
        Functions are searched from the innermost outwards.
        """
        if any(p.grad is not None for p in stepper.parameters()):
            return None
        tree = self.modules.tree
        here = tree.in_script(frame)
        for _ in range(DEPTH):
            if here is None:
                break
            if (found := _best_candidate(_scalars_with_graph(here), stepper.held)) is not None:
                name, loss = found
                if not self.modules.has_reported(SiteKind.IDLE_LOSS, stepper.key):
                    self.modules.report_site(SiteKind.IDLE_LOSS, stepper.key, call_span(here))
                    self.send([Fact.of(facts.IdleLoss(name), stepper.steps, stepper.key)])
                return loss.detach()
            here = tree.in_script(here.f_back)
        return None


def _scalars_with_graph(frame: FrameType) -> Iterator[tuple[str, Tensor]]:
    """Yield (name, value) for each scalar with a graph among a frame's variables and the attributes of `self`."""
    names = dict(frame.f_locals)
    names |= {f"self.{name}": value for name, value in getattr(names.get("self"), "__dict__", {}).items()}
    for name, value in names.items():
        if isinstance(value, Tensor) and value.numel() == 1 and value.grad_fn is not None:
            yield name, value


def _best_candidate(named: Iterator[tuple[str, Tensor]], held: frozenset[int]) -> tuple[str, Tensor] | None:
    """Return (name, value) of the scalar, not part of another one, that reaches most held parameters; or None."""
    graphs = [(name, value, list(graph_nodes([value]))) for name, value in named]
    inner = {id(node) for _, value, nodes in graphs for node in nodes if node is not value.grad_fn}
    whole = [
        (_count_reached(nodes, held), name, value) for name, value, nodes in graphs if id(value.grad_fn) not in inner
    ]
    count, name, value = max(whole, key=lambda known: known[0], default=(0, "", None))
    return (name, value) if count and value is not None else None


def _count_reached(nodes: Iterable[Any], held: frozenset[int]) -> int:
    """Return how many of the held parameters are leaves of a graph with these nodes."""
    return sum(id(getattr(node, "variable", None)) in held for node in nodes)
