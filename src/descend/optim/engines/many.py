"""Many tensors in one expression: each operation of a rule is one call for all of them.

On a GPU a call costs more than a small tensor's work. What torch has no such call for goes tensor by tensor.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from descend.optim import vocabulary
from descend.optim.rule import Rule


class Many:
    """A list of tensors that is added, multiplied and compared as one; numbers and other lists go with it."""

    def __init__(self, tensors: Sequence[Tensor]) -> None:
        self.tensors = list(tensors)

    def __add__(self, other: Any) -> "Many":
        return self._with(torch._foreach_add, other)

    __radd__ = __add__

    def __sub__(self, other: Any) -> "Many":
        return self._with(torch._foreach_sub, other)

    def __rsub__(self, other: Any) -> "Many":
        return -self + other

    def __mul__(self, other: Any) -> "Many":
        return self._with(torch._foreach_mul, other)

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> "Many":
        return self._with(torch._foreach_div, other)

    def __rtruediv__(self, other: Any) -> "Many":
        return Many(torch._foreach_reciprocal(self.tensors)) * other

    def __pow__(self, power: Any) -> "Many":
        return Many(torch._foreach_sqrt(self.tensors)) if power == 0.5 else self._with(torch._foreach_pow, power)

    def __neg__(self) -> "Many":
        return Many(torch._foreach_neg(self.tensors))

    def __abs__(self) -> "Many":
        return Many(torch._foreach_abs(self.tensors))

    def __gt__(self, other: Any) -> "Many":
        return self._each(lambda x, y: x > y, other)

    def __lt__(self, other: Any) -> "Many":
        return self._each(lambda x, y: x < y, other)

    def __mod__(self, other: Any) -> "Many":
        return self._each(lambda x, y: x % y, other)

    def sign(self) -> "Many":
        """Return the signs."""
        return Many(torch._foreach_sign(self.tensors))

    def cos(self) -> "Many":
        """Return the cosines."""
        return self._each(vocabulary.cos)

    def norm(self) -> "Many":
        """Return the norm of each tensor."""
        return self._each(vocabulary.norm)

    def maximum(self, other: Any) -> "Many":
        """Return the larger of self and another, element by element."""
        return self._each(vocabulary.maximum, other)

    def where(self, x: Any, y: Any) -> "Many":
        """Return x where self holds and y elsewhere."""
        return self._each(vocabulary.where, x, y)

    def _with(self, call: Callable[..., Any], other: Any) -> "Many":
        return Many(call(self.tensors, other.tensors if isinstance(other, Many) else other))

    def _each(self, function: Callable[..., Tensor], *others: Any) -> "Many":
        lists = [o.tensors if isinstance(o, Many) else [o] * len(self.tensors) for o in others]
        return Many([function(*values) for values in zip(self.tensors, *lists)])


def step_together(
    rule: Rule, held: Mapping[str, Any], t: Any, hyper: Mapping[str, Any], numbers: Sequence[str]
) -> dict[str, Any]:
    """Take one step with many parameters, and return the new state that is a number; `held` has lists of tensors."""
    theta, g, *state = (value if name in numbers else Many(value) for name, value in held.items())
    change, *new = rule.function(theta, g, t, *state, **hyper)
    torch._foreach_add_(held["theta"], change.tensors)
    found = dict(zip(rule.state, new, strict=True))
    for name, value in found.items():
        if name not in numbers:
            torch._foreach_copy_(held[name], value.tensors)
    return {name: found[name] for name in numbers}
