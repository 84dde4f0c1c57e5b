"""Large batches for as many epochs as small ones: up to which batch size each optimizer keeps the accuracy."""

from collections.abc import Callable
from statistics import fmean, stdev

import torch
from torch import nn
from torch.nn.functional import cross_entropy
from torch.utils.data import BatchSampler
from trainings import TRAIN, Split, network, split

from descend.data import Reshuffled
from descend.optim import LAMB, LARS
from descend.schedules import Cosine, Scheduler, lr_grid, scale_lr

SIZES = (16, 64, 128, 256, 400, 600, 1200)
EPOCHS, SEEDS, SMALL = 15, 5, 16
MOMENTUM, DECAY = 0.9, 1e-4
TRIED = 2  # number of other seeds on which the learning rate is chosen
Rule = Callable[[list[nn.Parameter], float], torch.optim.Optimizer]

SGD: Rule = lambda parameters, lr: torch.optim.SGD(parameters, lr, momentum=MOMENTUM, weight_decay=DECAY)  # noqa: E731
RULES: dict[
    str, tuple[Rule, list[float], float]
] = {  # optimizer, learning rates to try, share of the steps in the warm-up
    "SGD, the small batch's rate": (SGD, [], 0.0),
    "SGD, rate × size": (SGD, [], 0.0),
    "SGD, rate × size, warmed up": (SGD, [], 0.2),
    "SGD, the best rate": (SGD, lr_grid(3.0, 0.01), 0.2),
    "LARS, the best rate": (
        lambda parameters, lr: LARS(parameters, lr=lr, momentum=MOMENTUM, weight_decay=DECAY),
        lr_grid(100.0, 0.3),
        0.2,
    ),
    "LAMB, the best rate": (
        lambda parameters, lr: LAMB(parameters, lr=lr, weight_decay=DECAY),
        lr_grid(0.3, 0.003),
        0.2,
    ),
}


def of_large_batches(write: Callable[..., None]) -> None:
    """Measure the held-out accuracy of each optimizer at each batch size."""
    base = best_rate(SGD, lr_grid(1.0, 0.003), SMALL, 0.0)
    write(
        f"Held-out accuracy on the digits after {EPOCHS} epochs, whatever the batch; four hidden layers of 64. Means",
        f"of {SEEDS} seeds ± their standard error; the rate, in brackets, was chosen on {TRIED} other seeds. Cosine",
        f"decay, warm-up over the first fifth of the steps. {base:g} is the best rate of SGD with batches of {SMALL}.",
        "",
        "| rule | " + " | ".join(f"{size} ({EPOCHS * (TRAIN // size)} steps)" for size in SIZES) + " |",
        "|---" * (len(SIZES) + 1) + "|",
    )
    for name, (rule, rates, warm) in RULES.items():
        cells = []
        for size in SIZES:
            if rates:
                lr = best_rate(rule, rates, size, warm)
            else:
                lr = scale_lr(base, size, SMALL) if "×" in name else base
            found = [accuracy(rule, lr, size, warm, seed) for seed in range(SEEDS)]
            cells.append(f"{fmean(found):.1%} ± {stdev(found) / SEEDS**0.5:.1%} ({lr:g})")
        write(f"| {name} | " + " | ".join(cells) + " |")


def best_rate(rule: Rule, rates: list[float], size: int, warm: float) -> float:
    """Return the learning rate with the highest accuracy on separate seeds."""
    return max(rates, key=lambda lr: fmean(accuracy(rule, lr, size, warm, 100 + seed) for seed in range(TRIED)))


def accuracy(rule: Rule, lr: float, size: int, warm: float, seed: int) -> float:
    """Return the held-out accuracy of a network after all epochs."""
    torch.manual_seed(seed)
    data, model = split(seed), network(4)
    steps = EPOCHS * (TRAIN // size)
    optimizer = rule(list(model.parameters()), lr)
    warmed = max(1, round(warm * steps))
    schedule = Cosine(steps - warmed).after_warmup(warmed) if warm else Cosine(steps)
    scheduler = Scheduler(optimizer, lr=schedule)
    batches = BatchSampler(Reshuffled(TRAIN, seed), size, drop_last=True)
    for _ in range(EPOCHS):
        for batch in batches:
            optimizer.zero_grad()
            cross_entropy(model(data.x[batch]), data.y[batch]).backward()
            optimizer.step()
            scheduler.step()
    return _right(model, data)


@torch.no_grad()
def _right(model: nn.Module, data: Split) -> float:
    return float((model(data.x_out).argmax(1) == data.y_out).float().mean())
