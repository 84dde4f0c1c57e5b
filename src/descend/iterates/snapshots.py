"""Snapshot ensembles: train one network, get M for free (Huang et al. 2017)."""

import copy
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from descend.schedules import Schedule


def mean_probability(outputs: Tensor) -> Tensor:
    """Return the mean of the members' softmax over their logits, shaped (members, N, classes) (Huang et al., §3)."""
    return outputs.softmax(-1).mean(0)


class SnapshotEnsemble(nn.Module):
    """Keeps a copy of the model at the end of each cosine cycle, where the rate is least; predicts by their mean.

    Call `step()` after each step of the schedule, which is `WarmRestarts`, also behind a warm-up. The last `members`
    copies are kept. `combine` makes one prediction of the stacked outputs, (members, N, …). Raises `TypeError` for a
    schedule without cycles, and `RuntimeError` where it is called before the first cycle has ended.

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
            raise TypeError(f"SnapshotEnsemble: schedule must have cycles, as WarmRestarts has, not {schedule!r}")
        self._model, self.schedule, self.most, self.combine = (model,), schedule, members, combine
        self.members = nn.ModuleList()
        self.register_buffer("steps", torch.zeros((), dtype=torch.long))

    def step(self) -> bool:
        """Count a step; where it ends a cycle, keep a copy of the model. Return whether it did."""
        is_end = self.schedule.ends_at(int(self.steps))
        self.steps += 1
        if is_end:
            self.members = nn.ModuleList([*self.members, self._copy()][-self.most :])
        return is_end

    def forward(self, *inputs: Any) -> Tensor:
        """Return the one prediction of all members."""
        if not len(self.members):
            raise RuntimeError("SnapshotEnsemble: no cycle has ended, so there is no snapshot")
        return self.combine(torch.stack([member(*inputs) for member in self.members]))

    def load_state_dict(self, state_dict: Mapping[str, Any], *args: Any, **options: Any) -> Any:
        """Take the members of a checkpoint, as many as it has."""
        count = len({name.split(".")[1] for name in state_dict if name.startswith("members.")})
        self.members = nn.ModuleList([self._copy() for _ in range(count)])
        return super().load_state_dict(state_dict, *args, **options)

    def _copy(self) -> nn.Module:
        member = copy.deepcopy(self._model[0]).eval().requires_grad_(False)
        member.zero_grad(set_to_none=True)
        return member
