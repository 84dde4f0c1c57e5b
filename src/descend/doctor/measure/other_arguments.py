"""Calls with a different value of one argument: a different dimension, the opposite order, an inverted mask.

risk = torch.logcumsumexp(hazard[torch.argsort(time)], 0)     # should begin with the longest times: descending=True
total = torch.logsumexp(joint, dim=0)                         # should sum over the parts, not the examples: dim=1
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from descend.core.operations import Trait, having
from descend.doctor.measure.snapshot import Unavailable
from descend.doctor.record.facts import Edit
from descend.doctor.tape import Op, Recording, StaleData

ALONG = having(Trait.ALONG_DIMENSION)
# function -> its argument that selects ascending or descending order
WAYS = {"sort": "descending", "argsort": "descending", "topk": "largest"}
USUAL = {"descending": False, "largest": True}


def other_arguments(recording: Recording, loss: Tensor, op: Op, ndim: int) -> Iterator[Edit]:
    """Yield each change of one argument of a call after which the loss can be computed and has a different value.

    `loss` is the recorded loss, `ndim` the number of dimensions of the call's input.
    """
    for edit, changed in argument_changes(op, ndim):
        if _changes_loss(recording, loss, op, changed):
            yield edit


def argument_changes(op: Op, ndim: int) -> Iterator[tuple[Edit, Op]]:
    """Yield each possible change of one argument of a call, and the changed call, whose input has `ndim` dimensions."""
    for name, index, value in _candidate_changes(op, ndim):
        edit = Edit(edit="set", keyword=name, index=-1 if index is None else index, value=value)
        yield edit, _change_argument(op, name, index, value)


def _candidate_changes(op: Op, ndim: int) -> Iterator[tuple[str, int | None, Any]]:
    """Yield (name, position, different value) for each argument of a call that could be changed."""
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


def inverted_mask_edits(recording: Recording, loss: Tensor, op: Op) -> Iterator[Edit]:
    """Yield the edit that inverts the mask computed by a call, if the loss differs with the inverted mask."""

    def func(*args: Any, **kwargs: Any) -> Any:
        """Return the inverted mask."""
        return torch.logical_not(op.func(*args, **kwargs))

    if _changes_loss(recording, loss, op, replace(op, func=func)):
        yield Edit(edit="invert")


def _changes_loss(recording: Recording, loss: Tensor, op: Op, changed: Op) -> bool:
    """Return whether the loss can be computed after a call is changed and then has a different value."""
    other = replace(recording, ops=tuple(changed if each is op else each for each in recording.ops))
    try:
        with torch.no_grad():
            after = other.run({})
    except StaleData as stale:
        raise Unavailable(str(stale)) from None
    except (RuntimeError, IndexError, TypeError, ValueError):  # A later call may be unable to use the changed result.
        return False
    is_one = loss.shape == after.shape and bool(after.isfinite().all())
    return is_one and not torch.allclose(loss, after)


def _change_argument(op: Op, name: str, index: int | None, value: Any) -> Op:
    """Return a copy of the call in which one argument has a different value."""
    if index is None or name in op.kwargs:
        return replace(op, kwargs={**op.kwargs, name: value})
    args = list(op.args)
    args[1 + index] = value
    return replace(op, args=tuple(args))
