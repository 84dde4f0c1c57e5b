"""What the texts say of the knobs, measured: two ways of training side by side, on the digits, seed by seed.

Each claim is a pair of trainings that differ in one thing, of equal cost unless it says otherwise; the figure is the
mean of the paired difference with its 95 % interval. A claim has held where the interval excludes 0 on its side. All
trainings run to their end: no figure is that of a limit.
"""

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from scipy.stats import t as student
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel
from trainings import CLASSES, TRAIN, Training, held_out, network, sharpness, split, steps_to, trained, trained_to

from descend.averaging import SnapshotEnsemble
from descend.data import ErrorWeighted, GrowingBatches, Order, Reshuffled, SpreadClasses
from descend.network import initialise
from descend.schedules import Constant, Cosine, Step, WarmRestarts

SEEDS = 8


@dataclass(frozen=True)
class Claim:
    """`measure(seed)` returns two figures; the claim says that the first one is the smaller."""

    says: str
    source: str
    figure: str
    measure: Callable[[int], tuple[float, float]]

    def row(self, seeds: int) -> str:
        """Return a row of the table."""
        pairs = [self.measure(seed) for seed in range(seeds)]
        first, second = (sum(values) / seeds for values in zip(*pairs))
        differences = torch.tensor([a - b for a, b in pairs], dtype=torch.float64)
        half = student.ppf(0.975, seeds - 1) * differences.std().item() / seeds**0.5
        low, high = differences.mean().item() - half, differences.mean().item() + half
        verdict = "held" if high < 0 else "the opposite held" if low > 0 else "undecided"
        figures = f"{_number(first)} against {_number(second)}"
        claim = f"{self.says} ({self.source})"
        return f"| {claim} | {self.figure} | {figures} | {_number(low)} to {_number(high)} | {verdict} |"


def _number(value: float) -> str:
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}"


def _pair(first: Training, second: Training, of: Callable = held_out, wrong: float = 0.0) -> Callable:
    def measure(seed: int) -> tuple[float, float]:
        data = split(seed, wrong)
        return of(first.run(data, seed), data), of(second.run(data, seed), data)

    return measure


TENTHS = Step(234)  # a tenth at one third and at two thirds of 700 steps
EARLY = Constant().then(Constant(0.03), 300)
CYCLES = WarmRestarts(100, 2)  # 100, 200 and 400 steps


def sgdr_early(seed: int) -> tuple[float, float]:
    """Return the held-out loss after 300 steps, at the end of the second cycle, of SGDR and of step decay."""
    data = split(seed)
    runs = [Training(schedule=schedule, steps=300).run(data, seed) for schedule in (CYCLES, TENTHS)]
    return held_out(runs[0], data), held_out(runs[1], data)


def snapshots(seed: int) -> tuple[float, float]:
    """Return the held-out loss of five snapshots of 140 steps each, and of one model trained for 700."""
    data, schedule, kept = split(seed), WarmRestarts(140), list[SnapshotEnsemble]()

    def keep(model: nn.Module, step: int) -> None:
        if not kept:
            kept.append(SnapshotEnsemble(model, schedule, members=5))
        kept[0].step()

    Training(lr=0.1, schedule=schedule, each_step=keep).run(data, seed)
    one = Training(lr=0.1, schedule=Cosine(700)).run(data, seed)
    return held_out(lambda x: kept[0](x).log(), data), held_out(one, data)


def linear() -> nn.Module:
    """Return logistic regression: its cost is convex and, with wrong labels, never 0."""
    return nn.Linear(64, CLASSES)


NOISY = {"lr": 0.1, "momentum": 0.0, "batch_size": 8, "steps": 3000, "build": linear}
WRONG = 0.2  # share of the labels, where the noise of the gradients should not die out


