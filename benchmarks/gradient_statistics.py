"""The gradient statistics on the digits, where the true values are known because all examples are available."""

from collections.abc import Callable, Iterator

import torch
from torch import nn
from torch.nn.functional import cross_entropy
from trainings import TRAIN, Split, Training, network, split

from descend.data import ErrorWeighted, Reshuffled
from descend.landscape import (
    Gradients,
    averaged_variance,
    bias,
    ends,
    example_gradients,
    loss_of,
    noise_scale,
    stationary_variance,
    tradeoff,
    trained,
    variance_by_size,
    weight_variance,
)
from descend.landscape import Training as Sized
from descend.landscape.vectors import flat

RUNS, SAMPLE, BATCH = 200, 64, 16
SIZES = [2**k for k in range(9)]
AT = {"at the start": 0, "after 100 steps": 100}


def of_gradients(write: Callable[..., None]) -> None:
    """Measure bias, variance, noise scale, the effect of momentum, and the effect of the batch size."""
    write("A network of two hidden layers on 1200 digits, of which all gradients are known.", "")
    write("### Noise scale and variances", "")
    write(f"Covered: intervals of the noise scale from {SAMPLE} examples that hold that of all (reach: 180).", "")
    write("| weights | noise scale | covered | exponent of Var[g] in S (−1) | of Var[Δw] in η (1) |", "|---" * 5 + "|")
    write(*statistics())
    write("", f"### Is E⟨g⟩ = G? A bias found in half an epoch of batches of {BATCH}, at the 5 % level", "")
    write("| batches | found | mean distance, in lengths of G |", "|---|---|---|", *biases())
    write("", "### What momentum leaves of the variance", "")
    write("Settled: about the minimum of the quadratic of the five largest eigenvalues, with the measured noise.", "")
    write("| β | predicted | independent batches | shuffled epochs | settled: of twice the rate | off the formula |")
    write("|---" * 6 + "|", *momentum())
    write("", "### Steps and time to a training loss of 0.3, plain SGD at the best of six rates, one thread", "")
    write("| batch | rate | steps | a step | time |", "|---" * 5 + "|", *sizes())


def statistics() -> Iterator[str]:
    """Yield the measured and the expected values for each network, before and after training."""
    torch.set_num_threads(1)
    for name, steps in AT.items():
        data = split(0)
        model = _trained(steps, data)
        sample = example_gradients(model, cross_entropy, data.x, data.y)
        truth = noise_scale(sample).value
        exponent = variance_by_size(sample, SIZES).exponent()
        low, high = exponent.interval()
        found = weight_variance(_batches(model, data), trained(model), [0.04, 0.02, 0.01], 0.32)
        slope = found.exponent()
        yield (
            f"| {name} | {truth:.3g} | {_covered(sample, truth)} of {RUNS} "
            f"| {exponent.slope:.3f} [{low:.3f}, {high:.3f}] "
            f"| {slope.slope:.2f} [{slope.interval()[0]:.2f}, {slope.interval()[1]:.2f}] |"
        )


def biases() -> Iterator[str]:
    """Yield how often a bias is found in half an epoch of batches, for each method of drawing them."""
    torch.set_num_threads(1)
    data, model = split(0), _trained(100, split(0))
    sample = example_gradients(model, cross_entropy, data.x, data.y)
    losses = cross_entropy(model(data.x), data.y, reduction="none").detach()
    by_class = data.y.argsort(stable=True).tolist()

    def weighted(seed: int) -> list[int]:
        sampler = ErrorWeighted(TRAIN, seed)
        sampler.update(range(TRAIN), losses)
        return list(sampler)

    orders = {
        "independent draws": lambda seed: torch.randint(TRAIN, (TRAIN,), generator=_random(seed)).tolist(),
        "shuffled epochs": lambda seed: list(Reshuffled(TRAIN, seed)),
        "by their error, unweighted": weighted,
        "class by class, not shuffled": lambda seed: by_class[seed:] + by_class[:seed],
    }
    for name, order in orders.items():
        found = [_bias(sample, order(seed)) for seed in range(RUNS)]
        yield f"| {name} | {sum(f.is_found for f in found)} of {RUNS} | {sum(f.distance for f in found) / RUNS:.2f} |"


