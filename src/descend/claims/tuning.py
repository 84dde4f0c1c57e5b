"""The learning rate of a training, tuned with as many runs as that of the training it is compared with."""

from collections.abc import Callable

from descend.claims.claim import Tuned
from descend.core.bound import Count
from descend.doctor.compare.choice import Dimension
from descend.doctor.compare.next_values import best_run, next_values
from descend.doctor.compare.result import TriedValues

TRIALS = Count(8, "learning rates", "the default of `descend compare`")
SEEDS = Count(2, "seeds for each learning rate", "chosen: a value that diverges every other time is noticed by 3 of 4")
FIRST_SEED = 1000  # The seeds of the tuning are not among those that count.
LR = Dimension("lr", 1e-6, 1e3, is_open=True)


def tune(cost: Callable[[float, int], float], start: float, trials: int = TRIALS) -> Tuned:
    """Return the learning rate with the lowest cost, on a grid that is refined around the best value.

    cost: the cost of a run with a learning rate and a seed; it is positive. start: the first learning rate.
    """
    tried: list[TriedValues] = []
    while len(tried) < trials and (values := next_values([LR], [{"lr": start}], tried)) is not None:
        costs = [cost(values["lr"], FIRST_SEED + seed) for seed in range(SEEDS)]
        mean = sum(costs) / len(costs)
        tried.append(TriedValues(values, mean, mean, 0))
    best = best_run(tried) or tried[0]
    rates = [run.values["lr"] for run in tried]
    return Tuned(best.values["lr"], min(rates), max(rates))
