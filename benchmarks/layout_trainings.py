"""Synchronous training by two or four processes, with descend and with torch's engines in turn: for torchrun.

Prints the measurements for `layouts.py` as JSON: the median seconds of a step of each variant.
"""

import json
import statistics
import sys
import warnings
from collections.abc import Callable
from time import perf_counter, process_time
from typing import Any

import torch
import torch.distributed as dist
from torch import nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.distributed.pipelining import Schedule1F1B, SplitPoint, pipeline
from torch.distributed.tensor.parallel import ColwiseParallel, RowwiseParallel, parallelize_module
from torch.nn.functional import cross_entropy
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader, TensorDataset

from descend.parallel import Layout
from descend.parallel.link import measure_link

warnings.simplefilter("ignore")
ROUNDS, STEPS, BATCH, WIDTH = 7, 3, 2048, 1024
KINDS = {
    2: {"data": Layout(data=2), "tensor": Layout(tensor=2), "pipeline": Layout(pipeline=2)},
    4: {"data and tensor": Layout(data=2, tensor=2)},
}
PAIRED = {"0": ColwiseParallel(), "2": RowwiseParallel(), "4": ColwiseParallel(), "6": RowwiseParallel()}
Step = Callable[[], Any]


def network() -> nn.Sequential:
    torch.manual_seed(0)
    hidden = (nn.Linear(784, WIDTH), nn.ReLU(), nn.Linear(WIDTH, WIDTH), nn.ReLU(), nn.Linear(WIDTH, WIDTH), nn.ReLU())
    return nn.Sequential(*hidden, nn.Linear(WIDTH, 10))


def rule(parameters: Any) -> torch.optim.Optimizer:
    return torch.optim.SGD(parameters, lr=0.01)


def stepping(model: nn.Module, optimizer: Any, loss_fn: Any, x: torch.Tensor, y: torch.Tensor) -> Step:
    def step() -> None:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()

    return step


def bare(x: torch.Tensor, y: torch.Tensor, rank: int) -> dict[str, Step]:
    mine = slice(rank, None, 2)
    data = DistributedDataParallel(network())
    tensor = parallelize_module(network(), init_device_mesh("cpu", (2,)), PAIRED)
    stage = pipeline(network(), mb_args=(x[: BATCH // 4],), split_spec={"4": SplitPoint.BEGINNING}).build_stage(
        rank, torch.device("cpu")
    )
    schedule = Schedule1F1B(stage, 4, loss_fn=cross_entropy)
    staged = rule(stage.submod.parameters())

    def in_stages() -> None:
        staged.zero_grad()
        schedule.step(*([x] if rank == 0 else []), target=None if rank == 0 else y)
        staged.step()

    return {
        "data": stepping(data, rule(data.parameters()), cross_entropy, x[mine], y[mine]),
        "tensor": stepping(tensor, rule(tensor.parameters()), cross_entropy, x, y),
        "pipeline": in_stages,
    }


def bare_of_four(x: torch.Tensor, y: torch.Tensor, rank: int) -> dict[str, Step]:
    mesh = init_device_mesh("cpu", (2, 2), mesh_dim_names=("data", "tensor"))
    model = fully_shard(parallelize_module(network(), mesh["tensor"], PAIRED), mesh=mesh["data"])
    mine = slice(rank // 2, None, 2)
    return {"data and tensor": stepping(model, rule(model.parameters()), cross_entropy, x[mine], y[mine])}


def ours(x: torch.Tensor, y: torch.Tensor, rank: int) -> dict[str, Step]:
    found = {}
    for kind, layout in KINDS[dist.get_world_size()].items():
        loader = DataLoader(TensorDataset(x, y), batch_size=BATCH)
        spread = layout.spread(network(), loader, rule, cross_entropy)
        mine = slice(rank // layout.tensor % layout.data, None, layout.data)
        found[kind] = stepping(spread.model, spread.optimizer, spread.loss_fn, x[mine], y[mine])
    return found


def seconds(step: Step, together: bool = True) -> tuple[float, float]:
    """Return the seconds of a step, and the CPU seconds of this process in a step."""
    if together:
        dist.barrier()
    began, busy = perf_counter(), process_time()
    for _ in range(STEPS):
        step()
    return (perf_counter() - began) / STEPS, (process_time() - busy) / STEPS


if __name__ == "__main__":
    torch.set_num_threads(1)
    dist.init_process_group("gloo")
    rank = dist.get_rank()
    x, y = torch.randn(BATCH, 784), torch.randint(0, 10, (BATCH,))
    half = network()
    engines = {2: bare, 4: bare_of_four}[dist.get_world_size()]
    ways = {f"bare {kind}": step for kind, step in engines(x, y, rank).items()}
    ways |= {f"ours {kind}": step for kind, step in ours(x, y, rank).items()}
    ways["two that share nothing"] = stepping(half, rule(half.parameters()), cross_entropy, x[rank::2], y[rank::2])
    whole, small = network(), network()
    alone = {
        "one process": stepping(whole, rule(whole.parameters()), cross_entropy, x, y),
        "one process, half the batch": stepping(small, rule(small.parameters()), cross_entropy, x[::2], y[::2]),
    }
    spent: dict[str, list[tuple[float, float]]] = {name: [] for name in (*ways, *alone)}
    kinds = sys.argv[1].split(",") if len(sys.argv) > 1 else []
    for _ in range(ROUNDS):
        for name, step in ways.items():
            if not kinds or any(kind in name for kind in kinds):
                spent[name].append(seconds(step))
        for name, step in alone.items():
            dist.barrier()
            if rank == 0:
                spent[name].append(seconds(step, together=False))
            dist.barrier()
    link = measure_link()
    reported = {name: [statistics.median(column) for column in zip(*rows)] for name, rows in spent.items() if rows}
    reported["over bare"] = {
        kind: statistics.median(a[0] / b[0] for a, b in zip(spent[f"ours {kind}"], spent[f"bare {kind}"]))
        for kind in KINDS[dist.get_world_size()]
        if spent[f"ours {kind}"]
    }
    reported["link"] = [link.bandwidth, link.latency]
    if rank == 0:
        print(json.dumps(reported))
    dist.destroy_process_group()
