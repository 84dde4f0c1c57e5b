"""The cost of staleness for each asynchronous scheme, and the cost of shared memory for two processes."""

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from math import inf
from statistics import fmean

import graphs
import hogwild_trainings
import large_batches
import layouts
import narrow
import serving
import stragglers
import torch
import updates
from side_by_side import HERE, fill_section
from torch import Tensor, multiprocessing, nn
from torch.nn.functional import cross_entropy
from trainings import TRAIN, Split, network, split, trained

from descend.data import Reshuffled
from descend.optim import SGD, Adagrad, Nesterov
from descend.parallel import (
    AdaptiveRevisionServer,
    Centre,
    DownpourReplica,
    DownpourServer,
    ElasticReplica,
    hogwild,
    take_turns,
)
from descend.parallel.replica import Traffic
from descend.schedules import lr_grid

PAGE = HERE / "PARALLEL.md"
HEAD = """# Many processors

Each section by itself: `python benchmarks/run.py NAME`.
"""
REPLICAS = (1, 4, 16, 64)
GRADIENTS, BATCH, SEEDS = 3000, 16, 2
PERIOD = 10  # steps of an elastic replica between two exchanges
UNEVEN = 0.2  # largest share by which a step may take longer
PAIRS = 5


@dataclass
class Group:
    """The replicas' models and optimizers, and the parameters that are the result of training."""

    models: list[nn.Module]
    optimizers: Sequence[DownpourReplica | ElasticReplica]
    result: Sequence[Tensor]

    @property
    def traffic(self) -> list[Traffic]:
        """The communication statistics of each replica."""
        return [optimizer.traffic for optimizer in self.optimizers]


Scheme = Callable[[list[nn.Module], float], Group]


def downpour(models: list[nn.Module], lr: float, rule: type[torch.optim.Optimizer] = Adagrad) -> Group:
    """Return replicas that push and fetch in each step, with a `DownpourServer`."""
    server = DownpourServer(list(models[0].parameters()), lambda params: rule(params, lr=lr))
    return Group(models, [DownpourReplica(m.parameters(), server) for m in models], server.parameters)


def delay_tolerant(models: list[nn.Module], lr: float) -> Group:
    """Return replicas that push and fetch in each step, with an `AdaptiveRevisionServer`."""
    server = AdaptiveRevisionServer(list(models[0].parameters()), lr)
    return Group(models, [DownpourReplica(m.parameters(), server) for m in models], server.parameters)


def elastic(models: list[nn.Module], lr: float, rule: type[torch.optim.Optimizer] = SGD) -> Group:
    """Return replicas of elastic averaging SGD with a common centre."""
    centre = Centre(list(models[0].parameters()), 0.9 / max(2, len(models)))
    made = [ElasticReplica(rule(m.parameters(), lr=lr), centre, period=PERIOD) for m in models]
    return Group(models, made, centre.parameters)


SCHEMES: dict[str, Scheme] = {
    "Downpour, SGD": partial(downpour, rule=SGD),
    "Downpour, Adagrad": downpour,
    "AdaptiveRevision": delay_tolerant,
    f"elastic averaging, τ = {PERIOD}": elastic,
    f"the same with Nesterov's momentum, τ = {PERIOD}": partial(elastic, rule=Nesterov),
}


def of_staleness(write: Callable[..., None]) -> None:
    """Measure the training loss of each scheme for several numbers of replicas, after the same number of gradients."""
    torch.set_num_threads(1)
    write(
        f"Replicas on one virtual clock, each on its own shard of {TRAIN} digits: {GRADIENTS} gradients of batches of",
        f"{BATCH} in all, a step takes 1 to {1 + UNEVEN:g} s. Training loss at the best of a grid of rates, mean of",
        f"{SEEDS} seeds; in brackets that rate.",
        "",
    )
    heads = " | ".join(f"{count} replicas" if count > 1 else "1 replica" for count in REPLICAS)
    write(f"| scheme | {heads} | staleness at {REPLICAS[-1]} | MB moved at {REPLICAS[-1]} |")
    write("|---" * (3 + len(REPLICAS)) + "|")
    for name, scheme in SCHEMES.items():
        cells = []
        for count in REPLICAS:
            found = min((_mean(scheme, lr, count) for lr in lr_grid(1.0, 0.001)), key=lambda each: each[0])
            cells.append(f"{found[0]:.3g} ({found[1]:g})")
        _, _, staleness, moved = found
        write(f"| {name} | {' | '.join(cells)} | {staleness or ''} | {moved:.0f} |")


