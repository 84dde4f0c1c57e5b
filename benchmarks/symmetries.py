"""Symmetries of hidden units on the digits: permutations, rescaling, memorised labels, and convexity."""

from collections.abc import Callable, Iterator
from statistics import fmean

import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy, mse_loss, one_hot
from trainings import CLASSES, Split, Training, held_out, network, split

from descend.landscape import Axis, Hidden, Loss, convexity, loss_of, memorised, permutations, points_about, trained
from descend.landscape.bad_minimum import bad_minimum
from descend.landscape.batch_sizes import shuffled_batches, train
from descend.landscape.fitting import minimised
from descend.landscape.memorising import Memorising
from descend.landscape.plateau import unmoved
from descend.landscape.random_units import random_units
from descend.landscape.sharpness import measures, rescaling

SEEDS = range(5)
SMALL, LARGE = 16, 600  # examples in a batch
TARGET, EVERY = 0.01, 10  # training cost that both reach, looked at every so many steps
WIDTHS = (4, 16, 64, 256)
BATCH = 32
LIMIT = 300  # passes after which a fit of labels ends, whatever it has reached


def of_symmetries(write: Callable[..., None]) -> None:
    """Measure the results of the five questions of `descend lab symmetry`."""
    torch.set_num_threads(1)
    write("Networks of rectified units on 1200 digits, 600 steps of momentum SGD, unless something else is said.", "")
    write("### Hidden units in other orders, all layers at once", "")
    write("Rise: from a copy's cost to the highest on the straight way to another copy, and to the mean of all.", "")
    write(
        "| hidden layers | orders | cost | copies differ by | rise between two | rise at the mean |", "|---" * 6 + "|"
    )
    write(*orders())
    write("", "### The first layer 10 times as large, the second a tenth: the same function", "")
    write("| measure of sharpness | before | after | survives |", "|---|---|---|---|", *scales())
    write(
        "",
        f"### Sharp against wide: batches of {SMALL} and of {LARGE}, at one rate, to a training cost of {TARGET}",
        "",
    )
    write(
        "Means of five seeds, and the seeds in which the large batches' is larger. All runs reach the cost. After as",
        "many steps instead, batches of 32 have a lower held-out loss than all examples at once (CLAIMS.md).",
        "",
    )
    write(f"| | {SMALL} | {LARGE} | larger in |", "|---|---|---|---|", *sharp_and_wide())
    write("", "### Passes to a tenth of the first cost", "")
    write(
        f"One seed. A fit ends after {LIMIT} passes: “not in {LIMIT}” says nothing of later passes.",
        "",
    )
    write(
        "| units a layer | true labels | random labels | random inputs | later than true |", "|---" * 5 + "|", *labels()
    )
    write("", "### Convex or not, at 20 points and on the chords between them", "")
    write("| cost | as a function of | verdict |", "|---|---|---|", *convex())
    write("", "### One hidden layer: the output layer alone on random units, and all trained (L-BFGS)", "")
    write(
        "| units | random units | all trained | a constructed local minimum | lower in small steps |", "|---" * 5 + "|"
    )
    write(*minima())
    write("", *plateaus())


def orders() -> Iterator[str]:
    """Yield the losses with permuted units, for each size of the network."""
    for depth, width in ((1, 16), (1, 64), (2, 64)):
        data, model = split(0), Training(steps=600, build=lambda d=depth, w=width: network(d, w)).run(split(0), 0)
        layers = [_layer(number, width) for number in range(depth)]
        seen = permutations(_loss(model, data), trained(model), layers)
        exponent = sum(layer.log10_orders for layer in layers)
        yield (
            f"| {' + '.join([str(width)] * depth)} | 10^{exponent:.0f} | {seen.cost:.2g} | {seen.difference:.1g} "
            f"| {seen.barrier:.2g} | {seen.mean - seen.cost:.2g} |"
        )


def scales() -> Iterator[str]:
    """Yield each measure of sharpness before and after a layer is scaled up."""
    data, model = split(0), Training(steps=600).run(split(0), 0)
    for each in rescaling(_loss(model, data), trained(model), _layer(0, 64), 10.0).measures:
        yield f"| {each.measure} | {each.before:.3g} | {each.after:.3g} | {'yes' if each.survives else 'no'} |"


def sharp_and_wide() -> Iterator[str]:
    """Yield the sharpness and the held-out loss after training with small and with large batches."""
    found: dict[str, list[list[float]]] = {}
    for size in (SMALL, LARGE):
        for seed in SEEDS:
            data = split(seed)
            model, steps = _trained_to(TARGET, data, size, seed)
            loss = _loss(model, data)
            facts = {
                "steps": steps,
                "training cost": loss.value(trained(model)),
                "held-out cost": held_out(model, data),
            }
            for name, value in (facts | measures(loss, trained(model))).items():
                found.setdefault(name, [[], []])[size == LARGE].append(value)
    for name, (small, large) in found.items():
        larger = sum(b > a for a, b in zip(small, large))
        yield f"| {name} | {fmean(small):.3g} | {fmean(large):.3g} | {larger} of {len(SEEDS)} |"