def momentum() -> Iterator[str]:
    """Yield the share of a step's variance, and of the weights' variance at a minimum, that momentum leaves."""
    data, model = split(0), _trained(100, split(0))
    sample = example_gradients(model, cross_entropy, data.x, data.y)
    loss = loss_of(model, cross_entropy, [(data.x, data.y)])
    pairs = ends(loss.hessian(trained(model)), trained(model), top=5, bottom=0).top
    drawn = torch.stack([sample.rows[torch.randperm(TRAIN, generator=_random(s))[:BATCH]].mean(0) for s in range(400)])
    noise = drawn @ torch.stack([flat(pair.vector) for pair in pairs]).T
    for beta in (0.0, 0.5, 0.9):
        independent, dealt = (averaged_variance(sample, BATCH, beta, draws=4000, reshuffled=r) for r in (False, True))
        settled = stationary_variance([pair.value for pair in pairs], noise, [0.02, 0.01], momentum=beta)
        off = max(abs(m / p - 1) for m, p in zip(settled.measured, settled.predicted))
        yield (
            f"| {beta:g} | {independent.predicted:.4f} | {independent.ratio.value:.4f} | {dealt.ratio.value:.4f} "
            f"| {settled.measured[0] / settled.measured[1]:.2f} | {100 * off:.0f} % |"
        )


def sizes() -> Iterator[str]:
    """Yield the steps and seconds to the same loss for each batch size, then the parameters of the fitted curve."""
    torch.set_num_threads(1)
    data = split(0)
    torch.manual_seed(0)
    training = Sized(
        network(),
        cross_entropy,
        (data.x, data.y),
        torch.optim.SGD,
        [0.01, 0.03, 0.1, 0.3, 1.0, 3.0],
        0.3,
        most_steps=3000,
    )
    found = tradeoff(training.runs([1, 4, 16, 64, 256, TRAIN]))
    for size in sorted({run.size for run in found.runs}):
        mine = [run for run in found.runs if run.size == size]
        steps, each = (sum(v) / len(mine) for v in zip(*((run.steps, run.step_seconds) for run in mine)))
        yield f"| {size} | {mine[0].lr:g} | {steps:.0f} | {1000 * each:.2f} ms | {steps * each:.2f} s |"
    low, high = found.steps.ratio_interval()
    yield ""
    yield (
        f"S_min = {found.least_steps:.0f} steps, knee at {found.knee:.0f} [{low:.0f}, {high:.0f}] examples, the "
        f"machine's limit at {found.machine_limit:.0f}, fastest near {found.fastest:.0f}."
    )


def _trained(steps: int, data: Split) -> nn.Module:
    torch.manual_seed(0)
    return Training(steps=steps).run(data, 0) if steps else network()


def _batches(model: nn.Module, data: Split):
    return loss_of(model, cross_entropy, list(zip(data.x.split(BATCH), data.y.split(BATCH))))


def _covered(sample: Gradients, truth: float) -> int:
    """Return the number of samples whose interval contains the noise scale of all examples."""
    held = 0
    for seed in range(RUNS):
        chosen = torch.randint(TRAIN, (SAMPLE,), generator=_random(seed))
        low, high = noise_scale(Gradients(sample.rows[chosen])).interval()
        held += low <= truth <= high
    return held


def _bias(sample: Gradients, order: list[int]):
    batches = torch.tensor(order[: TRAIN // 2]).split(BATCH)
    whole = [b for b in batches if len(b) == BATCH]
    return bias(Gradients(torch.stack([sample.rows[b].mean(0) for b in whole]), BATCH), sample.mean)


def _random(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)
