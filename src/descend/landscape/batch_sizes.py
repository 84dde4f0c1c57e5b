"""What the size of the batch costs and gains: steps and time to a target, memory, and where they bend.

Steps to a target follow S_min·(1 + B_noise / S) (McCandlish et al. 2018, §2.3), the seconds of a step
a + b·S: below S = a / b the machine's overhead rules, above it its throughput. Time to the target, their product,
is least at the geometric mean of the two sizes.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass
from math import ceil, inf, isfinite, nan, sqrt
from statistics import fmean, median
from time import perf_counter
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks
from torch.optim import Optimizer

from descend.ground.bound import Count
from descend.landscape.fits import Line, relative_line

Function = Callable[[Any, Any], Tensor]
Rule = Callable[[Sequence[nn.Parameter], float], Optimizer]  # of parameters and rate
SPACING = 1.05  # between the steps at which it is seen whether the target is reached
WARM_UP = Count(5, "steps", "chosen: caches and autograd's threads are there after one or two")


@dataclass(frozen=True)
class Run:
    """One training at one size: steps and seconds to the target, infinite where it was not reached."""

    size: int
    lr: float
    steps: float
    seconds: float
    step_seconds: float  # median over the steps, without checks of the loss; NaN where it was not measured
    kept_bytes: float = nan  # for the backward pass; NaN where it was not measured


@dataclass(frozen=True)
class Training:
    """What is trained, by which rule at which rates, until the loss on all data is at most `target`.

    data: inputs and targets, drawn in shuffled epochs. `function` is the mean loss of outputs and targets.
    """

    model: nn.Module
    function: Function
    data: tuple[Tensor, Tensor]
    rule: Rule
    rates: Sequence[float]
    target: float
    seeds: int = 3
    most_steps: int = 2000

    def runs(self, sizes: Sequence[int]) -> list[Run]:
        """Train a copy of the model at each size, rate and seed. Raises `ValueError` for a size that there is not."""
        count = len(self.data[0])
        if bad := [size for size in sizes if not 1 <= size <= count]:
            raise ValueError(f"a batch must have from 1 to {count} examples, not {bad[0]}")
        found = []
        for size in sizes:
            self._warm_up(size)
            found += [self._run(size, lr, seed) for lr in self.rates for seed in range(self.seeds)]
        return found

    def _warm_up(self, size: int) -> None:
        """Take the first steps at a size, which are slow, on a copy of the model."""
        model = deepcopy(self.model)
        with torch.random.fork_rng():
            optimizer = self.rule(list(model.parameters()), self.rates[0])
            train(model, self.function, shuffled(self.data, size, 0), optimizer, lambda step: step < WARM_UP)

    def _run(self, size: int, lr: float, seed: int) -> Run:
        model, reached, taken, look = deepcopy(self.model), False, 0, 1

        def go_on(step: int) -> bool:
            nonlocal reached, taken, look
            taken = step
            if step < look:
                return step < self.most_steps
            look = max(step + 1, ceil(step * SPACING))
            value = self._value(model)
            reached = value <= self.target
            return not reached and isfinite(value) and step < self.most_steps

        with torch.random.fork_rng():
            torch.manual_seed(seed)
            optimizer = self.rule(list(model.parameters()), lr)
            each = median(train(model, self.function, shuffled(self.data, size, seed), optimizer, go_on))
        return Run(size, lr, taken if reached else inf, taken * each if reached else inf, each)

    def _value(self, model: nn.Module) -> float:
        was = model.training
        model.eval()
        with torch.no_grad():
            value = float(self.function(model(self.data[0]), self.data[1]))
        model.train(was)
        return value


@dataclass(frozen=True)
class Tradeoff:
    """What the runs at each size's best rate say.

    steps: against 1 / S; seconds: of a step, against S; None where it was timed at fewer than 3 sizes.
    """

    runs: tuple[Run, ...]
    steps: Line
    seconds: Line | None

    @property
    def least_steps(self) -> float:
        """S_min, of a batch without end."""
        return self.steps.intercept

    @property
    def knee(self) -> float:
        """B_noise: the size at which twice the fewest steps are needed, and twice the fewest examples."""
        return max(self.steps.slope, 0.0) / self.steps.intercept if self.steps.intercept > 0 else inf

    @property
    def machine_limit(self) -> float:
        """The size from which a step's time is mostly in its examples.

        Infinite where examples cost nothing, NaN where the times are not known.
        """
        if self.seconds is None:
            return nan
        return max(self.seconds.intercept, 0.0) / self.seconds.slope if self.seconds.slope > 0 else inf

    @property
    def fastest(self) -> float:
        """The size of the least time to the target; NaN where the times are not known."""
        known = self.knee, self.machine_limit
        return sqrt(self.knee * self.machine_limit) if min(known) > 0 or self.seconds is None else 0.0


def tradeoff(runs: Sequence[Run]) -> Tradeoff:
    """Return the trade-off that runs show, of each size the rate with the fewest steps on average.

    Raises `ValueError` where fewer than 3 sizes reach the target.
    """
    best = []
    for size in sorted({run.size for run in runs}):
        mine = [run for run in runs if run.size == size]
        tried = [[run for run in mine if run.lr == lr] for lr in dict.fromkeys(run.lr for run in mine)]
        best.append(min(tried, key=lambda same: fmean(run.steps for run in same)))
    reached = [run for same in best for run in same if all(isfinite(r.steps) for r in same)]
    sizes = {run.size for run in reached}
    if len(sizes) < 3:
        raise ValueError(f"the target was reached at {len(sizes)} sizes; their curve needs 3 at least")
    steps = relative_line([1 / run.size for run in reached], [run.steps for run in reached])
    timed = [run for run in reached if isfinite(run.step_seconds)]
    is_timed = len({run.size for run in timed}) >= 3
    seconds = relative_line([run.size for run in timed], [run.step_seconds for run in timed]) if is_timed else None
    return Tradeoff(tuple(reached), steps, seconds)


def train(
    model: nn.Module,
    function: Function,
    batches: Iterable[tuple[Any, Any]],
    optimizer: Optimizer,
    go_on: Callable[[int], bool] = lambda step: True,
) -> list[float]:
    """Take one step for each batch while `go_on(steps taken)`; return the seconds that each step took."""
    seconds = list[float]()
    for inputs, targets in batches:
        began = perf_counter()
        optimizer.zero_grad()
        function(model(inputs), targets).backward()
        optimizer.step()
        seconds.append(perf_counter() - began)
        if not go_on(len(seconds)):
            break
    return seconds


def shuffled(data: tuple[Tensor, Tensor], size: int, seed: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield batches out of shuffled epochs, without end; what does not fill a batch is left out."""
    generator = torch.Generator().manual_seed(seed)
    while True:
        for chosen in torch.randperm(len(data[0]), generator=generator).split(size):
            if len(chosen) == size:
                yield data[0][chosen], data[1][chosen]


def kept_bytes(compute: Callable[[], Any], parameters: Iterable[Tensor]) -> int:
    """Return the bytes that autograd holds after a forward pass for the backward one, the parameters aside."""
    held, weights = dict[int, int](), {p.data_ptr() for p in parameters}

    def pack(tensor: Tensor) -> Tensor:
        if tensor.data_ptr() not in weights:
            held[tensor.data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    with torch.enable_grad(), saved_tensors_hooks(pack, lambda tensor: tensor):
        compute()
    return sum(held.values())
