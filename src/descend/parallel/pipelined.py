"""Pipeline parallelism: each process computes one stage of the model, on different micro-batches at the same time.

`torch.distributed.pipelining` splits the model into stages of similar cost, and runs the 1F1B schedule. The training
loop need not change: the loss function runs the forward and backward passes of all stages.
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
    """One stage of a pipelined model. During training, only the loss can use the model's outputs.

    Parameters
    ----------
    model : torch.nn.Module
        The whole model.
    example : tuple
        The arguments of the model for a batch of the training.
    mesh : torch.distributed.DeviceMesh
        A mesh with the dimensions "pipeline" and "data". Gradients are averaged over "data".
    micro_batches : int
        The number of equal parts of a batch.

    Raises
    ------
    ValueError
        If a batch cannot be split into equal micro-batches, and if the batch size changes in training.
    """

    def __init__(self, model: nn.Module, example: tuple[Any, ...], mesh: DeviceMesh, micro_batches: int) -> None:
        """Split the model; `mesh` has dimensions "pipeline" and "data", and gradients are averaged over "data"."""
        super().__init__()
        self.size = len(example[0])
        if self.size % micro_batches:
            fitting = min(
                (k for k in range(1, self.size + 1) if self.size % k == 0), key=lambda k: abs(k - micro_batches)
            )
            raise ValueError(
                f"a batch of {self.size} examples cannot be split into {micro_batches} equal micro-batches: "
                f"use Layout(micro_batches={fitting})"
            )
        micro = tuple(x[: self.size // micro_batches] for x in example)
        along = mesh["pipeline"]
        self.group, self.replicas, self.micro_batches = along.get_group(), mesh["data"], micro_batches
        self.number, self.stages = along.get_local_rank(), along.size()
        cuts = {name: SplitPoint.BEGINNING for name in cut_points(model, micro, self.stages)}
        traced = pipeline(model, mb_args=micro, split_spec=cuts)
        for number in range(self.stages):  # Every process checks all stages, so all processes raise the same error.
            keep_layers(traced.get_stage_module(number), model)
        self.stage: Any = traced.build_stage(self.number, torch.device(mesh.device_type), self.group)
        self.part: nn.Module = self.stage.submod

    def forward(self, *inputs: Tensor) -> Any:
        """Return the outputs, or in training with gradients an object from which only the loss can compute them."""
        if not self.training:
            return self._evaluate(inputs)
        if len(inputs[0]) != self.size:
            raise ValueError(
                f"all batches of a pipeline must have the same size, but the first had {self.size} examples and this "
                f"one has {len(inputs[0])}. Use drop_last=True in the DataLoader to leave out a smaller last batch"
            )
        return PendingOutputs(self, inputs) if torch.is_grad_enabled() else self._batch_outputs(inputs)

    def _evaluate(self, inputs: tuple[Tensor, ...]) -> Tensor:
        """Return the outputs for any number of examples. The last batch is padded with copies of the last example."""
        count, found = len(inputs[0]), []
        for begin in range(0, count, self.size):
            rows = torch.arange(begin, begin + self.size).clamp(max=count - 1)
            found.append(self._batch_outputs(tuple(x[rows.to(x.device)] for x in inputs)))
        return torch.cat(found)[:count]

    @torch.no_grad()
    def _batch_outputs(self, inputs: tuple[Tensor, ...]) -> Tensor:
        """Return the outputs of one full batch, which all stages compute without gradients."""
        schedule = Schedule1F1B(self.stage, self.micro_batches, loss_fn=None)
        return self._broadcast_outputs(schedule.eval(*self._stage_inputs(inputs)), inputs[0].device)

    def forwards_and_backwards(self, inputs: tuple[Tensor, ...], labels: Tensor, loss_fn: Loss) -> Tensor:
        """Run a batch through all stages, add the gradients to this stage's parameters, and return the mean loss."""
        losses: list[Tensor] = []
        schedule = Schedule1F1B(self.stage, self.micro_batches, loss_fn=loss_fn)
        targets = labels if self.number == self.stages - 1 else None
        schedule.step(*self._stage_inputs(inputs), target=targets, losses=losses)
        # Only the last stage has the type of the loss, so it is sent as a number of the largest type.
        mean = torch.zeros((), dtype=torch.float64, device=inputs[0].device)
        if losses:
            mean = torch.stack(losses).mean().detach().double()
        dist.broadcast(mean, group=self.group, group_src=self.stages - 1)
        return mean.to(next((p.dtype for p in self.part.parameters()), torch.get_default_dtype()))

    def _stage_inputs(self, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """Return the model's inputs in the first stage, and () in later stages, which receive activations instead."""
        return inputs if self.number == 0 else ()

    def _broadcast_outputs(self, outputs: Tensor | None, device: torch.device) -> Tensor:
        """Send the outputs of the last stage to all stages, and return them in every stage."""
        last = self.stages - 1
        like = [None if outputs is None else (tuple(outputs.shape), outputs.dtype)]
        dist.broadcast_object_list(like, group=self.group, group_src=last)
        assert like[0] is not None
        given = torch.empty(like[0][0], dtype=like[0][1], device=device) if outputs is None else outputs.contiguous()
        dist.broadcast(given, group=self.group, group_src=last)
        return given


class PendingOutputs:
    """The outputs of a pipeline in training mode. Only the loss function can compute and use them."""

    def __init__(self, model: Pipelined, inputs: tuple[Tensor, ...]) -> None:
        self.model, self.inputs = model, inputs

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(
            f"in training mode, a pipeline's outputs exist only in its last process, so {name!r} is not available. "
            "Pass them to the loss that spread() returned, or call model.eval() to get the outputs"
        )


class PipelinedLoss(torch.autograd.Function):
    """The loss of a pipeline as a function of this stage's parameters. Its forward pass also computes the gradients."""

    @staticmethod
    def forward(ctx: Any, awaited: PendingOutputs, labels: Any, loss_fn: Loss, *parameters: Tensor) -> Tensor:
        """Run all stages and return the loss. Save the new gradients, but leave `.grad` as it was."""
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
        """Return the parameters' gradients, scaled by the incoming gradient and averaged over the replicas."""
        own = [grads[0] * g for g in ctx.saved_tensors]
        if ctx.replicas.size() > 1:
            sent = [dist.all_reduce(g, group=ctx.replicas.get_group(), async_op=True) for g in own]
            for work in sent:
                work.wait()
            own = [g / ctx.replicas.size() for g in own]
        return None, None, None, *own
