"""Every synchronous split of one training, in one group of four processes, against one process: for several ranks.

Writes for each layout how far its parameters are from those of one process, and what its evaluation differs by.
"""

import json
import sys
import warnings
from pathlib import Path

import torch
import torch.distributed as dist
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from descend.parallel import Layout, load, save, whole
from descend.parallel.shares import with_shares

warnings.simplefilter("ignore")
LAYOUTS = {
    "data=4": Layout(data=4),
    "tensor=4": Layout(tensor=4),
    "pipeline=4": Layout(pipeline=4, micro_batches=8),
    "data=2, tensor=2": Layout(data=2, tensor=2),
    "data=2, pipeline=2": Layout(data=2, pipeline=2, micro_batches=2),
}
made = torch.Generator().manual_seed(3)
# In float64, round-off that meets a kink of the loss grows, and stays far below any mistake.
X, Y = torch.randn(70, 1, 8, 8, generator=made, dtype=torch.float64), torch.randint(0, 10, (70,), generator=made)


class Network(nn.Module):
    """Convolutions, a connection that skips layers, and linear layers; dropout that is off at first."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Sequential(nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 8, 3, padding=1))
        self.second = nn.Conv2d(8, 8, 3, padding=1)
        self.top = nn.Sequential(nn.Flatten(), nn.Linear(128, 32), nn.Tanh(), nn.Linear(32, 16), nn.ReLU())
        self.drop = nn.Dropout(0.5)
        self.out = nn.Linear(16, 10)
        self.double()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        maps = self.first(x).relu()
        maps = nn.functional.max_pool2d(maps + self.second(maps), 2)
        return self.out(self.drop(self.top(maps)))


def network(p: float = 0.0) -> Network:
    torch.manual_seed(dist.get_rank())  # each its own: all begin with the parameters of the first
    model = Network()
    model.drop.p = p
    return model


def loader(drop_last: bool) -> DataLoader:
    return DataLoader(TensorDataset(X, Y), batch_size=16, shuffle=True, drop_last=drop_last)  # the last one has six


def rule(parameters) -> torch.optim.Optimizer:
    return torch.optim.SGD(parameters, lr=0.1, momentum=0.9)


def train(model, batches, optimizer, loss_fn, passes: int = 2) -> None:
    for _ in range(passes):
        for x, y in batches:
            optimizer.zero_grad()
            loss_fn(model(x), y).backward()
            optimizer.step()


def alone(state, seed: int, drop_last: bool, passes: int = 2) -> nn.Module:
    model = Network()
    model.load_state_dict(state)
    model.drop.p = 0.0
    batches = with_shares(loader(drop_last), 0, 1, whole=False, seed=seed)
    train(model, batches, rule(model.parameters()), nn.functional.cross_entropy, passes)
    return model.eval()


def apart(model: nn.Module, reference: nn.Module) -> float:
    known = dict(reference.named_parameters())
    names = {name.removeprefix("module.").removeprefix("part."): p for name, p in model.named_parameters()}
    here = max(float((whole(p.detach()) - known[name]).abs().max()) for name, p in names.items())
    everywhere = [0.0] * dist.get_world_size()
    dist.all_gather_object(everywhere, here)
    return max(everywhere)


def evaluated(model: nn.Module, reference: nn.Module, rows: slice) -> float:
    model.eval()
    with torch.no_grad():
        return float((model(X[rows]) - reference(X[rows])).abs().max())


def resumed(folder: Path) -> float:
    """One run whose every pass has another layout, from the checkpoint of the one before."""
    start = None
    for number, layout in enumerate(LAYOUTS.values()):
        model = network()
        spread = layout.spread(model, loader(drop_last=True), rule, nn.functional.cross_entropy)
        sampler = spread.loader.batch_sampler
        sampler.seed, sampler.passes = 7, number
        if start is None:
            start = {name: t.detach().clone() for name, t in model.state_dict().items()}
        else:
            load(folder, spread.model, spread.optimizer)
        train(*spread, passes=1)
        save(folder, spread.model, spread.optimizer)
    return apart(spread.model, alone(start, 7, True, len(LAYOUTS)))


if __name__ == "__main__":
    results: dict[str, object] = {}
    dist.init_process_group("gloo")
    for name, layout in LAYOUTS.items():
        drop_last = layout.pipeline > 1
        model = network()
        state = {key: t.clone() for key, t in model.state_dict().items()}
        first = [state]
        dist.broadcast_object_list(first, 0)
        spread = layout.spread(model, loader(drop_last), rule, nn.functional.cross_entropy)
        train(*spread)
        reference = alone(first[0], spread.loader.batch_sampler.seed, drop_last)
        results[name] = [apart(spread.model, reference), evaluated(spread.model, reference, slice(21))]
    model, _, _, _ = Layout(pipeline=4).spread(network(0.5), loader(True), rule, nn.functional.cross_entropy)
    model.eval()
    results["dropout in evaluation"] = float((model(X[:16]) - model(X[:16])).abs().max())
    results["resumed"] = resumed(Path(sys.argv[1]) / "checkpoint")
    if dist.get_rank() == 0:
        Path(sys.argv[1], "results.json").write_text(json.dumps(results))
    dist.destroy_process_group()
