"""One training in several layouts of four processes, on the same batches: for torchrun. Prints the losses as JSON."""

import json
import warnings

import torch
import torch.distributed as dist
from sklearn.datasets import load_digits
from torch import nn
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader, TensorDataset

from descend.parallel import Layout

warnings.simplefilter("ignore")
UPDATES, BATCH, MICRO = 200, 64, 4
LAYOUTS = {
    "data=4": Layout(data=4),
    "tensor=4": Layout(tensor=4),
    "pipeline=4": Layout(pipeline=4, micro_batches=MICRO),
    "data=2, tensor=2": Layout(data=2, tensor=2),
    "data=2, pipeline=2": Layout(data=2, pipeline=2, micro_batches=MICRO),
}


def network() -> nn.Sequential:
    torch.manual_seed(0)
    convolved = (nn.Conv2d(1, 8, 3), nn.ReLU(), nn.Conv2d(8, 8, 3), nn.ReLU(), nn.Flatten())
    return nn.Sequential(*convolved, nn.Linear(128, 64), nn.Tanh(), nn.Linear(64, 12))


def rule(parameters):
    return torch.optim.SGD(parameters, lr=0.1, momentum=0.9)


def curve(layout: Layout | None, x: torch.Tensor, y: torch.Tensor) -> list[float]:
    """Return the mean loss of each batch, before its update."""
    share, shares = 0, 1
    model, loss_fn = network(), cross_entropy
    optimizer = rule(model.parameters())
    if layout is not None:
        loader = DataLoader(TensorDataset(x, y), batch_size=BATCH)
        model, _, optimizer, loss_fn = layout.spread(model, loader, rule, cross_entropy)
        share, shares = dist.get_rank() // layout.tensor % layout.data, layout.data
    drawn, losses = torch.Generator().manual_seed(0), []
    for _ in range(UPDATES):
        batch = torch.randint(len(x), (BATCH,), generator=drawn)[share::shares]
        optimizer.zero_grad()
        loss = loss_fn(model(x[batch]), y[batch])
        loss.backward()
        optimizer.step()
        mean = loss.detach().clone()
        if layout is not None:
            dist.all_reduce(mean)
            mean /= dist.get_world_size()
        losses.append(float(mean))
    return losses


def main() -> None:
    pixels, digits = load_digits(return_X_y=True)
    x, y = torch.tensor(pixels / 16, dtype=torch.float32).view(-1, 1, 8, 8), torch.tensor(digits)
    curves = {"one process": curve(None, x, y)}
    for name, layout in LAYOUTS.items():
        curves[name] = curve(layout, x, y)
    if dist.get_rank() == 0:
        print(json.dumps(curves))


if __name__ == "__main__":
    torch.set_num_threads(1)
    dist.init_process_group("gloo")
    main()
    dist.destroy_process_group()