def _trained_to(target: float, data: Split, size: int, seed: int) -> tuple[nn.Module, int]:
    torch.manual_seed(seed)
    model, taken = network(), 0

    def go_on(step: int) -> bool:
        nonlocal taken
        taken = step
        return step % EVERY > 0 or _loss(model, data).value(trained(model)) > target

    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    train(model, cross_entropy, shuffled_batches((data.x, data.y), size, seed), optimizer, go_on)
    return model, taken


def labels() -> Iterator[str]:
    """Yield the number of passes to learn true labels, random labels and random inputs."""
    data = split(0)
    batches = list(zip(data.x.split(BATCH), data.y.split(BATCH)))
    for width in (64, 256):
        torch.manual_seed(0)
        found = memorised(
            network(width=width), cross_entropy, batches, lambda at: torch.optim.SGD(at, lr=0.05, momentum=0.9), LIMIT
        )
        true, *random = (_passes(found, name) for name in ("true labels", "random labels", "random inputs"))
        delay = found.delay()
        times = f"more than {LIMIT / int(true):.0f} times" if delay is None else f"{delay:.0f} times"
        yield f"| {width} | {true} | {random[0]} | {random[1]} | {times} |"


def _passes(found: Memorising, name: str) -> str:
    passes = found.passes(name)
    return f"not in {LIMIT}" if passes is None else str(passes)


def convex() -> Iterator[str]:
    """Yield the parameters in which each loss is convex."""
    data, linear = split(0), nn.Linear(64, CLASSES)
    targets = one_hot(data.y, CLASSES).float()
    losses = {"squared error": mse_loss, "logistic": binary_cross_entropy_with_logits, "softmax": cross_entropy}
    for name, function in losses.items():
        y = data.y if function is cross_entropy else targets
        of_outputs = Loss((lambda theta, f=function, y=y: f(theta[0], y[:50]),))
        yield f"| {name} | the outputs | {_verdict(of_outputs, [0.1 * torch.randn(50, CLASSES)])} |"
        torch.manual_seed(0)
        deep = network(1)
        for what, model in (("a linear model's parameters", linear), ("a hidden layer's, too", deep)):
            yield f"| {name} | {what} | {_verdict(loss_of(model, function, [(data.x, y)]), trained(model))} |"


def minima() -> Iterator[str]:
    """Yield the loss with random hidden units, and the loss at a minimum that is no better than a constant."""
    data = split(0)
    for width in WIDTHS:
        torch.manual_seed(0)
        model = network(1, width)
        loss, at = _loss(model, data), trained(model)
        alone, all_trained = random_units(loss, at, [2, 3]), minimised(loss, at)
        bad = bad_minimum(loss, at, _layer(0, width))
        lower = "none of 50 found" if bad.is_minimum else f"{-bad.lowest:.1g} of the cost"
        yield f"| {width} | {alone.fit.final:.3g} | {all_trained.final:.2g} | {bad.cost:.3g} | {lower} |"


def plateaus() -> Iterator[str]:
    """Yield the share of small steps that leave a loss exactly unchanged."""
    data, model = split(0), Training(steps=20).run(split(0), 0).double()
    x = data.x.double()
    smooth = loss_of(model, cross_entropy, [(x, data.y)])
    wrong = Loss((lambda theta: (_outputs(model, theta, x).argmax(1) != data.y).double().mean(),))
    shares = [unmoved(loss.value, trained(model)) for loss in (smooth, wrong)]
    yield (
        f"Steps of 10⁻⁵ of the weights' length after which the cost is exactly the same: {shares[0]:.0%} of the "
        f"cross-entropy, {shares[1]:.0%} of the 0–1 loss, whose gradient is zero wherever there is one."
    )


def _outputs(model: nn.Module, theta, x: torch.Tensor) -> torch.Tensor:
    named = dict(zip((name for name, _ in model.named_parameters()), theta))
    return torch.func.functional_call(model, named, (x,))


def _verdict(loss: Loss, theta) -> str:
    return convexity(loss, points_about(theta, spreads=[0.1 * k for k in range(1, 20)])).verdict


def _loss(model: nn.Module, data: Split):
    return loss_of(model, cross_entropy, [(data.x, data.y)])


def _layer(number: int, width: int) -> Hidden:
    """Return hidden layer `number` of `network`: its weight, its bias, and the next layer's weight."""
    weight = 2 * number
    rows, columns = (Axis(weight, 0), Axis(weight + 1, 0)), (Axis(weight + 2, 1),)
    return Hidden(width, (*rows, *columns), incoming=rows, outgoing=columns)