def averaging(seed: int) -> tuple[float, float]:
    """Return the training loss of the mean of the last half of the iterates, and of the last; the rate is constant."""
    data, kept = split(seed, WRONG), list[AveragedModel]()

    def average(model: nn.Module, step: int) -> None:
        if step == 1500:
            kept.append(AveragedModel(model))
        if step >= 1500:
            kept[0].update_parameters(model)

    last = Training(**NOISY, each_step=average).run(data, seed)
    return trained(kept[0], data), trained(last, data)


def averaging_or_decay(seed: int) -> tuple[float, float]:
    """Return the training loss of the averaged iterates at a constant rate, and of a rate that decays."""
    data = split(seed, WRONG)
    decayed = Training(**NOISY, schedule=Cosine(3000)).run(data, seed)
    return averaging(seed)[0], trained(decayed, data)


GIVEN_UP = 20_000  # steps: a training that does not get there raises; the slowest takes about 2 000


def batch_norm(seed: int) -> tuple[float, float]:
    """Return the steps to a training loss of 0.1 with and without batch norm, each at the best of three rates."""
    data = split(seed)
    best = []
    for norm in (True, False):
        build = lambda norm=norm: network(3, norm=norm, activation=nn.Sigmoid)  # noqa: E731
        runs = [Training(lr=lr, build=build, steps=GIVEN_UP) for lr in (0.3, 0.1, 0.03)]
        best.append(min(steps_to(run, data, seed, 0.1) for run in runs))
    return best[0], best[1]


def badly_started() -> nn.Module:
    """Return three hidden layers whose weights all begin at 0."""
    model = network(3)
    initialise(model, "zeros", torch.zeros(1, 64))
    return model


class OneOrder(Order):
    """One random order, the same in each epoch."""

    def order(self, generator: torch.Generator) -> Tensor:
        """Return it."""
        return torch.randperm(self.length, generator=torch.Generator().manual_seed(self.seed))


def spread(seed: int) -> tuple[float, float]:
    """Return the training loss of ten passes of batches of 4, neighbours rarely of one class, and reshuffled."""
    data = split(seed)
    settings = {"lr": 0.02, "momentum": 0.0, "batch_size": 1, "steps": 2 * TRAIN}
    runs = [
        Training(**settings, sampler=make).run(data, seed)
        for make in (lambda seed: SpreadClasses(data.y, seed), lambda seed: Reshuffled(TRAIN, seed))
    ]
    return trained(runs[0], data), trained(runs[1], data)


GROWS = Training(batches=lambda seed: GrowingBatches(Reshuffled(TRAIN, seed), 32, Step(234, decay=5.0), most=400))
DECAYS = Training(schedule=Step(234, 0.2))
WHOLE = Training(batch_size=TRAIN)
WEIGHTED = {"lr": 0.05, "momentum": 0.0, "reports_errors": True}


def steps_taken(seed: int) -> tuple[float, float]:
    """Return the steps of a growing batch and of a decaying rate, over the same examples."""
    data = split(seed)
    GROWS.run(data, seed), DECAYS.run(data, seed)
    return float(GROWS.taken), float(DECAYS.taken)


def at_one_training_loss(seed: int) -> tuple[float, float]:
    """Return the held-out loss of batches of 32 and of all examples, each where its training loss reaches 0.01."""
    data, reached = split(seed), list[float]()
    for size in (32, TRAIN):
        training = Training(batch_size=size, steps=GIVEN_UP)
        reached.append(held_out(trained_to(training, data, seed, 0.01), data))
    return reached[0], reached[1]


