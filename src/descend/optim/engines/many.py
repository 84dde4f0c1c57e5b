"""Steps of many tensors at once: each operation of a rule is one `torch._foreach_` call for a list of tensors.

On a GPU, launching a kernel takes longer than the work on a small tensor. Operations that torch has no foreach call
for are done tensor by tensor.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from descend.optim import vocabulary
from descend.optim.precision import at_least_32_bits
from descend.optim.rule import Rule


class TensorList:
    """A list of tensors with element-wise arithmetic. The other operand is a number or a list of equal length."""

    def __init__(self, tensors: Iterable[Tensor]) -> None:
        self.tensors = list(tensors)

    def __add__(self, other: Any) -> "TensorList":
        return self._call_foreach(torch._foreach_add, other)

    __radd__ = __add__

    def __sub__(self, other: Any) -> "TensorList":
        return self._call_foreach(torch._foreach_sub, other)

    def __rsub__(self, other: Any) -> "TensorList":
        return -self + other

    def __mul__(self, other: Any) -> "TensorList":
        return self._call_foreach(torch._foreach_mul, other)

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> "TensorList":
        return self._call_foreach(torch._foreach_div, other)

    def __rtruediv__(self, other: Any) -> "TensorList":
        return TensorList(torch._foreach_reciprocal(self.tensors)) * other

    def __pow__(self, power: Any) -> "TensorList":
        return (
            TensorList(torch._foreach_sqrt(self.tensors))
            if power == 0.5
            else self._call_foreach(torch._foreach_pow, power)
        )

    def __neg__(self) -> "TensorList":
        return TensorList(torch._foreach_neg(self.tensors))

    def __abs__(self) -> "TensorList":
        return TensorList(torch._foreach_abs(self.tensors))

    def __gt__(self, other: Any) -> "TensorList":
        return self._call_per_tensor(lambda x, y: x > y, other)

    def __lt__(self, other: Any) -> "TensorList":
        return self._call_per_tensor(lambda x, y: x < y, other)

    def __mod__(self, other: Any) -> "TensorList":
        return self._call_per_tensor(lambda x, y: x % y, other)

    def sign(self) -> "TensorList":
        """Return the sign of each element of each tensor."""
        return TensorList(torch._foreach_sign(self.tensors))

    def cos(self) -> "TensorList":
        """Return the cosine of each element of each tensor."""
        return self._call_per_tensor(vocabulary.cos)

    def norm(self) -> "TensorList":
        """Return the Euclidean norm of each tensor, as tensors of shape ()."""
        return self._call_per_tensor(vocabulary.norm)

    def maximum(self, other: Any) -> "TensorList":
        """Return the larger of `self` and `other`, element by element."""
        return self._call_per_tensor(vocabulary.maximum, other)

    def where(self, x: Any, y: Any) -> "TensorList":
        """Return x where `self` is true and y elsewhere, element by element."""
        return self._call_per_tensor(vocabulary.where, x, y)

    def _call_foreach(self, call: Callable[..., Any], other: Any) -> "TensorList":
        """Return the result of a `torch._foreach_` function that takes these tensors and another operand."""
        return TensorList(call(self.tensors, other.tensors if isinstance(other, TensorList) else other))

    def _call_per_tensor(self, function: Callable[..., Tensor], *others: Any) -> "TensorList":
        """Return the results of a function that is called once for each tensor."""
        lists = [o.tensors if isinstance(o, TensorList) else [o] * len(self.tensors) for o in others]
        return TensorList([function(*values) for values in zip(self.tensors, *lists)])


def step_together(
    rule: Rule, tensors: Mapping[str, Any], t: Any, hyper: Mapping[str, Any], numbers: Sequence[str]
) -> dict[str, Any]:
    """Update many parameters in place, with one call per torch operation; return the new values of scalar states.

    `tensors` maps the rule's names to θ, g and the states: lists of tensors, or numbers for those in `numbers`.
    """
    theta, g, *state = (
        value if name in numbers else TensorList(map(at_least_32_bits, value)) for name, value in tensors.items()
    )
    update, *new = rule.split(rule.function(theta, g, t, *state, **hyper))
    torch._foreach_add_(tensors["theta"], update.tensors)
    new_state = dict(zip(rule.state, new, strict=True))
    for name, value in new_state.items():
        if name not in numbers:
            torch._foreach_copy_(tensors[name], value.tensors)
    return {name: new_state[name] for name in numbers}
