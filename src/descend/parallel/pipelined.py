"""A model whose stages lie on several processes, each of which works on one micro-batch while others work on the next.

The model is cut by `torch.distributed.pipelining` where its stages are about equally dear, and runs by its schedule
1F1B. The training loop stays as it is: the loss is worked out, forwards and backwards, where the script asks for it.
"""

from collections.abc import Callable
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.device_mesh import DeviceMesh
from torch.distributed.pipelining import Schedule1F1B, SplitPoint, pipeline

from descend.parallel.stages import cut_points, keep_layers

Loss = Callable[..., Tensor]


class Pipelined(nn.Module):
    """One stage of a pipeline. In training its outputs are known to the loss alone; after `eval()` they are returned.

    Raises `ValueError` for a batch that the micro-batches do not divide, and in training for one of another size than
    the first.
    """

    def __init__(self, model: nn.Module, example: tuple[Any, ...], mesh: DeviceMesh, micro_batches: int) -> None:
        """mesh: its dimensions "pipeline" and "data"; gradients are averaged over the replicas in the latter."""
        super().__init__()
        self.size = len(example[0])
        if self.size % micro_batches:
            fitting = min(
                (k for k in range(1, self.size + 1) if self.size % k == 0), key=lambda k: abs(k - micro_batches)
            )
            raise ValueError(
                f"a batch of {self.size} cannot be cut into {micro_batches} micro-batches: "
                f"Layout(micro_batches={fitting}) would do"
            )
        micro = tuple(x[: self.size // micro_batches] for x in example)
        along = mesh["pipeline"]
        self.group, self.replicas, self.micro_batches = along.get_group(), mesh["data"], micro_batches
        self.number, self.stages = along.get_local_rank(), along.size()
        cuts = {name: SplitPoint.BEGINNING for name in cut_points(model, micro, self.stages)}
        traced = pipeline(model, mb_args=micro, split_spec=cuts)
        for number in range(self.stages):  # of all, so that what is refused is refused by every process
            keep_layers(traced.get_stage_module(number), model)
        self.stage: Any = traced.build_stage(self.number, torch.device(mesh.device_type), self.group)
        self.part: nn.Module = self.stage.submod

    def forward(self, *inputs: Tensor) -> Any:
        """Return the outputs; in training what the loss needs to work them out."""
        if not self.training:
            return self._evaluated(inputs)
        if len(inputs[0]) != self.size:
            raise ValueError(
                f"the batches of a pipeline have one size: {self.size} at first, now {len(inputs[0])} "
                "(drop_last=True in the DataLoader leaves the last one out)"
            )
        return Awaited(self, inputs) if torch.is_grad_enabled() else self._computed(inputs)

    def _evaluated(self, inputs: tuple[Tensor, ...]) -> Tensor:
        """Return the outputs of any number of examples: by whole batches, the last one filled up with its last one."""
        count, found = len(inputs[0]), []
        for begin in range(0, count, self.size):
            rows = torch.arange(begin, begin + self.size).clamp(max=count - 1)
            found.append(self._computed(tuple(x[rows.to(x.device)] for x in inputs)))
        return torch.cat(found)[:count]

    @torch.no_grad()
    def _computed(self, inputs: tuple[Tensor, ...]) -> Tensor:
        schedule = Schedule1F1B(self.stage, self.micro_batches, loss_fn=None)
        return self._from_last(schedule.eval(*self._fed(inputs)), inputs[0].device)

    def forwards_and_backwards(self, inputs: tuple[Tensor, ...], labels: Tensor, loss_fn: Loss) -> Tensor:
        """Accumulate the gradients of the mean loss in this stage's parameters, and return that loss in all stages."""
        losses: list[Tensor] = []
        schedule = Schedule1F1B(self.stage, self.micro_batches, loss_fn=loss_fn)
        targets = labels if self.number == self.stages - 1 else None
        schedule.step(*self._fed(inputs), target=targets, losses=losses)
        mean = torch.stack(losses).mean().detach() if losses else torch.zeros((), device=inputs[0].device)
        dist.broadcast(mean, group=self.group, group_src=self.stages - 1)
        return mean

    def _fed(self, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        return inputs if self.number == 0 else ()

    def _from_last(self, outputs: Tensor | None, device: torch.device) -> Tensor:
        last = self.stages - 1
        like = [None if outputs is None else (tuple(outputs.shape), outputs.dtype)]
        dist.broadcast_object_list(like, group=self.group, group_src=last)
        assert like[0] is not None
        given = torch.empty(like[0][0], dtype=like[0][1], device=device) if outputs is None else outputs.contiguous()
        dist.broadcast(given, group=self.group, group_src=last)
        return given


class Awaited:
    """What a pipeline returns in training: its loss can be worked out, and nothing else."""

    def __init__(self, model: Pipelined, inputs: tuple[Tensor, ...]) -> None:
        self.model, self.inputs = model, inputs

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(
            f"in training the outputs of a pipeline lie in its last process, and {name!r} cannot be asked of them: "
            "give them to the loss that spread() returned; after model.eval() they are returned"
        )


class PipelinedLoss(torch.autograd.Function):
    """The loss of a pipeline as a function of this stage's parameters: its backward hands out what was worked out."""

    @staticmethod
    def forward(ctx: Any, awaited: Awaited, labels: Any, loss_fn: Loss, *parameters: Tensor) -> Tensor:
        """Run the schedule and keep the gradients, apart from those that have been accumulated."""
        before = [p.grad for p in parameters]
        for parameter in parameters:
            parameter.grad = None
        with torch.enable_grad():
            loss = awaited.model.forwards_and_backwards(awaited.inputs, labels, loss_fn)
        ctx.replicas = awaited.model.replicas
        ctx.save_for_backward(*[torch.zeros_like(p) if p.grad is None else p.grad for p in parameters])
        for parameter, grad in zip(parameters, before):
            parameter.grad = grad
        return loss

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        """Return the parameters' gradients, as often as the loss counts, averaged over the replicas."""
        own = [grads[0] * g for g in ctx.saved_tensors]
        if ctx.replicas.size() > 1:
            sent = [dist.all_reduce(g, group=ctx.replicas.get_group(), async_op=True) for g in own]
            for work in sent:
                work.wait()
            own = [g / ctx.replicas.size() for g in own]
        return None, None, None, *own