def _mean(scheme: Scheme, lr: float, count: int) -> tuple[float, float, str, float]:
    """Return the mean loss over all seeds, the learning rate, the mean staleness and the megabytes transferred."""
    losses, groups = zip(*(_run(scheme, lr, count, seed) for seed in range(SEEDS)))
    stale = [value for traffic in groups[-1].traffic for value in traffic.staleness]
    moved = sum(traffic.bytes for traffic in groups[-1].traffic) / 1e6
    return fmean(losses), lr, f"{fmean(stale):.1f}" if stale else "", moved


def _run(scheme: Scheme, lr: float, count: int, seed: int) -> tuple[float, Group]:
    """Train a group of replicas with one seed; return the training loss and the group."""
    data, clock = split(seed), random.Random(seed)
    torch.manual_seed(seed)
    first = network()
    models = [network() for _ in range(count)]
    for model in models:
        model.load_state_dict(first.state_dict())
    group = scheme(models, lr)
    batches = [_batches(data, k, count, seed) for k in range(count)]
    steps = [partial(_step, m, o, b) for m, o, b in zip(models, group.optimizers, batches)]
    try:
        take_turns(steps, lambda k: 1 + UNEVEN * clock.random(), GRADIENTS)
    except ValueError:  # training has diverged, so the server rejects the gradients
        return inf, group
    with torch.no_grad():
        for own, held in zip(first.parameters(), group.result):
            own.copy_(held)
    return trained(first, data), group


def _batches(data: Split, replica: int, count: int, seed: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield batches of the replica's shard, in a new order in each epoch."""
    shard = torch.arange(replica, TRAIN, count)
    order = Reshuffled(len(shard), 1000 * seed + replica)
    while True:
        for chosen in shard[torch.tensor(list(order))].split(BATCH):
            yield data.x[chosen], data.y[chosen]


def _step(model: nn.Module, optimizer: DownpourReplica | ElasticReplica, batches: Iterator) -> None:
    """Take one step of a replica on its next batch."""
    x, y = next(batches)
    optimizer.zero_grad()
    cross_entropy(model(x), y).backward()
    optimizer.step()


def of_hogwild(write: Callable[..., None]) -> None:
    """Measure the steps per second of two processes on one shared model, and of two with separate models."""
    write(
        "Steps a second of two processes together over twice those of one, on one model in shared memory, and of two",
        f"processes that share nothing: means of {PAIRS}. Each counts its own steps, once it has begun. Then the",
        "processor's time of a step, Hogwild! over two that share nothing.",
        "",
        "| gradients | one process, steps a second | two that share nothing | Hogwild! | over that | CPU time |",
        "|---|---|---|---|---|---|",
    )
    for name, make in hogwild_trainings.MODELS.items():
        (one, _), (apart, own), (together, shared) = (
            zip(*column) for column in zip(*(_rates(make) for _ in range(PAIRS)))
        )
        shares = [fmean(values) / (2 * fmean(one)) for values in (apart, together)]
        rates = f"{fmean(one):.0f} | {shares[0]:.0%} | {shares[1]:.0%} | {shares[1] / shares[0]:.0%}"
        write(f"| {name} | {rates} | {fmean(shared) / fmean(own):.0%} |")


def _rates(make: Callable[[], nn.Module]) -> list[tuple[float, float]]:
    """Return steps per second and CPU seconds per step: of one process, two with separate models, two with one."""
    return [
        _rate([make()] * n if shared else [make() for _ in range(n)])
        for n, shared in ((1, True), (2, False), (2, True))
    ]


def _rate(models: list[nn.Module]) -> tuple[float, float]:
    """Return the steps per second of all processes together, and the CPU seconds per step."""
    done = multiprocessing.get_context("spawn").SimpleQueue()
    hogwild(hogwild_trainings.train, nn.ModuleList(models), len(models), (done,))
    rates, busy = zip(*(done.get() for _ in models))
    return sum(rates), fmean(busy)


SECTIONS = {
    "splits": layouts.of_splits,
    "updates": updates.of_updates,
    "a table of 2013": layouts.of_table,
    "a graph over workers": graphs.of_graphs,
    "large batches": large_batches.of_large_batches,
    "a narrow link": narrow.of_narrow_link,
    "a server": serving.of_serving,
    "stragglers": stragglers.of_stragglers,
    "staleness": of_staleness,
    "hogwild": of_hogwild,
}


def measure(name: str) -> None:
    """Measure one section and write it to its place on the page."""
    fill_section(PAGE, HEAD, name, SECTIONS[name])
