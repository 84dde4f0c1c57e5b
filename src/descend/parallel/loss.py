"""The loss of a distributed model."""

from collections.abc import Callable
from typing import Any

import torch.distributed as dist
from torch import Tensor

from descend.parallel.hang_detection import Progress
from descend.parallel.pipelined import PendingOutputs, PipelinedLoss


class DistributedLoss:
    """A loss function that weights the gradient by this replica's share of the batch. It also runs pipelines.

    Raises `FloatingPointError` one call after the loss was NaN in this process. Averaged gradients spread NaN to all
    processes, so this error names the first process with NaN.
    """

    def __init__(self, loss_fn: Callable[..., Tensor], weight: Callable[[], float], progress: Progress) -> None:
        self.loss_fn, self.weight, self.progress = loss_fn, weight, progress
        self.calls = 0
        self._last: Tensor | None = None

    def __call__(self, outputs: Any, *labels: Any) -> Tensor:
        """Return the scalar mean loss over this replica's share of the batch, with a weighted gradient."""
        if self._last is not None and bool(self._last.isnan()):
            raise FloatingPointError(f"the loss of process {dist.get_rank()} was NaN at step {self.calls}")
        self.progress.count_up()
        if isinstance(outputs, PendingOutputs):
            own = [p for p in outputs.model.parameters() if p.requires_grad]
            if len(labels) != 1:
                raise ValueError(
                    "a pipeline's loss must be called with the outputs and one tensor of labels, "
                    f"not {len(labels)} tensors of labels"
                )
            loss: Tensor = PipelinedLoss.apply(outputs, labels[0], self.loss_fn, *own)
        else:
            loss = self.loss_fn(outputs, *labels)
        self.calls += 1
        self._last = loss.detach()
        weight = self.weight() if loss.requires_grad else 1.0
        return loss if weight == 1 else loss + (weight - 1) * (loss - loss.detach())
