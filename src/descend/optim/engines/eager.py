"""Runs a rule as it is written, with torch's own operations, piece by piece so that a piece stays in the cache."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from descend.optim.engines.symbols import trace
from descend.optim.rows import PLAIN
from descend.optim.rule import Rule

PIECE = 1 << 15  # elements: with a rule's temporaries about one megabyte of float32


def step(rule: Rule, held: Mapping[str, Any], t: Any, hyper: Mapping[str, Any]) -> dict[str, Any]:
    """Take one step in place, and return the new state that is a number; `held` is θ, g and the state, by name."""
    numbers: dict[str, Any] = dict.fromkeys(trace(rule).numbers)
    for piece in _pieces(rule, held, [name for name in held if name not in numbers]):
        theta, g, *state = piece.values()
        change, *new = rule.function(theta, g, t, *state, **hyper)
        theta.add_(change)
        for name, value in zip(rule.state, new, strict=True):
            if name in numbers:
                numbers[name] = value
            else:
                piece[name].copy_(value)
    return numbers


def step_differentiably(rule: Rule, held: Mapping[str, Any], t: Any, hyper: Mapping[str, Any]) -> dict[str, Any]:
    """Take one step that autograd can go back through, and return all of the new state."""
    theta, g, *state = held.values()
    change, *new = rule.function(theta, g, t, *state, **hyper)
    theta.add_(change)
    return dict(zip(rule.state, new, strict=True))


def _pieces(rule: Rule, held: Mapping[str, Any], arrays: Sequence[str]) -> Iterator[dict[str, Any]]:
    plain = all(type(held[a]) in PLAIN and held[a].is_cpu and held[a].is_contiguous() for a in arrays)
    if not plain or not trace(rule).is_elementwise or held["theta"].numel() <= PIECE:
        yield dict(held)
        return
    for pieces in zip(*(held[name].view(-1).split(PIECE) for name in arrays)):
        yield {**held, **dict(zip(arrays, pieces))}