CLAIMS = [
    Claim(
        "SGDR is ahead early: after two of its cycles",
        "Loshchilov & Hutter 2017",
        "held-out loss, step 300",
        sgdr_early,
    ),
    Claim(
        "SGDR ends no worse than step decay",
        "Loshchilov & Hutter 2017",
        "held-out loss",
        _pair(Training(schedule=CYCLES), Training(schedule=TENTHS)),
    ),
    Claim("five snapshots beat one model of the same cost", "Huang et al. 2017", "held-out loss", snapshots),
    Claim(
        "gradient noise helps weights that all begin at 0",
        "Neelakantan et al. 2015",
        "training loss",
        _pair(
            Training(build=badly_started, noise=0.01, lr=0.1, momentum=0.0, steps=2000),
            Training(build=badly_started, lr=0.1, momentum=0.0, steps=2000),
            trained,
        ),
    ),
    Claim(
        "batch norm speeds three sigmoid layers up",
        "Ioffe & Szegedy 2015",
        "steps to a training loss of 0.1",
        batch_norm,
    ),
    Claim(
        "a growing batch does what a decaying rate does",
        "Smith et al. 2018",
        "training loss, the same examples",
        _pair(GROWS, DECAYS, trained),
    ),
    Claim("and in fewer steps", "Smith et al. 2018", "steps", steps_taken),
    Claim("the mean of the iterates is nearer than the last", "Polyak & Juditsky 1992", "training loss", averaging),
    Claim("averaging does what decay does", "Polyak & Juditsky 1992", "training loss", averaging_or_decay),
    Claim(
        "a rate that decays early is ahead at once",
        "Ba, CSC413 lecture 4, SGD Learning Rate",
        "training loss, step 400",
        _pair(
            Training(**{**NOISY, "steps": 400}, schedule=EARLY),
            Training(**{**NOISY, "steps": 400}),
            trained,
            WRONG,
        ),
    ),
    Claim(
        "and pays for it in the end: decay at step 2500 against 300",
        "Ba, CSC413 lecture 4, SGD Learning Rate",
        "training loss, step 3000",
        _pair(
            Training(**NOISY, schedule=Constant().then(Constant(0.03), 2500)),
            Training(**NOISY, schedule=EARLY),
            trained,
            WRONG,
        ),
    ),
    Claim(
        "a new order each epoch beats one order for all",
        "LeCun et al. 1998, §4.2",
        "training loss",
        _pair(
            Training(lr=0.05, momentum=0.0, batch_size=4, steps=3000),
            Training(lr=0.05, momentum=0.0, batch_size=4, steps=3000, sampler=lambda seed: OneOrder(TRAIN, seed)),
            trained,
        ),
    ),
    Claim("neighbours of other classes teach more", "LeCun et al. 1998, §4.2", "training loss, one by one", spread),
    Claim(
        "drawing by error helps on clean data",
        "LeCun et al. 1998, §4.2",
        "training loss",
        _pair(
            Training(**WEIGHTED, sampler=lambda seed: ErrorWeighted(TRAIN, seed)),
            Training(lr=0.05, momentum=0.0),
            trained,
        ),
    ),
    Claim(
        "with a tenth of labels wrong it is a disaster without the guard",
        "LeCun et al. 1998, §4.2",
        "held-out loss, with and without",
        _pair(
            Training(**WEIGHTED, steps=3000, sampler=lambda seed: ErrorWeighted(TRAIN, seed)),
            Training(**WEIGHTED, steps=3000, sampler=lambda seed: ErrorWeighted(TRAIN, seed, guard=False)),
            wrong=0.1,
        ),
    ),
    Claim(
        "small batches end in a flatter minimum: 32 examples against all",
        "Keskar et al. 2017, §2",
        "rise of the training loss, weights moved by half",
        _pair(Training(), WHOLE, sharpness),
    ),
    Claim(
        "small batches do better on held-out data after as many steps",
        "Keskar et al. 2017, §2",
        "held-out loss, step 700",
        _pair(Training(), WHOLE),
    ),
    Claim(
        "small batches do better on held-out data at one training loss",
        "Keskar et al. 2017, §2",
        "held-out loss where the training loss reaches 0.01",
        at_one_training_loss,
    ),
]


def rows(seeds: int = SEEDS, words: Sequence[str] = ()) -> Iterator[str]:
    """Yield the table's rows, or those of the claims that say one of the words."""
    torch.set_num_threads(1)
    for claim in CLAIMS:
        if not words or any(word in claim.says for word in words):
            yield claim.row(seeds)


if __name__ == "__main__":
    for line in rows(words=sys.argv[1:]):
        print(line, flush=True)
