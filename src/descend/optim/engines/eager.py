"""Steps of an update rule with torch operations, in pieces that fit in the CPU cache."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from torch import Tensor

from descend.optim.engines.symbols import trace
from descend.optim.precision import at_least_32_bits
from descend.optim.rows import PLAIN_TENSOR_TYPES
from descend.optim.rule import Rule

PIECE = 1 << 15  # elements per piece; with temporary tensors, this is about 1 MB of float32


def step_in_place(rule: Rule, tensors: Mapping[str, Any], t: Any, hyper: Mapping[str, Any]) -> dict[str, Any]:
    """Update one parameter and its state in place with torch operations; return the new values of scalar states.

    `tensors` maps the rule's names to θ, g and the states: tensors of one shape, or numbers (scalar states).
    """
    numbers: dict[str, Any] = dict.fromkeys(trace(rule).numbers)
    for piece in _split_into_pieces(rule, tensors, [name for name in tensors if name not in numbers]):
        theta, g, *state = map(at_least_32_bits, piece.values())
        update, *new = rule.split(rule.function(theta, g, t, *state, **hyper))
        piece["theta"].add_(update)
        for name, value in zip(rule.state, new, strict=True):
            if name in numbers:
                numbers[name] = value
            else:
                piece[name].copy_(value)
    return numbers


def step_differentiably(rule: Rule, tensors: Mapping[str, Any], t: Any, hyper: Mapping[str, Any]) -> dict[str, Any]:
    """Update one parameter so that autograd can differentiate the update; return all new states by name.

    The rule computes with a copy of the parameter, because autograd may need the values from before the update.
    """
    theta, g, *state = map(at_least_32_bits, tensors.values())
    update, *new = rule.split(rule.function(theta.clone(), g, t, *state, **hyper))
    tensors["theta"].add_(update)
    return {
        name: value.to(tensors[name].dtype)
        if isinstance(tensors[name], Tensor) and isinstance(value, Tensor)
        else value
        for name, value in zip(rule.state, new, strict=True)
    }


def _split_into_pieces(rule: Rule, tensors: Mapping[str, Any], arrays: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Yield a parameter's tensors in pieces of `PIECE` elements if the update rule is elementwise, otherwise whole."""
    plain = all(
        type(tensors[a]) in PLAIN_TENSOR_TYPES and tensors[a].is_cpu and tensors[a].is_contiguous() for a in arrays
    )
    if not plain or not trace(rule).is_elementwise or tensors["theta"].numel() <= PIECE:
        yield dict(tensors)
        return
    for pieces in zip(*(tensors[name].view(-1).split(PIECE) for name in arrays)):
        yield {**tensors, **dict(zip(arrays, pieces))}
