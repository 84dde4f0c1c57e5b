"""How the work of training is laid out over processes, said once; applied to a model, its data and its rule.

`torchrun --nproc-per-node 4 train.py` starts the processes. All of them begin with the parameters of the first.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, get_args

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.device_mesh import DeviceMesh, init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader

from descend.parallel import group
from descend.parallel.asynchronous import replica
from descend.parallel.dealing import dealt_out
from descend.parallel.hang import Progress
from descend.parallel.layers import split_layers
from descend.parallel.loss import SpreadLoss
from descend.parallel.pipelined import Pipelined
from descend.parallel.replica import DownpourReplica, ElasticReplica
from descend.parallel.server import Rule
from descend.parallel.shares import sample, shared

Scheme = Literal["synchronous", "hogwild", "downpour", "delay_tolerant", "elastic", "backup"]
SEEDS = 2**31


class Spread(NamedTuple):
    """What one process trains: put in the places of the script's own."""

    model: nn.Module
    loader: DataLoader[Any]
    optimizer: Any  # a torch.optim.Optimizer, or a replica, which has zero_grad, step and collect
    loss_fn: Callable[..., Tensor]


@dataclass(frozen=True)
class Layout:
    """data: replicas, each with its share of every batch; tensor: parts of each layer; pipeline: stages of the model.

    Their product is the number of processes. micro_batches: pieces in which a batch passes through the stages. Of the
    other schemes: period, steps between two exchanges with the server; checkpoint, the file that it goes on from;
    backups, replicas that a step does not wait for. Raises `ValueError` for numbers below 1, and for as many backups as
    replicas.

    >>> layout = Layout(data=2, tensor=2)
    >>> model, loader, optimizer, loss_fn = layout.spread(model, loader, rule, loss_fn)
    """

    data: int = 1
    tensor: int = 1
    pipeline: int = 1
    scheme: Scheme = "synchronous"
    micro_batches: int = 4
    period: int = 10
    checkpoint: str | None = None
    backups: int = 1

    def __post_init__(self) -> None:
        for name in ("data", "tensor", "pipeline", "micro_batches", "period", "backups"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, not {getattr(self, name)}")
        if self.scheme not in get_args(Scheme):
            raise ValueError(f"scheme must be one of {', '.join(get_args(Scheme))}, not {self.scheme!r}")
        if self.tensor > 1 and self.pipeline > 1:
            raise ValueError("a model is split by its layers' outputs (tensor) or into stages (pipeline), not by both")
        if self.scheme != "synchronous" and self.world != self.data:
            raise ValueError(f"the replicas of {self.scheme!r} are whole models: tensor and pipeline must be 1")

        if self.scheme == "backup" and self.backups >= self.data:
            raise ValueError(f"backups must be fewer than the {self.data} replicas, not {self.backups}")

    @property
    def world(self) -> int:
        """The number of processes."""
        return self.data * self.tensor * self.pipeline

    def spread(self, model: nn.Module, loader: DataLoader[Any], rule: Rule, loss_fn: Callable[..., Tensor]) -> Spread:
        """Return this process's model, batches, optimizer and loss; the loop over them stays as it is.

        rule: makes the optimizer of some parameters. loss_fn: of the model's output and the labels, a mean over the
        batch. Raises `ValueError` where torchrun has started another number of processes, and for a model or data that
        cannot be divided so.
        """
        device = group.join()
        if dist.get_world_size() != self.world:
            raise ValueError(
                f"{self} is for {self.world} processes, and there are {dist.get_world_size()}: start it by "
                f"torchrun --nproc-per-node {self.world}"
            )
        mesh = init_device_mesh(
            device.type, (self.pipeline, self.data, self.tensor), mesh_dim_names=("pipeline", "data", "tensor")
        )
        model = model.to(device)
        group.start_alike(model)
        alone = self.scheme != "synchronous"
        placed = model if alone else self._place(model, loader, mesh)
        seed = group.first_says(int(torch.randint(SEEDS, ())))
        mine = (
            dealt_out(loader, seed)
            if self.scheme == "backup"
            else shared(loader, mesh["data"].get_local_rank(), self.data, whole=alone, seed=seed)
        )
        batches: Any = mine.batch_sampler
        optimizer = (
            replica(self, placed, rule, batches) if alone else rule([p for p in placed.parameters() if p.requires_grad])
        )
        progress = Progress()
        placed.register_forward_pre_hook(progress.mark)
        weight = (lambda: 1.0) if alone else batches.weight
        return Spread(placed, mine, optimizer, SpreadLoss(loss_fn, weight, progress))

    def collect(self, optimizer: Any) -> None:
        """Wait for all processes; of an asynchronous scheme, put the result into the model of each."""
        if not isinstance(optimizer, DownpourReplica | ElasticReplica):
            dist.barrier()
            return
        optimizer.settle()
        dist.barrier()
        optimizer.collect()
        dist.barrier()

    def _place(self, model: nn.Module, loader: DataLoader[Any], mesh: DeviceMesh) -> nn.Module:
        if self.pipeline > 1:
            return Pipelined(model, _inputs(loader, self.data), mesh, self.micro_batches)
        if self.tensor > 1:
            split_layers(model, mesh["tensor"])
            if self.data > 1:
                fully_shard(model, mesh=mesh["data"])
            return model
        return DistributedDataParallel(model) if self.data > 1 else model


def _inputs(loader: DataLoader[Any], replicas: int) -> tuple[Any, ...]:
    batch = sample(loader)
    inputs = batch[0] if isinstance(batch, list | tuple) else batch
    return (inputs[: len(inputs) // replicas],)
