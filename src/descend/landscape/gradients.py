"""The gradients of the parts of a cost at one point: of its examples, or of its batches."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call, grad, vmap

from descend.landscape.loss import Loss, Theta
from descend.landscape.model import loss_of, trained
from descend.landscape.vectors import flat

ROOM_BYTES = 2**29  # for the rows
CHUNK_BYTES = 2**26  # for what is differentiated at once
CHECKED = 8  # examples on which it is seen whether the loss is a mean


@dataclass(frozen=True)
class Gradients:
    """Gradients of parts of one size at the same point, each the mean over so many examples.

    rows: (n, p), one gradient each.
    """

    rows: Tensor
    examples: int = 1

    def __post_init__(self) -> None:
        if self.rows.ndim != 2 or len(self.rows) < 2 or self.examples < 1:
            shape = tuple(self.rows.shape)
            raise ValueError(f"gradients are at least two rows, of examples each, not {shape} and {self.examples}")
        if not bool(torch.isfinite(self.rows).all()):
            raise ValueError("a gradient is not finite: nothing can be said of its variance")

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self.rows)

    @property
    def mean(self) -> Tensor:
        """Their mean, (p,): the gradient of the whole where they are all of its parts."""
        return self.rows.mean(0)

    @cached_property
    def gram(self) -> Tensor:
        """All inner products, (n, n), float64: what every squared length of a combination is made of."""
        return gram(self.rows)

    @cached_property
    def errors(self) -> Tensor:
        """All inner products of what each differs from the mean by, (n, n), float64."""
        centred = self.gram - self.gram.mean(0)
        return centred - centred.mean(1, keepdim=True)


def gram(rows: Tensor) -> Tensor:
    """Return the inner products of some rows in float64, a few columns at a time."""
    found = torch.zeros(len(rows), len(rows), dtype=torch.float64)
    for columns in rows.split(max(1, CHUNK_BYTES // (8 * len(rows))), dim=1):
        wide = columns.double()
        found += (wide @ wide.T).cpu()
    return found


def part_gradients(loss: Loss, theta: Theta, examples: int = 1) -> Gradients:
    """Return the gradient of each part of the loss; `examples` says how many each part is the mean of.

    Raises `ValueError` where they need more room than there is, with the numbers.
    """
    rows = room(len(loss.parts), theta)
    for row, part in zip(rows, loss.parts):
        row.copy_(flat(Loss((part,)).gradient(theta)))
    return Gradients(rows, examples)


def example_gradients(
    model: nn.Module, function: Callable[[Any, Any], Tensor], inputs: Tensor, targets: Tensor
) -> Gradients:
    """Return the gradient of `function(model(inputs), targets)` for each example by itself, in the model's mode.

    All at once by `torch.func.vmap`, or one by one where the model does not allow it. `function` must be a mean over
    the examples. Raises `ValueError` where it is not, or where normalisation mixes the examples of a batch.
    """
    if mixing := [name for name, m in model.named_modules() if _mixes(m)]:
        raise ValueError(
            f"{mixing[0]} normalises by the batch: there is no gradient of one example; give the gradients of batches, "
            "or call model.eval() first"
        )
    _check_mean(model, function, inputs[:CHECKED], targets[:CHECKED])
    theta = trained(model)
    rows = room(len(inputs), theta)
    size = max(1, CHUNK_BYTES // (4 * rows.shape[1]))
    each, place = _each(model, function), 0
    try:
        for x, y in zip(inputs.split(size), targets.split(size)):
            with torch.random.fork_rng():
                torch.manual_seed(place)
                found = each(tuple(theta), x, y)
            rows[place : place + len(x)] = torch.cat([g.detach().reshape(len(x), -1) for g in found], 1)
            place += len(x)
    except (RuntimeError, NotImplementedError):
        return part_gradients(loss_of(model, function, zip(inputs.split(1), targets.split(1))), theta)
    return Gradients(rows)


def _each(model: nn.Module, function: Callable[[Any, Any], Tensor]) -> Callable[..., tuple[Tensor, ...]]:
    names = [name for name, p in model.named_parameters() if p.requires_grad]
    buffers = {name: buffer.clone() for name, buffer in model.named_buffers()}

    def cost(theta: Theta, x: Tensor, y: Tensor) -> Tensor:
        outputs = functional_call(model, {**dict(zip(names, theta)), **buffers}, (x.unsqueeze(0),))
        return function(outputs, y.unsqueeze(0))

    return vmap(grad(cost), in_dims=(None, 0, 0), randomness="different")


def _mixes(module: nn.Module) -> bool:
    return isinstance(module, nn.modules.batchnorm._BatchNorm) and (module.training or module.running_mean is None)


def _check_mean(model: nn.Module, function: Callable[[Any, Any], Tensor], inputs: Tensor, targets: Tensor) -> None:
    with torch.no_grad(), torch.random.fork_rng():
        buffers = {name: buffer.clone() for name, buffer in model.named_buffers()}
        outputs = functional_call(model, buffers, (inputs,))
        of_all = function(outputs, targets)
        mean = torch.stack([function(o, t) for o, t in zip(outputs.split(1), targets.split(1))]).mean()
    if of_all.ndim or not torch.allclose(of_all, mean, rtol=1e-3):
        said = f"{float(of_all):.4g}" if of_all.ndim == 0 else f"of shape {tuple(of_all.shape)}"
        raise ValueError(
            f"the loss of {len(inputs)} examples is {said} and the mean of theirs {float(mean):.4g}: "
            "give one that is a mean over its examples, such as reduction='mean'"
        )


def room(count: int, theta: Sequence[Tensor]) -> Tensor:
    """Return empty rows for so many gradients. Raises `ValueError` where they are too large, with the numbers."""
    like = flat([t[:0] if t.ndim else t.reshape(1)[:0] for t in theta])
    size = sum(t.numel() for t in theta)
    needed = count * size * like.element_size()
    if needed > ROOM_BYTES:
        most = ROOM_BYTES // (size * like.element_size())
        raise ValueError(
            f"{count} gradients of {size:,} parameters need {needed / 2**20:,.0f} MiB, more than "
            f"{ROOM_BYTES / 2**20:,.0f}: take at most {most} parts"
        )
    return like.new_empty(count, size)
