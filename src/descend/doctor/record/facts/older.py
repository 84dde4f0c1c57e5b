"""What earlier records call by other names: one entry for each type of facts that has changed."""

from collections.abc import Callable, Mapping
from typing import Any

from descend.doctor.record.facts.optimizers import by_field

CALLED: dict[str, str] = {  # what a type of facts was called, and what it is called
    "leak": "target_leak",
    "own_draws": "self_sampled_loss",
}
RENAMED: dict[str, dict[str, str]] = {  # of a type: what a field was called, and what it is called
    "Scheduler": {"class": "rule"},
}
DROPPED: frozenset[tuple[str, str]] = frozenset(  # of a type: a field that is no longer kept, as nothing read it
    {("LossInput", "histogram")}
)


def name_now(name: str) -> str:
    """Return what a type of facts is called that was called so."""
    return CALLED.get(name, name)


def as_now(kind: type, detail: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what was kept of a fact with the names that its type has for it."""
    renamed = RENAMED.get(kind.__name__, {})
    detail = {renamed.get(key, key): value for key, value in detail.items()} if renamed else detail
    return ADAPTED[kind.__name__](detail) if kind.__name__ in ADAPTED else detail


def _optimizer(detail: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return it with its hyper-parameters sorted; they stood among the rest."""
    return by_field(detail) if "class" in detail else detail


ADAPTED: dict[str, Callable[[Mapping[str, Any]], Mapping[str, Any]]] = {"Optimizer": _optimizer}  # in another form
