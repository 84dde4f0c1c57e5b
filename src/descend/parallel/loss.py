"""The loss of a model that is spread over processes."""

from collections.abc import Callable
from typing import Any

import torch.distributed as dist
from torch import Tensor

from descend.parallel.hang import Progress
from descend.parallel.pipelined import Awaited, PipelinedLoss


class SpreadLoss:
    """A loss that counts as much as this replica's share of the batch, works a pipeline's out, and names who has NaN.

    Raises `FloatingPointError` at the call after the one whose loss was NaN in this process: with averaged gradients
    all have it then, and this one had it first.
    """

    def __init__(self, loss_fn: Callable[..., Tensor], weight: Callable[[], float], progress: Progress) -> None:
        self.loss_fn, self.weight, self.progress = loss_fn, weight, progress
        self.calls = 0
        self._last: Tensor | None = None

    def __call__(self, outputs: Any, *labels: Any) -> Tensor:
        """Return the loss; its value is the mean over this replica's share."""
        if self._last is not None and bool(self._last.isnan()):
            raise FloatingPointError(f"the loss of process {dist.get_rank()} was NaN in its step {self.calls}")
        self.progress.mark()
        if isinstance(outputs, Awaited):
            own = [p for p in outputs.model.parameters() if p.requires_grad]
            if len(labels) != 1:
                raise ValueError(
                    f"the loss of a pipeline takes the outputs and one tensor of labels, not {len(labels)}"
                )
            loss: Tensor = PipelinedLoss.apply(outputs, labels[0], self.loss_fn, *own)
        else:
            loss = self.loss_fn(outputs, *labels)
        self.calls += 1
        self._last = loss.detach()
        weight = self.weight() if loss.requires_grad else 1.0
        return loss if weight == 1 else loss + (weight - 1) * (loss - loss.detach())
