"""What earlier records call by other names: one entry for each type of facts that has changed."""

from collections.abc import Mapping
from typing import Any

CALLED: dict[str, str] = {  # what a type of facts was called, and what it is called
    "own_draws": "self_sampled_loss",
}
RENAMED: dict[str, dict[str, str]] = {  # of a type: what a field was called, and what it is called
    "Scheduler": {"class": "rule"},
}


def name_now(name: str) -> str:
    """Return what a type of facts is called that was called so."""
    return CALLED.get(name, name)


def as_now(kind: type, detail: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what was kept of a fact with the names that its type has for it."""
    renamed = RENAMED.get(kind.__name__)
    return {renamed.get(key, key): value for key, value in detail.items()} if renamed else detail
