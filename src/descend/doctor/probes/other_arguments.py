"""Calls with another value of one argument: along another dimension, ordered the other way round, masked otherwise.

risk = torch.logcumsumexp(hazard[torch.argsort(time)], 0)     # the longest times first: descending=True
total = torch.logsumexp(joint, dim=0)                         # over the parts, and not the examples: dim=1
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from descend.doctor.probes.snapshot import Unavailable
from descend.doctor.record.facts import Edit
from descend.doctor.tape import Op, Recording, Stale

ALONG = frozenset(
    "softmax log_softmax logsumexp sum mean max min amax amin argmax argmin cumsum cumprod logcumsumexp norm std "
    "var".split()
)
WAYS = {"sort": "descending", "argsort": "descending", "topk": "largest"}  # by which argument a call is told the way
USUAL = {"descending": False, "largest": True}


def other_arguments(recording: Recording, loss: Tensor, op: Op, ndim: int) -> Iterator[Edit]:
    """Yield each edit `set` that gives another loss, and not none.

    loss: the recording's own. ndim: of the tensor that the call is made of.
    """
    for edit, changed in changed_along(op, ndim):
        if _makes_a_difference(recording, loss, op, changed):
            yield edit


def changed_along(op: Op, ndim: int) -> Iterator[tuple[Edit, Op]]:
    """Yield each edit `set` of a call, and the call that it makes; arguments as of `other_arguments`."""
    for name, index, value in _candidates(op, ndim):
        edit = Edit(edit="set", keyword=name, index=-1 if index is None else index, value=value)
        yield edit, _changed(op, name, index, value)


def _candidates(op: Op, ndim: int) -> Iterator[tuple[str, int | None, Any]]:
    if op.name in WAYS:
        name = WAYS[op.name]
        yield name, None, not op.kwargs.get(name, USUAL[name])
    if op.name not in ALONG or ndim < 2:
        return
    index = next((i for i, arg in enumerate(op.args[1:]) if isinstance(arg, int) and not isinstance(arg, bool)), None)
    dim = op.kwargs.get("dim", None if index is None else op.args[1 + index])
    if isinstance(dim, int) and not isinstance(dim, bool) and (index or 0) == 0:
        others = [other for other in range(ndim) if other != dim % ndim]
        yield from (("dim", index, other - ndim if dim < 0 else other) for other in others)


def inverted(recording: Recording, loss: Tensor, op: Op) -> Iterator[Edit]:
    """Yield the edit `invert` of the call that makes a mask, where what is masked in its place gives another loss."""

    def func(*args: Any, **kwargs: Any) -> Any:
        return torch.logical_not(op.func(*args, **kwargs))

    if _makes_a_difference(recording, loss, op, replace(op, func=func)):
        yield Edit(edit="invert")


def _makes_a_difference(recording: Recording, loss: Tensor, op: Op, changed: Op) -> bool:
    """Whether a loss comes of the changed call, and another one."""
    other = replace(recording, ops=tuple(changed if each is op else each for each in recording.ops))
    try:
        with torch.no_grad():
            after = other.run({})
    except Stale as stale:
        raise Unavailable(str(stale)) from None
    except (RuntimeError, IndexError, TypeError, ValueError):  # what comes behind cannot take it
        return False
    is_one = loss.shape == after.shape and bool(after.isfinite().all())
    return is_one and not torch.allclose(loss, after)


def _changed(op: Op, name: str, index: int | None, value: Any) -> Op:
    if index is None or name in op.kwargs:
        return replace(op, kwargs={**op.kwargs, name: value})
    args = list(op.args)
    args[1 + index] = value
    return replace(op, args=tuple(args))
