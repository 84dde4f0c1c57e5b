"""`Layout` describes how training is distributed over processes, and applies this to model, data and optimizer.

`torchrun --nproc-per-node 4 train.py` starts the processes. All processes start with the parameters of process 0.
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
from descend.parallel.asynchronous import make_replica
from descend.parallel.batch_queue import with_batch_queue
from descend.parallel.hang_detection import Progress
from descend.parallel.layers import split_layers
from descend.parallel.loss import DistributedLoss
from descend.parallel.pipelined import Pipelined
from descend.parallel.replica import DownpourReplica, ElasticReplica
from descend.parallel.server import Rule
from descend.parallel.shares import draw_batch, with_shares

Scheme = Literal["synchronous", "hogwild", "downpour", "delay_tolerant", "elastic", "backup"]
SEEDS = 2**31


class Spread(NamedTuple):
    """The model, loader, optimizer and loss of one process, which replace those of the script."""

    model: nn.Module
    loader: DataLoader[Any]
    optimizer: Any  # torch.optim.Optimizer, or a replica with zero_grad, step and collect
    loss_fn: Callable[..., Tensor]


@dataclass(frozen=True)
class Layout:
    """The distribution of training over data × tensor × pipeline processes.

    Parameters
    ----------
    data : int
        The number of replicas, each with a share of every batch.
    tensor : int
        The number of parts of each layer.
    pipeline : int
        The number of stages of the model.
    scheme : str
        How the replicas exchange gradients or parameters, such as "synchronous".
    micro_batches : int
        The number of parts of a batch in a pipeline.
    period : int
        For asynchronous schemes: the number of steps between two exchanges with the server.
    checkpoint : str, optional
        For asynchronous schemes: the file of the server.
    backups : int
        For schemes with backups: the number of replicas that a step does not wait for.

    Raises
    ------
    ValueError
        For numbers below 1, and if there are not fewer backups than replicas.

    Examples
    --------
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
            raise ValueError(
                "a model can be split by its layers' outputs (tensor) or into stages (pipeline), but not both"
            )
        if self.scheme != "synchronous" and self.world != self.data:
            raise ValueError(f"each replica of {self.scheme!r} is a whole model, so tensor and pipeline must be 1")
        if self.scheme == "backup" and self.backups >= self.data:
            raise ValueError(f"backups must be fewer than the {self.data} replicas, not {self.backups}")

    @property
    def world(self) -> int:
        """Return the total number of processes."""
        return self.data * self.tensor * self.pipeline

    def spread(self, model: nn.Module, loader: DataLoader[Any], rule: Rule, loss_fn: Callable[..., Tensor]) -> Spread:
        """Return this process's model, loader, optimizer and loss. The training loop need not change.

        rule: creates an optimizer from a list of parameters. loss_fn: returns the mean loss of a batch from the outputs
        and labels. Raises `ValueError` if torchrun has started another number of processes, or if the model or data
        cannot be split this way.
        """
        device = group.join()
        if dist.get_world_size() != self.world:
            raise ValueError(
                f"{self} needs {self.world} processes, but {dist.get_world_size()} were started. Start it "
                f"with torchrun --nproc-per-node {self.world}"
            )
        mesh = init_device_mesh(
            device.type, (self.pipeline, self.data, self.tensor), mesh_dim_names=("pipeline", "data", "tensor")
        )
        model = model.to(device)
        group.broadcast_model(model)
        alone = self.scheme != "synchronous"
        placed = model if alone else self._distribute_model(model, loader, mesh)
        seed = group.broadcast_from_first(int(torch.randint(SEEDS, ())))
        mine = (
            with_batch_queue(loader, seed)
            if self.scheme == "backup"
            else with_shares(loader, mesh["data"].get_local_rank(), self.data, whole=alone, seed=seed)
        )
        batches: Any = mine.batch_sampler
        optimizer = (
            make_replica(self, placed, rule, batches)
            if alone
            else rule([p for p in placed.parameters() if p.requires_grad])
        )
        progress = Progress()
        placed.register_forward_pre_hook(progress.count_up)
        weight = (lambda: 1.0) if alone else batches.take_weight
        return Spread(placed, mine, optimizer, DistributedLoss(loss_fn, weight, progress))

    def collect(self, optimizer: Any) -> None:
        """Wait for all processes. After asynchronous training, copy the server's parameters to each process's model."""
        if not isinstance(optimizer, DownpourReplica | ElasticReplica):
            dist.barrier()
            return
        optimizer.settle()
        dist.barrier()
        optimizer.collect()
        dist.barrier()

    def _distribute_model(self, model: nn.Module, loader: DataLoader[Any], mesh: DeviceMesh) -> nn.Module:
        """Return the part of the model that this process trains in synchronous training."""
        if self.pipeline > 1:
            return Pipelined(model, _example_inputs(loader, self.data), mesh, self.micro_batches)
        if self.tensor > 1:
            split_layers(model, mesh["tensor"])
            if self.data > 1:
                fully_shard(model, mesh=mesh["data"])
            return model
        return DistributedDataParallel(model) if self.data > 1 else model


def _example_inputs(loader: DataLoader[Any], replicas: int) -> tuple[Any, ...]:
    """Return one replica's share of the inputs of a batch, of shape ``(batch / replicas, ...)``."""
    batch = draw_batch(loader)
    inputs = batch[0] if isinstance(batch, list | tuple) else batch
    return (inputs[: len(inputs) // replicas],)
