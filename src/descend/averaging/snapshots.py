"""Snapshot ensembles: several members from one training (Huang et al. 2017)."""

import copy
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from descend.schedules import Schedule


def mean_probability(outputs: Tensor) -> Tensor:
    """Return the softmax probabilities (N, classes), averaged over the members, from logits (members, N, classes).

    Huang et al. 2017, §3.
    """
    return outputs.softmax(-1).mean(0)


class SnapshotEnsemble(nn.Module):
    """Copies the model at the end of each learning rate cycle, and averages the predictions of these copies.

    Call `step()` after each step of the schedule, which is `WarmRestarts`, also after a warm-up.

    Parameters
    ----------
    model : torch.nn.Module
        The model that is trained.
    schedule : Schedule
        The schedule of the learning rate. It must have cycles, as `WarmRestarts` has.
    members : int
        The largest number of copies. Older copies are deleted.
    combine : callable
        Maps the stacked outputs ``(members, N, …)`` to one prediction. Default: the mean of the softmax probabilities.

    Raises
    ------
    TypeError
        For a schedule without cycles.
    RuntimeError
        If it is called before the first cycle has ended.

    Examples
    --------
    >>> schedule = WarmRestarts(period=200).after_warmup(50)
    >>> ensemble = SnapshotEnsemble(model, schedule, members=5)
    >>> for batch in loader:
    ...     was_kept = ensemble.step()
    """

    steps: Tensor

    def __init__(
        self,
        model: nn.Module,
        schedule: Schedule,
        members: int = 5,
        combine: Callable[[Tensor], Tensor] = mean_probability,
    ) -> None:
        super().__init__()
        if members < 1:
            raise ValueError(f"SnapshotEnsemble: members must be at least 1, not {members}")
        if not (isinstance(schedule, Schedule) and schedule.has_cycles):
            raise TypeError(f"SnapshotEnsemble: schedule must have cycles, such as WarmRestarts, not {schedule!r}")
        self._model, self.schedule, self.most, self.combine = (model,), schedule, members, combine
        self.members = nn.ModuleList()
        self.register_buffer("steps", torch.zeros((), dtype=torch.long))

    def step(self) -> bool:
        """Count a training step, and copy the model if the step ends a cycle. Return whether a copy was stored."""
        is_end = self.schedule.ends_at(int(self.steps))
        self.steps += 1
        if is_end:
            self.members = nn.ModuleList([*self.members, self._frozen_copy()][-self.most :])
        return is_end

    def forward(self, *inputs: Any) -> Tensor:
        """Return one prediction for the inputs, combined from the outputs of all stored copies of the model."""
        if not len(self.members):
            raise RuntimeError("SnapshotEnsemble: there is no snapshot yet, because no cycle has ended")
        return self.combine(torch.stack([member(*inputs) for member in self.members]))

    def load_state_dict(self, state_dict: Mapping[str, Any], *args: Any, **options: Any) -> Any:
        """Load the stored copies from a checkpoint, which may contain more or fewer copies than this ensemble."""
        count = len({name.split(".")[1] for name in state_dict if name.startswith("members.")})
        self.members = nn.ModuleList([self._frozen_copy() for _ in range(count)])
        return super().load_state_dict(state_dict, *args, **options)

    def _frozen_copy(self) -> nn.Module:
        """Return a copy of the model in evaluation mode, whose parameters have no gradients and require none."""
        member = copy.deepcopy(self._model[0]).eval().requires_grad_(False)
        member.zero_grad(set_to_none=True)
        return member
